// Fields of a card: labels, choices, and what a form collects.

import { el } from "./markdown.js";
import { textOf } from "./text.js";

export function labelled(o, id, field, ctx, fallback) {
  const text = textOf(o.label, ctx.language);
  const node = el("div", { class: "field" + (o.label_position === "left" ? " label-left" : "") });
  if (text) node.append(el("label", { for: id }, text, o.required ? el("span", { class: "must", "aria-hidden": "true" }, " *") : null));
  else field.setAttribute("aria-label", fallback || o.name || o.tag);
  node.append(field, el("p", { class: "field-error", role: "alert" }));
  return node;
}

export function chooser(o, path, ctx, options, many) {
  const id = ctx.id();
  const hint = textOf(o.placeholder, ctx.language) || ctx.words.choose;
  const field = el("select", { id, name: o.name, multiple: many, disabled: o.disabled === true, "data-field": o.name, "data-testid": "card-select" });
  if (!many) field.append(el("option", { value: "" }, hint));
  const chosen = many ? o.selected_values || [] : [o.initial_option ?? options[(o.initial_index || 0) - 1]?.[0] ?? ""];
  for (const [value, text] of options) {
    const option = el("option", { value }, text);
    option.selected = option.defaultSelected = chosen.includes(value);
    field.append(option);
  }
  if (!ctx.form) {
    field.addEventListener("change", () => {
      const values = [...field.selectedOptions].map((x) => x.value);
      if (many || values[0]) ctx.press(path, many ? { options: values } : { option: values[0] });
    });
  }
  return labelled(o, id, field, ctx, hint);
}

function fields(form) {
  return [...form.querySelectorAll("[data-field]")];
}

function valueOf(f) {
  return f.multiple ? [...f.selectedOptions].map((x) => x.value) : f.value;
}

// collect reads a form, or shows what is missing and returns nothing.
export function collect(form, ctx) {
  const out = {};
  let missing = null;
  for (const f of fields(form)) {
    out[f.dataset.field] = valueOf(f);
    const empty = f.getAttribute("aria-required") === "true" && !f.value;
    const error = f.parentElement.querySelector(".field-error");
    if (error) error.textContent = empty ? ctx.words.required : "";
    f.setAttribute("aria-invalid", String(empty));
    if (empty) missing ||= f;
  }
  missing?.focus();
  return missing ? null : out;
}

export function reset(form) {
  for (const f of fields(form)) {
    if (f.tagName === "SELECT") for (const x of f.options) x.selected = x.defaultSelected;
    else f.value = f.dataset.initial || "";
  }
}

// kept returns what a person had typed and opened, to be put back after the card
// is drawn again.
export function kept(root) {
  const out = { values: new Map(), open: new Map() };
  for (const f of root.querySelectorAll("[data-field]")) if (f.value !== (f.dataset.initial || "")) out.values.set(f.dataset.field, f.value);
  for (const d of root.querySelectorAll("[data-keep]")) out.open.set(d.dataset.keep + "|" + d.querySelector("summary").textContent, d.open);
  return out;
}

export function restore(root, was) {
  for (const f of root.querySelectorAll("[data-field]")) if (was.values.has(f.dataset.field)) f.value = was.values.get(f.dataset.field);
  for (const d of root.querySelectorAll("[data-keep]")) {
    const key = d.dataset.keep + "|" + d.querySelector("summary").textContent;
    if (was.open.has(key)) d.open = was.open.get(key);
  }
}

