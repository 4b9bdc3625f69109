// The chat: who is looking, which chat, its messages, and what people do there.
// The address may choose: ?user=NAME&chat=ID&lang=en_us&theme=dark&live=0.

import { el } from "./markdown.js";
import { kept, render, restore, summary, textOf } from "./card.js";
import { fill, words } from "./words.js";

const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const state = { seq: -1, app: "", users: [], chats: [], messages: new Map(), user: query.get("user") || "", chat: query.get("chat") || "", language: query.get("lang") || "", replyTo: "", mine: new Map(), drawn: new Map(), read: {} };
let source = null;
let ids = 0;

const say = (key, values = {}) => fill(words[state.language]?.[key] ?? words.en_us[key], { app: state.app, ...values });
const me = () => state.users.find((u) => u.open_id === state.user || u.name === state.user);
const chatNow = () => state.chats.find((c) => c.chat_id === state.chat);
const two = (n) => String(n).padStart(2, "0");

function clock(time, seconds) {
  const at = new Date(time);
  return `${two(at.getHours())}:${two(at.getMinutes())}${seconds ? ":" + two(at.getSeconds()) : ""}`;
}

function day(time) {
  return new Date(time).toLocaleDateString(state.language === "zh_cn" ? "zh-CN" : "en-GB", { weekday: "short", year: "numeric", month: "short", day: "numeric" });
}

function context(message) {
  return {
    language: state.language, locale: state.language === "zh_cn" ? "zh-CN" : "en-GB", words: { ...words.en_us, ...words[state.language] },
    image: (key) => "_chat/images/" + encodeURIComponent(key),
    person: (id) => state.users.find((u) => [u.open_id, u.union_id, u.user_id].includes(id))?.name || (id ? id.slice(0, 10) + "…" : "?"),
    everyone: () => chatNow()?.members || [],
    id: () => "f" + ++ids,
    press: (path, extra) => press(message, path, extra),
    ask: (confirm, label, from) => ask(textOf(confirm.title, state.language), textOf(confirm.text, state.language), label, from),
  };
}

// --- talking to the server -------------------------------------------------

async function post(path, body) {
  const response = await fetch("_chat/" + path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return { refused: "other" };
  }
}

async function load() {
  const response = await fetch("_chat/state?user=" + encodeURIComponent(state.user));
  state.messages.clear();
  state.drawn.clear();
  $("messages").replaceChildren();
  state.seq = -1;
  take(await response.json());
  follow();
}

function follow() {
  source?.close();
  if (query.get("live") === "0") return;
  source = new EventSource(`_chat/events?user=${encodeURIComponent(state.user)}&since=${state.seq}`);
  source.onopen = () => live(true);
  source.onerror = () => live(false);
  source.onmessage = (event) => take(JSON.parse(event.data));
}

function live(on) {
  $("live").textContent = on ? say("connected") : say("lost");
  $("live").classList.toggle("lost", !on);
}

function take(view) {
  const first = state.seq < 0;
  state.app = view.app;
  state.users = view.users;
  state.chats = view.chats;
  state.seq = view.seq;
  if (!me() && view.users.length) state.user = view.users[0].open_id;
  if (me()) state.user = me().open_id;
  if (!state.language) state.language = me()?.language === "en_us" ? "en_us" : "zh_cn";
  const news = view.messages.filter((m) => !first && m.chat === state.chat);
  for (const m of view.messages) state.messages.set(m.id, { ...m, fresh: !first });
  if (first) loadRead();
  if (!chatNow()) state.chat = busiest();
  drawAll(first);
  if (!first) announce(news);
}

// busiest is the chat with the latest message.
function busiest() {
  const last = [...state.messages.values()].sort((a, b) => b.seq - a.seq)[0];
  return last?.chat || state.chats[0]?.chat_id || "";
}

// --- what was read ----------------------------------------------------------

function loadRead() {
  try {
    state.read = JSON.parse(localStorage.getItem("read:" + state.user)) || {};
  } catch {
    state.read = {};
  }
}

function markRead() {
  if (document.visibilityState !== "visible" || !state.chat) return;
  const top = Math.max(0, ...inChat(state.chat).map((m) => m.seq));
  if ((state.read[state.chat] || 0) >= top) return;
  state.read[state.chat] = top;
  try {
    localStorage.setItem("read:" + state.user, JSON.stringify(state.read));
  } catch {
    // a browser without storage shows everything as unread the next time
  }
  drawChats();
}

const inChat = (id) => [...state.messages.values()].filter((m) => m.chat === id).sort((a, b) => a.created.localeCompare(b.created) || a.seq - b.seq);
const unread = (id) => inChat(id).filter((m) => !m.mine && m.seq > (state.read[id] || 0)).length;

// --- drawing ----------------------------------------------------------------

function drawAll(jump) {
  document.documentElement.lang = state.language === "zh_cn" ? "zh-CN" : "en";
  drawControls();
  drawChats();
  drawMessages(jump);
}

function drawControls() {
  $("label-user").textContent = say("people");
  $("language").setAttribute("aria-label", say("language"));
  for (const b of $("language").children) b.setAttribute("aria-pressed", String(b.dataset.language === state.language));
  $("user").replaceChildren(...state.users.map((u) => el("option", { value: u.open_id }, u.role ? `${u.name} · ${u.role}` : u.name)));
  $("user").value = state.user;
  $("side").setAttribute("aria-label", say("chats"));
  const chat = chatNow();
  $("chat-name").textContent = chat ? chat.name : say("noChats", { name: me()?.name || "" });
  $("chat-people").textContent = (chat?.members || []).map((id) => state.users.find((u) => u.open_id === id)?.name).filter(Boolean).concat(chat ? [state.app] : []).join(" · ");
  document.title = (chat ? chat.name + " · " : "") + "Lark";
  const banner = chat?.banner && state.messages.get(chat.banner);
  $("banner").hidden = !banner;
  if (banner) $("banner").textContent = `${say("pinned")}: ${preview(banner)}`;
  $("composer").hidden = !chat;
  $("send").textContent = say("send");
  $("draft").placeholder = say("write", { chat: chat?.name || "" });
  $("draft").setAttribute("aria-label", say("write", { chat: chat?.name || "" }));
  $("draft").title = say("draftHint");
  const mention = $("mention").parentElement;
  mention.hidden = chat?.p2p === true;
  mention.lastElementChild.textContent = say("mention");
  const parent = state.messages.get(state.replyTo);
  $("replying").hidden = !parent;
  $("replying").firstElementChild.textContent = parent ? `${say("replyTo")} ${parent.sender}: ${preview(parent)}` : "";
  $("replying").lastElementChild.textContent = say("cancel");
}

function preview(m) {
  if (m.recalled) return say("recalled");
  const content = parse(m.content);
  if (m.type === "interactive") return summary(content, state.language);
  if (m.type === "text") return String(content.text || "");
  return `[${m.type}]`;
}

function parse(text) {
  try {
    return JSON.parse(text) || {};
  } catch {
    return {};
  }
}

function drawChats() {
  const rows = state.chats.map((c) => {
    const last = inChat(c.chat_id).at(-1);
    const n = c.chat_id === state.chat ? 0 : unread(c.chat_id);
    const b = el("button", { type: "button", class: "chat-row", "aria-current": c.chat_id === state.chat ? "true" : undefined, "data-testid": "chat-" + c.chat_id },
      el("span", { class: "avatar", "aria-hidden": "true" }, c.name.slice(0, 1)),
      el("span", { class: "chat-text" }, el("span", { class: "chat-line" }, el("span", { class: "chat-title" }, c.name), el("span", { class: "chat-time" }, last ? clock(last.updated) : "")), el("span", { class: "chat-preview" }, last ? preview(last) : say("empty"))),
      n ? el("span", { class: "badge", "aria-label": say("unread", { n }) }, String(n)) : null);
    b.addEventListener("click", () => openChat(c.chat_id));
    return el("li", {}, b);
  });
  $("chats").replaceChildren(...rows);
}

function openChat(id) {
  state.chat = id;
  state.replyTo = "";
  state.drawn.clear();
  $("messages").replaceChildren();
  drawAll(true);
}

// drawMessages keeps the DOM of what did not change, so that nothing moves under
// a person's pointer.
function drawMessages(jump) {
  const box = $("messages");
  const atEnd = jump || box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  const all = inChat(state.chat);
  const shown = new Set(all.map((m) => m.id));
  const roots = all.filter((m) => !m.thread || !shown.has(m.root) || m.root === m.id || !m.root);
  const wanted = [];
  let date = "";
  for (const m of roots) {
    if (day(m.created) !== date) {
      date = day(m.created);
      wanted.push(keep("day " + date, date, () => el("div", { class: "day" }, date)));
    }
    wanted.push(messageNode(m, all));
  }
  if (!wanted.length) wanted.push(keep("empty", "empty" + state.language, () => el("p", { class: "empty" }, say("empty"))));
  place(box, wanted);
  if (atEnd) box.scrollTop = box.scrollHeight;
  markRead();
}

// place puts nodes in order with the fewest moves.
function place(box, wanted) {
  for (const old of [...box.children]) if (!wanted.includes(old)) old.remove();
  wanted.forEach((node, i) => {
    if (box.children[i] !== node) box.insertBefore(node, box.children[i] || null);
  });
}

function keep(key, stamp, make) {
  const had = state.drawn.get(key);
  if (had?.stamp === stamp) return had.node;
  const node = make(had?.node);
  state.drawn.set(key, { stamp, node });
  return node;
}

function messageNode(m, all) {
  const replies = all.filter((r) => r.thread && r.root === m.id && r.id !== m.id);
  const stamp = [m.seq, state.language, state.mine.has(m.id), ...replies.map((r) => r.seq)].join("/");
  return keep(m.id, stamp, (old) => {
    const node = el("div", { class: `message${m.mine ? " mine" : ""}${m.bot ? " from-bot" : ""}`, id: m.id, "data-testid": "message", "data-message-id": m.id, "data-version": String(m.version) });
    const was = old && kept(old);
    const hadFocus = old?.contains(document.activeElement) ? document.activeElement.dataset?.path || document.activeElement.dataset?.field : "";
    node.append(el("span", { class: "avatar" + (m.bot ? " bot" : ""), "aria-hidden": "true" }, m.bot ? "⚙" : m.sender.slice(0, 1)), el("div", { class: "bubble-col" }, metaOf(m), bodyOf(m), footOf(m), threadOf(m, replies)));
    if (was) restore(node, was);
    if (old && Number(old.dataset.version) < m.version) node.classList.add("changed");
    if (hadFocus) queueMicrotask(() => node.querySelector(`[data-path="${CSS.escape(hadFocus)}"],[data-field="${CSS.escape(hadFocus)}"]`)?.focus({ preventScroll: true }));
    return node;
  });
}

function metaOf(m) {
  const line = el("div", { class: "meta" }, el("span", { class: "sender" }, m.sender));
  if (m.bot) line.append(el("span", { class: "tag tag-blue tiny" }, say("bot")));
  if (m.role) line.append(el("span", { class: "tag tag-neutral tiny" }, m.role));
  line.append(el("time", { datetime: m.created, title: new Date(m.created).toString() }, clock(m.created)));
  for (const [on, text] of [[m.pinned, say("pinned")], [m.ephemeral, say("onlyYou")], [m.forwarded, say("forwarded")], [m.urgent?.length, say("urgent", { names: (m.urgent || []).join(", ") })]]) {
    if (on) line.append(el("span", { class: "tag tag-orange tiny" }, text));
  }
  return line;
}

function bodyOf(m) {
  if (m.recalled) return el("p", { class: "recalled" }, say("recalled"));
  const content = parse(m.content);
  if (m.type === "interactive") return cardBox(m, content);
  const bubble = el("div", { class: "bubble" });
  if (m.root && !m.thread) bubble.append(quoteOf(m));
  if (m.type === "text") bubble.append(el("div", { class: "plain-text" }, String(content.text || "")));
  else if (m.type === "image") bubble.append(el("img", { src: "_chat/images/" + encodeURIComponent(content.image_key), alt: "", class: "md-img" }));
  else if (m.type === "post") bubble.append(postOf(content, m));
  else bubble.append(el("div", { class: "plain-text" }, `[${m.type}]`));
  return bubble;
}

function quoteOf(m) {
  const parent = state.messages.get(m.root);
  return el("div", { class: "quote" }, parent ? `${parent.sender}: ${preview(parent)}` : "…");
}

// postOf draws a rich text message: paragraphs of runs.
function postOf(content, m) {
  const post = content[state.language] || content.zh_cn || content.en_us || Object.values(content)[0] || {};
  const ctx = context(m);
  const run = (r) => {
    if (r.tag === "a" && /^https?:\/\//i.test(r.href || "")) return el("a", { href: r.href, target: "_blank", rel: "noopener noreferrer" }, String(r.text ?? r.href));
    if (r.tag === "at") return el("span", { class: "mention" }, "@" + (r.user_id === "all" ? say("everyone") : ctx.person(r.user_id)));
    if (r.tag === "hr") return el("hr");
    if (r.tag === "img") return el("img", { src: ctx.image(r.image_key), alt: "", class: "md-img" });
    const node = el(r.tag === "code_block" ? "pre" : "span", {}, String(r.text ?? ""));
    for (const style of r.style || []) if (["bold", "italic", "underline", "lineThrough"].includes(style)) node.classList.add("run-" + style);
    return node;
  };
  return el("div", {}, post.title ? el("strong", {}, post.title) : null, ...(post.content || []).map((line) => el("p", { class: "plain-text" }, ...(Array.isArray(line) ? line : []).map(run))));
}

function cardBox(m, content) {
  const card = render(content, context(m));
  const busy = state.mine.has(m.id);
  const box = el("div", { class: "card-box", "aria-busy": String(busy || m.locked === true), "data-locked": String(m.locked === true) }, card);
  if (busy || m.locked) {
    box.append(el("div", { class: "working", "data-testid": "card-working" }, el("span", { class: "spinner", "aria-hidden": "true" }), busy ? say("sending") : say("working")));
  }
  if (busy) {
    for (const b of card.querySelectorAll("button.btn,select,input,textarea")) b.disabled = true;
    card.querySelector(`[data-path="${CSS.escape(state.mine.get(m.id))}"]`)?.prepend(el("span", { class: "spinner", "aria-hidden": "true" }));
  }
  return box;
}

function footOf(m) {
  const foot = el("div", { class: "foot" });
  if (m.recalled) return foot;
  if (m.version > 1) foot.append(el("span", { class: "updated", "data-testid": "updated", title: say("version", { n: m.version }) }, `${say("updated", { time: clock(m.updated, true) })} · ${say("version", { n: m.version })}`));
  const actions = [["reply", () => startReply(m)]];
  if (!m.ephemeral) actions.push(["forward", () => forward(m)]);
  for (const [key, act] of actions) {
    const b = el("button", { type: "button", class: "act", "data-testid": "message-" + key }, say(key));
    b.addEventListener("click", act);
    foot.append(b);
  }
  return foot;
}

function threadOf(m, replies) {
  if (!replies.length) return null;
  const node = el("div", { class: "thread", "data-testid": "thread" }, el("div", { class: "thread-count" }, replies.length === 1 ? say("oneReply") : say("replies", { n: replies.length })));
  for (const r of replies) {
    node.append(el("div", { class: "message reply" + (r.mine ? " mine" : ""), id: r.id, "data-testid": "message", "data-message-id": r.id }, el("span", { class: "avatar small" + (r.bot ? " bot" : ""), "aria-hidden": "true" }, r.bot ? "⚙" : r.sender.slice(0, 1)), el("div", { class: "bubble-col" }, metaOf(r), bodyOf(r))));
  }
  return node;
}

// announce tells about what happened outside of the visible part.
function announce(news) {
  const box = $("messages");
  for (const m of news) {
    const node = document.getElementById(m.id);
    if (!node) continue;
    const a = node.getBoundingClientRect();
    const b = box.getBoundingClientRect();
    if (a.top < b.bottom - 40 && a.bottom > b.top + 40) continue;
    const pill = $("pill");
    pill.textContent = `${m.version > 1 ? say("cardChanged") : say("newBelow")} · ${say("show")}`;
    pill.hidden = false;
    pill.onclick = () => {
      node.scrollIntoView({ block: "start", behavior: "smooth" });
      pill.hidden = true;
    };
  }
}

// --- what people do -----------------------------------------------------------

async function press(m, path, extra) {
  if (state.mine.has(m.id)) return;
  state.mine.set(m.id, path);
  drawMessages(false);
  try {
    const got = await post("press", { user: state.user, message: m.id, path, version: m.version, ...extra });
    if (got.refused) toast("warning", say("refused")[got.refused] || say("refused").other);
    else if (got.code) toast("error", `${say("clickFailed")}: ${say("codes")[got.code] || got.reason} (${got.code})`);
    else if (got.toast?.content || got.toast?.i18n) toast(got.toast.type || "info", got.toast.i18n?.[state.language] || got.toast.content);
  } catch {
    toast("error", say("lost"));
  } finally {
    state.mine.delete(m.id);
    drawMessages(false);
  }
}

function toast(type, text) {
  const marks = { success: "✓", error: "✕", warning: "!", info: "i" };
  const node = el("div", { class: "toast toast-" + (marks[type] ? type : "info"), "data-testid": "toast", "data-type": type }, el("span", { class: "toast-mark", "aria-hidden": "true" }, marks[type] || "i"), el("span", {}, text));
  $("toasts").append(node);
  setTimeout(() => node.remove(), 8000);
}

// ask opens the confirmation; it resolves to whether the person said yes.
function ask(title, text, yes, from, extra) {
  const dialog = $("ask");
  $("ask-title").textContent = title;
  $("ask-text").textContent = text;
  $("ask-extra").replaceChildren(...(extra ? [extra] : []));
  $("ask-no").textContent = say("cancel");
  $("ask-yes").textContent = yes || say("confirm");
  $("ask-yes").className = `btn btn-medium ${from?.className.includes("danger") ? "btn-danger_filled" : "btn-primary_filled"}`;
  dialog.showModal();
  $("ask-no").focus();
  return new Promise((resolve) => {
    const end = (said) => {
      dialog.close();
      $("ask-yes").onclick = $("ask-no").onclick = dialog.oncancel = null;
      from?.focus?.();
      resolve(said);
    };
    $("ask-yes").onclick = () => end(true);
    $("ask-no").onclick = () => end(false);
    dialog.oncancel = (event) => {
      event.preventDefault();
      end(false);
    };
  });
}

function startReply(m) {
  state.replyTo = m.id;
  drawControls();
  $("draft").focus();
}

async function forward(m) {
  const pick = el("select", { "aria-label": say("forwardTo") }, ...state.chats.map((c) => el("option", { value: c.chat_id }, c.name)));
  if (!(await ask(say("forwardTo"), preview(m), say("forward"), null, pick))) return;
  const got = await post("forward", { user: state.user, message: m.id, chat: pick.value });
  if (got.refused) toast("warning", say("refused")[got.refused] || say("refused").other);
}

async function send() {
  const draft = $("draft");
  let text = draft.value.trim();
  if (!text) return;
  const chat = chatNow();
  if (!chat.p2p && $("mention").checked && !text.includes("@" + state.app)) text = `@${state.app} ${text}`;
  const got = await post("type", { user: state.user, chat: state.chat, text, reply_to: state.replyTo });
  if (got.refused) {
    toast("warning", say("refused")[got.refused] || say("refused").other);
    return;
  }
  draft.value = "";
  grow();
  state.replyTo = "";
  drawControls();
  const box = $("messages");
  box.scrollTop = box.scrollHeight;
}

function grow() {
  const draft = $("draft");
  draft.style.height = "auto";
  draft.style.height = Math.min(160, draft.scrollHeight) + "px";
}

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
$("draft").addEventListener("input", grow);
$("draft").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});
$("replying").lastElementChild.addEventListener("click", () => {
  state.replyTo = "";
  drawControls();
});
$("user").addEventListener("change", () => {
  state.user = $("user").value;
  state.language = me()?.language === "en_us" ? "en_us" : "zh_cn";
  state.replyTo = "";
  load();
});
for (const b of $("language").children) {
  b.addEventListener("click", () => {
    state.language = b.dataset.language;
    drawAll(false);
    if (source) live(source.readyState === EventSource.OPEN);
  });
}
$("banner").addEventListener("click", () => document.getElementById(chatNow()?.banner)?.scrollIntoView({ block: "start", behavior: "smooth" }));
$("messages").addEventListener("scroll", () => {
  const box = $("messages");
  if (box.scrollHeight - box.scrollTop - box.clientHeight < 40) $("pill").hidden = true;
});
document.addEventListener("visibilitychange", markRead);
if (["dark", "light"].includes(query.get("theme"))) document.documentElement.dataset.theme = query.get("theme");
load();
