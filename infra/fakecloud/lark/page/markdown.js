// Markdown of a card: CommonMark's everyday part and the platform's own tags,
// built with DOM calls only. Whatever is not understood stays text.

const named = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'", nbsp: "\u00a0", ensp: "\u2002", emsp: "\u2003" };
const emoji = { OK: "👌", DONE: "✅", THUMBSUP: "👍", CrossMark: "❌", Alarm: "⏰", Fire: "🔥" };
const colours = ["blue", "wathet", "turquoise", "green", "lime", "yellow", "orange", "red", "carmine", "violet", "purple", "indigo", "grey", "neutral"];

export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "class") node.className = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((c) => c !== undefined && c !== null));
  return node;
}

// colourClass maps a colour of the platform to a class, "" for none.
export function colourClass(prefix, colour) {
  const base = String(colour || "").split("-")[0];
  const name = base === "gray" ? "grey" : base === "light_grey" ? "grey" : base;
  return colours.includes(name) ? prefix + name : "";
}

// paint sets a custom rgba() colour, the only free form the platform takes.
export function paint(node, property, colour) {
  if (/^rgba?\([\d\s.,%]+\)$/.test(String(colour || ""))) node.style.setProperty(property, colour);
}

export function safeLink(url) {
  return /^https?:\/\//i.test(String(url || "").trim()) ? String(url).trim() : "";
}

function anchor(url, children) {
  const href = safeLink(url);
  if (!href) return el("span", {}, ...children);
  return el("a", { href, target: "_blank", rel: "noopener noreferrer" }, ...children);
}

function attributes(text) {
  const out = {};
  for (const m of text.matchAll(/([a-zA-Z_]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/g)) {
    out[m[1].toLowerCase()] = m[2] ?? m[3] ?? m[4];
  }
  return out;
}

// decode turns character references into characters.
export function decode(text) {
  return text.replace(/&(#x[0-9a-fA-F]{1,6}|#\d{1,7}|[a-zA-Z]+);/g, (all, ref) => reference(ref) ?? all);
}

function reference(ref) {
  if (ref[0] !== "#") return named[ref];
  const n = ref[1] === "x" ? parseInt(ref.slice(2), 16) : parseInt(ref.slice(1), 10);
  return n > 0 && n <= 0x10ffff ? String.fromCodePoint(n) : "\ufffd";
}

const paired = { font: "font", a: "a", link: "link", text_tag: "text_tag", number_tag: "number_tag", at: "at", person: "person", local_datetime: "local_datetime", raw: "raw" };

// inline renders one run of text. ctx knows people, language and pictures.
export function inline(text, ctx) {
  const out = [];
  let plain = "";
  const flush = () => {
    if (plain) out.push(document.createTextNode(plain));
    plain = "";
  };
  const add = (node) => {
    flush();
    out.push(node);
  };
  for (let i = 0; i < text.length; ) {
    const hit = token(text, i, ctx);
    if (!hit) {
      plain += text[i++];
      continue;
    }
    if (typeof hit.node === "string") plain += hit.node;
    else add(hit.node);
    i = hit.end;
  }
  flush();
  return out;
}

function token(text, i, ctx) {
  switch (text[i]) {
    case "\\":
      return /[!-/:-@[-`{-~]/.test(text[i + 1] || "") ? { node: text[i + 1], end: i + 2 } : null;
    case "\n":
      return { node: el("br"), end: i + 1 };
    case "&":
      return entity(text, i);
    case "`":
      return code(text, i);
    case "*":
    case "_":
    case "~":
      return emphasis(text, i, ctx);
    case "!":
      return text[i + 1] === "[" ? picture(text, i, ctx) : null;
    case "[":
      return link(text, i, ctx);
    case "<":
      return tag(text, i, ctx);
    case ":":
      return smile(text, i);
  }
  return null;
}

function entity(text, i) {
  const m = /^&(#x[0-9a-fA-F]{1,6}|#\d{1,7}|[a-zA-Z]+);/.exec(text.slice(i, i + 12));
  const char = m && reference(m[1]);
  return char ? { node: char, end: i + m[0].length } : null;
}

function smile(text, i) {
  const m = /^:([A-Za-z]+):/.exec(text.slice(i, i + 24));
  return m && emoji[m[1]] ? { node: emoji[m[1]], end: i + m[0].length } : null;
}

function code(text, i) {
  const ticks = /^`+/.exec(text.slice(i))[0];
  const end = text.indexOf(ticks, i + ticks.length);
  if (end < 0) return { node: ticks, end: i + ticks.length };
  let inner = text.slice(i + ticks.length, end).replace(/\n/g, " ");
  if (/^ .* $/.test(inner)) inner = inner.slice(1, -1);
  return { node: el("code", {}, inner), end: end + ticks.length };
}

function emphasis(text, i, ctx) {
  const mark = text[i];
  const word = /[\p{L}\p{N}]/u;
  for (const [run, name] of mark === "~" ? [["~~", "s"]] : [[mark + mark, "strong"], [mark, "em"]]) {
    if (!text.startsWith(run, i) || /\s|^$/.test(text[i + run.length] || "")) continue;
    if (mark === "_" && word.test(text[i - 1] || "")) continue;
    for (let end = text.indexOf(run, i + run.length); end > 0; end = text.indexOf(run, end + 1)) {
      const inner = text.slice(i + run.length, end);
      if (/\s$|^$/.test(inner) || text[end - 1] === "\\" || inner.includes("\n\n")) continue;
      if (run.length === 1 && (text[end + 1] === mark || text[end - 1] === mark)) continue;
      if (mark === "_" && word.test(text[end + run.length] || "")) continue;
      return { node: el(name, {}, ...inline(inner, ctx)), end: end + run.length };
    }
  }
  return null;
}

// bracket finds "[label](target)" at i.
function bracket(text, i) {
  let depth = 0;
  for (let j = i; j < text.length; j++) {
    if (text[j] === "\\") j++;
    else if (text[j] === "[") depth++;
    else if (text[j] === "]" && --depth === 0) {
      const m = /^\(\s*<?([^\s<>()]*(?:\([^\s<>()]*\)[^\s<>()]*)*)>?(?:\s+["'][^"']*["'])?\s*\)/.exec(text.slice(j + 1));
      return m ? { label: text.slice(i + 1, j), target: decode(m[1]), end: j + 1 + m[0].length } : null;
    } else if (text[j] === "\n" && text[j + 1] === "\n") return null;
  }
  return null;
}

function link(text, i, ctx) {
  const b = bracket(text, i);
  return b && { node: anchor(b.target, inline(b.label, ctx)), end: b.end };
}

function picture(text, i, ctx) {
  const b = bracket(text, i + 1);
  if (!b || !/^[\w-]+$/.test(b.target)) return null;
  return { node: el("img", { src: ctx.image(b.target), alt: decode(b.label), class: "md-img" }), end: b.end };
}

function tag(text, i, ctx) {
  const m = /^<(\/?)([a-zA-Z_]+)((?:\s+[^<>]*)?)\s*(\/?)>/.exec(text.slice(i));
  if (!m || m[1]) return null;
  const name = m[2].toLowerCase();
  const after = i + m[0].length;
  if (name === "br") return { node: el("br"), end: after };
  if (name === "hr") return { node: el("hr"), end: after };
  if (!paired[name]) return null;
  const end = m[4] ? after : closing(text, name, after);
  if (end < 0) return null;
  const inner = text.slice(after, m[4] ? after : end);
  const stop = m[4] ? after : end + name.length + 3;
  return { node: element(name, attributes(m[3]), inner, ctx), end: stop };
}

function closing(text, name, from) {
  const both = new RegExp(`<(/?)${name}(?=[\\s>])[^<>]*>`, "gi");
  both.lastIndex = from;
  let depth = 1;
  for (let m = both.exec(text); m; m = both.exec(text)) {
    depth += m[1] ? -1 : 1;
    if (depth === 0) return m.index;
  }
  return -1;
}

function element(name, a, inner, ctx) {
  switch (name) {
    case "font": {
      const node = el("span", { class: colourClass("fg-", a.color) }, ...inline(inner, ctx));
      paint(node, "color", a.color);
      return node;
    }
    case "a":
      return anchor(decode(a.href || ""), inner.trim() ? inline(inner, ctx) : [decode(a.href || "")]);
    case "link":
      return anchor(decode(a.pc_url || a.url || ""), inline(inner, ctx));
    case "text_tag":
      return el("span", { class: "tag " + (colourClass("tag-", a.color) || "tag-neutral") }, decode(inner.trim()));
    case "number_tag":
      return el("span", { class: "number-tag" }, decode(inner.trim()));
    case "at":
      return mention(a, inner, ctx);
    case "person":
      return el("span", { class: "mention" }, ctx.person(a.id));
    case "local_datetime":
      return el("time", {}, localTime(a, ctx));
  }
  return document.createTextNode(decode(inner));
}

function mention(a, inner, ctx) {
  const ids = (a.ids || a.id || a.user_id || "").split(",").filter(Boolean);
  const names = ids.map((id) => (id === "all" ? ctx.words.everyone : ctx.person(id)));
  const text = names.length ? names.map((n) => "@" + n).join(" ") : "@" + (decode(inner) || a.email || "?");
  return el("span", { class: "mention" }, text);
}

// localTime shows a moment in the reader's own zone.
function localTime(a, ctx) {
  const at = new Date(Number(a.millisecond));
  if (Number.isNaN(at.getTime())) return "";
  const two = (n) => String(n).padStart(2, "0");
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
  const kind = String(a.format_type || "");
  if (/^date_num$|^date$/.test(kind)) return date;
  if (/^time$/.test(kind)) return time;
  if (/^time_sec$/.test(kind)) return `${time}:${two(at.getSeconds())}`;
  if (/^week/.test(kind)) return at.toLocaleDateString(ctx.locale, { weekday: "long" });
  return `${date} ${time}`;
}

// blocks renders a whole markdown text.
export function blocks(text, ctx) {
  const lines = String(text).replace(/\r\n?/g, "\n").replace(/<br\s*\/?>/gi, "\n").split("\n");
  const root = el("div", { class: "md" });
  let paragraph = [];
  const flush = () => {
    const body = paragraph.join("\n").trim();
    if (body) root.append(el("p", {}, ...inline(body, ctx)));
    paragraph = [];
  };
  for (let i = 0; i < lines.length; ) {
    const hit = block(lines, i, ctx);
    if (hit) {
      flush();
      if (hit.node) root.append(hit.node);
      i = hit.next;
    } else paragraph.push(lines[i++]);
  }
  flush();
  return root;
}

const item = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;

function block(lines, i, ctx) {
  const line = lines[i];
  if (!line.trim()) return { next: i + 1 };
  let m = /^\s{0,3}(```+|~~~+)\s*(\S*)/.exec(line);
  if (m) return fence(lines, i, m[1], m[2]);
  if (/^\s{0,3}((\*\s*){3,}|(-\s*){3,}|(_\s*){3,}|<hr\s*\/?>)\s*$/.test(line)) return { node: el("hr"), next: i + 1 };
  m = /^\s{0,3}(#{1,6})\s+(.*?)\s*#*\s*$/.exec(line);
  if (m) return { node: el("h" + Math.min(6, m[1].length + 2), { class: "h" + m[1].length }, ...inline(m[2], ctx)), next: i + 1 };
  if (/^\s{0,3}>/.test(line)) return quote(lines, i, ctx);
  if (item.test(line)) return list(lines, i, ctx);
  if (line.includes("|") && /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/.test(lines[i + 1] || "") && (lines[i + 1] || "").includes("|")) return table(lines, i, ctx);
  return null;
}

function fence(lines, i, mark, language) {
  const body = [];
  let j = i + 1;
  for (; j < lines.length && !(lines[j].trim().startsWith(mark) && !lines[j].trim().slice(mark.length).replace(/[`~]/g, "")); j++) body.push(lines[j]);
  const pre = el("pre", { tabindex: "0", "data-language": language || undefined }, el("code", {}, body.join("\n")));
  return { node: pre, next: Math.min(lines.length, j + 1) };
}

function quote(lines, i, ctx) {
  const body = [];
  let j = i;
  for (; j < lines.length && /^\s{0,3}>/.test(lines[j]); j++) body.push(lines[j].replace(/^\s{0,3}>\s?/, ""));
  return { node: el("blockquote", {}, blocks(body.join("\n"), ctx)), next: j };
}

function list(lines, i, ctx) {
  const first = item.exec(lines[i]);
  const indent = first[1].length;
  const ordered = /\d/.test(first[2]);
  const node = el(ordered ? "ol" : "ul", ordered ? { start: parseInt(first[2], 10) } : {});
  let j = i;
  while (j < lines.length) {
    const m = item.exec(lines[j]);
    if (!m || m[1].length < indent || /\d/.test(m[2]) !== ordered) break;
    const li = el("li", {});
    node.append(li);
    const body = [m[3]];
    for (j++; j < lines.length && lines[j].trim() && !item.test(lines[j]); j++) body.push(lines[j].trim());
    li.append(...inline(body.join("\n"), ctx));
    for (let inner = item.exec(lines[j] || ""); inner && inner[1].length > indent; inner = item.exec(lines[j] || "")) {
      const hit = list(lines, j, ctx);
      li.append(hit.node);
      j = hit.next;
    }
  }
  return { node, next: j };
}

function cells(line) {
  const out = [""];
  const body = line.trim().replace(/^\|/, "").replace(/\|$/, "");
  for (let i = 0; i < body.length; i++) {
    if (body[i] === "\\" && body[i + 1] === "|") out[out.length - 1] += body[++i];
    else if (body[i] === "|") out.push("");
    else out[out.length - 1] += body[i];
  }
  return out.map((c) => c.trim());
}

function table(lines, i, ctx) {
  const align = cells(lines[i + 1]).map((c) => (/^:.*:$/.test(c) ? "center" : /:$/.test(c) ? "right" : "left"));
  const row = (name, line) => el("tr", {}, ...cells(line).map((c, n) => el(name, { class: "to-" + (align[n] || "left") }, ...inline(c, ctx))));
  const body = el("tbody");
  let j = i + 2;
  for (; j < lines.length && lines[j].includes("|"); j++) body.append(row("td", lines[j]));
  return { node: el("div", { class: "scroll", tabindex: "0", role: "group" }, el("table", {}, el("thead", {}, row("th", lines[i])), body)), next: j };
}

// lines renders the smaller language of lark_md: no blocks, only lines.
export function lines(text, ctx) {
  return el("div", { class: "md" }, el("p", {}, ...inline(String(text), ctx)));
}
