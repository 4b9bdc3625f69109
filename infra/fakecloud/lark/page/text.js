// Texts of a card in the reader's language, and people.

import { el } from "./markdown.js";

export function textOf(obj, language) {
  if (!obj) return "";
  const i18n = obj.i18n_content || {};
  return String(i18n[language] ?? (obj.content || i18n.en_us || Object.values(i18n)[0]) ?? "");
}

export function personChip(id, ctx) {
  const name = ctx.person(id);
  return el("span", { class: "person" }, el("span", { class: "avatar small", "aria-hidden": "true" }, name.slice(0, 1)), name);
}
