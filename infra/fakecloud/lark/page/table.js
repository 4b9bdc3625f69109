// The table component, with its kinds of cells and its pages.

import { blocks, colourClass, el, inline } from "./markdown.js";
import { personChip } from "./text.js";

function cell(column, value, ctx) {
  if (value === undefined || value === null || value === "") return [];
  switch (column.data_type) {
    case "markdown":
      return [blocks(String(value), ctx)];
    case "lark_md":
      return inline(String(value), ctx);
    case "number":
      return [numberText(value, column.format || {})];
    case "options":
      return (Array.isArray(value) ? value : [{ text: value, color: "blue" }]).map((v) => el("span", { class: "tag " + (colourClass("tag-", v.color) || "tag-blue") }, String(v.text ?? v)));
    case "persons":
      return (Array.isArray(value) ? value : [value]).map((id) => personChip(id, ctx));
    case "date":
      return [dateText(value, column.date_format)];
  }
  return [String(value)];
}

function numberText(value, format) {
  const n = Number(value);
  const text = format.precision === undefined ? String(n) : n.toFixed(format.precision);
  const [whole, rest] = text.split(".");
  return (format.symbol || "") + (format.separator ? whole.replace(/\B(?=(\d{3})+$)/g, ",") : whole) + (rest ? "." + rest : "");
}

function dateText(value, format) {
  const at = new Date(Number(value));
  const two = (n) => String(n).padStart(2, "0");
  const parts = { YYYY: at.getFullYear(), MM: two(at.getMonth() + 1), DD: two(at.getDate()), HH: two(at.getHours()), mm: two(at.getMinutes()), ss: two(at.getSeconds()) };
  return (format || "YYYY-MM-DD HH:mm").replace(/YYYY|MM|DD|HH|mm|ss/g, (k) => parts[k]);
}

export function tableOf(o, _path, ctx) {
  const columns = (o.columns || []).slice(0, 50);
  const rows = o.rows || [];
  const size = Math.min(10, Math.max(1, o.page_size || 5));
  const style = o.header_style || {};
  const head = el("tr", { class: style.background_style === "grey" ? "bg-grey" : "" });
  for (const c of columns) {
    const side = c.horizontal_align || (c.data_type === "number" ? "right" : "left");
    const th = el("th", { scope: "col", class: "to-" + side + (style.bold === false ? " light" : "") }, c.display_name || "");
    if (/^\d+(px|%)$/.test(c.width || "")) th.style.width = c.width;
    head.append(th);
  }
  const body = el("tbody");
  const pager = el("div", { class: "pager" });
  const pages = Math.max(1, Math.ceil(rows.length / size));
  const show = (page) => {
    body.replaceChildren(...rows.slice(page * size, page * size + size).map((r) => el("tr", {}, ...columns.map((c) => {
      const side = c.horizontal_align || (c.data_type === "number" ? "right" : "left");
      return el("td", { class: "to-" + side }, ...cell(c, r[c.name], ctx));
    }))));
    if (pages < 2) return;
    const step = (text, to, name) => {
      const b = el("button", { type: "button", class: "btn btn-text btn-tiny", "aria-label": name, disabled: to < 0 || to >= pages }, text);
      b.addEventListener("click", () => show(to));
      return b;
    };
    pager.replaceChildren(step("‹", page - 1, ctx.words.previousPage), el("span", {}, `${page + 1} / ${pages}`), step("›", page + 1, ctx.words.nextPage));
  };
  show(0);
  return el("div", { class: "table-card" }, el("div", { class: "scroll", tabindex: "0", role: "group" }, el("table", { class: o.freeze_first_column ? "freeze" : "" }, el("thead", {}, head), body)), pager);
}
