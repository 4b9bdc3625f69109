// The chat: who is looking, which chat, its messages, and what people do there.
// The address may choose: ?user=NAME&chat=ID&lang=en_us&theme=dark&live=0.

import { ask, toast } from "./dialog.js";
import { el } from "./markdown.js";
import { messageNode } from "./message.js";
import { $, chatNow, clock, day, me, preview, query, say, state } from "./state.js";

let source = null;
const acts = { press, reply: startReply, forward, keep };

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
  if (state.run && state.run !== view.run) return location.reload();
  state.run = view.run;
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
    state.read = JSON.parse(localStorage.getItem(`read:${state.run}:${state.user}`)) || {};
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
    localStorage.setItem(`read:${state.run}:${state.user}`, JSON.stringify(state.read));
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
    wanted.push(messageNode(m, all, acts));
  }
  if (!wanted.length) wanted.push(keep("empty", "empty" + state.language, () => el("p", { class: "empty" }, say("empty"))));
  place(box, wanted);
  if (atEnd) requestAnimationFrame(() => requestAnimationFrame(toEnd)); // charts find their size first
  markRead();
}

// toEnd shows the latest message: its end, or its beginning when it is a card
// that does not fit, because a card is read from its title.
function toEnd() {
  const box = $("messages");
  const last = [...box.children].at(-1);
  box.scrollTop = box.scrollHeight;
  if (last?.querySelector(".card") && last.offsetHeight > box.clientHeight) box.scrollTop = last.offsetTop - box.offsetTop - 8;
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
