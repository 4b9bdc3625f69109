// One message with its card, its marks and its topic.

import { kept, restore } from "./form.js";
import { ask } from "./dialog.js";
import { el } from "./markdown.js";
import { render } from "./card.js";
import { $, chatNow, clock, parse, preview, say, state } from "./state.js";
import { textOf } from "./text.js";
import { words } from "./words.js";

let ids = 0;

function context(message, acts) {
  return {
    language: state.language, locale: state.language === "zh_cn" ? "zh-CN" : "en-GB", words: { ...words.en_us, ...words[state.language] },
    image: (key) => "_chat/images/" + encodeURIComponent(key),
    person: (id) => state.users.find((u) => [u.open_id, u.union_id, u.user_id].includes(id))?.name || (id ? id.slice(0, 10) + "…" : "?"),
    everyone: () => chatNow()?.members || [],
    id: () => "f" + ++ids,
    press: (path, extra) => acts.press(message, path, extra),
    ask: (confirm, label, from) => ask(textOf(confirm.title, state.language), textOf(confirm.text, state.language), label, from),
  };
}

// messageNode draws a message. acts: press(message, path, extra), reply(message),
// forward(message), and keep(key, stamp, make), which reuses what did not change.
export function messageNode(m, all, acts) {
  const replies = all.filter((r) => r.thread && r.root === m.id && r.id !== m.id);
  const stamp = [m.seq, state.language, state.mine.has(m.id), ...replies.map((r) => r.seq)].join("/");
  return acts.keep(m.id, stamp, (old) => {
    const node = el("div", { class: `message${m.mine ? " mine" : ""}${m.bot ? " from-bot" : ""}`, id: m.id, "data-testid": "message", "data-message-id": m.id, "data-version": String(m.version) });
    const was = old && kept(old);
    const hadFocus = old?.contains(document.activeElement) ? document.activeElement.dataset?.path || document.activeElement.dataset?.field : "";
    node.append(el("span", { class: "avatar" + (m.bot ? " bot" : ""), "aria-hidden": "true" }, m.bot ? "⚙" : m.sender.slice(0, 1)), el("div", { class: "bubble-col" }, metaOf(m), bodyOf(m, acts), footOf(m, acts), threadOf(m, replies, acts)));
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

function bodyOf(m, acts) {
  if (m.recalled) return el("p", { class: "recalled" }, say("recalled"));
  const content = parse(m.content);
  if (m.type === "interactive") return cardBox(m, content, acts);
  const bubble = el("div", { class: "bubble" });
  if (m.root && !m.thread) bubble.append(quoteOf(m));
  if (m.type === "text") bubble.append(el("div", { class: "plain-text" }, String(content.text || "")));
  else if (m.type === "image") bubble.append(el("img", { src: "_chat/images/" + encodeURIComponent(content.image_key), alt: "", class: "md-img" }));
  else if (m.type === "post") bubble.append(postOf(content, m, acts));
  else bubble.append(el("div", { class: "plain-text" }, `[${m.type}]`));
  return bubble;
}

function quoteOf(m) {
  const parent = state.messages.get(m.root);
  return el("div", { class: "quote" }, parent ? `${parent.sender}: ${preview(parent)}` : "…");
}

// postOf draws a rich text message: paragraphs of runs.
function postOf(content, m, acts) {
  const post = content[state.language] || content.zh_cn || content.en_us || Object.values(content)[0] || {};
  const ctx = context(m, acts);
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

function cardBox(m, content, acts) {
  const card = render(content, context(m, acts));
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

function footOf(m, acts) {
  const foot = el("div", { class: "foot" });
  if (m.recalled) return foot;
  if (m.version > 1) foot.append(el("span", { class: "updated", "data-testid": "updated", title: say("version", { n: m.version }) }, `${say("updated", { time: clock(m.updated, true) })} · ${say("version", { n: m.version })}`));
  const actions = [["reply", () => acts.reply(m)]];
  if (!m.ephemeral) actions.push(["forward", () => acts.forward(m)]);
  for (const [key, act] of actions) {
    const b = el("button", { type: "button", class: "act", "data-testid": "message-" + key }, say(key));
    b.addEventListener("click", act);
    foot.append(b);
  }
  return foot;
}

function threadOf(m, replies, acts) {
  if (!replies.length) return null;
  const node = el("div", { class: "thread", "data-testid": "thread" }, el("div", { class: "thread-count" }, replies.length === 1 ? say("oneReply") : say("replies", { n: replies.length })));
  for (const r of replies) {
    node.append(el("div", { class: "message reply" + (r.mine ? " mine" : ""), id: r.id, "data-testid": "message", "data-message-id": r.id }, el("span", { class: "avatar small" + (r.bot ? " bot" : ""), "aria-hidden": "true" }, r.bot ? "⚙" : r.sender.slice(0, 1)), el("div", { class: "bubble-col" }, metaOf(r), bodyOf(r, acts))));
  }
  return node;
}
