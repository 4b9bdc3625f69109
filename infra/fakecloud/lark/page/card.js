// Cards of JSON 2.0 as a person sees them: a look-alike of the documented
// components, not of every pixel. render() returns the DOM of one card.

import { blocks, colourClass, el, inline, lines, paint, safeLink } from "./markdown.js";
import { chooser, collect, labelled, reset } from "./form.js";
import { tableOf } from "./table.js";
import { personChip, textOf } from "./text.js";
import { draw, drawable, read, said } from "./chart.js";

const gaps = { small: "4px", medium: "8px", large: "12px", extra_large: "16px", default: "8px" };

function lengths(value) {
  const parts = String(value ?? "").trim().split(/\s+/).filter(Boolean).map((p) => gaps[p] || (/^-?\d+$/.test(p) ? p + "px" : p));
  return parts.length && parts.every((p) => /^-?\d+px$/.test(p)) ? parts.join(" ") : "";
}

// summary is what the chat list shows for a card.
export function summary(card, language) {
  const own = textOf(card?.config?.summary, language);
  return own || textOf(card?.header?.title, language) || "…";
}

// render draws a card. ctx: language, words, locale, image(key), person(id),
// press(path, extra) and ask(confirm).
export function render(card, ctx) {
  const config = card.config || {};
  const root = el("article", { class: "card width-" + (["compact", "fill"].includes(config.width_mode) ? config.width_mode : "default"), "data-testid": "card" });
  if (card.header) {
    root.append(headerOf(card.header, ctx));
    root.setAttribute("aria-label", textOf(card.header.title, ctx.language));
  }
  const body = card.body || {};
  const main = el("div", { class: "card-body" });
  arrange(main, body, "8px");
  main.append(...children(body.elements, "/body/elements", { ...ctx, config }));
  root.append(main);
  return root;
}

function headerOf(header, ctx) {
  const node = el("header", { class: "card-header " + (colourClass("head-", header.template) || "head-plain") });
  const tags = header.i18n_text_tag_list?.[ctx.language] || header.text_tag_list || [];
  const title = el("div", { class: "card-title-row" }, el("h2", { class: "card-title", "data-testid": "card-title" }, ...rich(header.title, ctx)));
  for (const t of tags.slice(0, 3)) {
    title.append(el("span", { class: "tag " + (colourClass("tag-", t.color) || "tag-neutral"), "data-testid": "card-tag" }, textOf(t.text, ctx.language)));
  }
  node.append(title);
  if (header.subtitle) node.append(el("p", { class: "card-subtitle" }, ...rich(header.subtitle, ctx)));
  return node;
}

// rich is the content of a text object: plain text, or markdown of its kind.
function rich(obj, ctx) {
  const text = textOf(obj, ctx.language);
  return obj?.tag === "lark_md" || obj?.tag === "markdown" ? inline(text, ctx) : [document.createTextNode(text)];
}

function arrange(node, o, gap) {
  node.classList.add("stack");
  if (o.direction === "horizontal") node.classList.add("row");
  node.style.setProperty("--v-gap", lengths(o.vertical_spacing) || gap);
  node.style.setProperty("--h-gap", lengths(o.horizontal_spacing) || "8px");
  if (["center", "right"].includes(o.horizontal_align)) node.classList.add("h-" + o.horizontal_align);
  if (["center", "bottom"].includes(o.vertical_align)) node.classList.add("v-" + o.vertical_align);
  if (lengths(o.padding)) node.style.padding = lengths(o.padding);
}

function children(list, path, ctx) {
  return (list || []).map((o, i) => component(o, `${path}/${i}`, ctx));
}

function component(o, path, ctx) {
  const make = makers[o?.tag] || unknown;
  const node = make(o, path, ctx);
  if (lengths(o.margin)) node.style.margin = lengths(o.margin);
  if (o.element_id) node.dataset.elementId = o.element_id;
  node.dataset.tag = o.tag;
  return node;
}

function unknown(o, _path, ctx) {
  return el("p", { class: "not-drawn" }, `${ctx.words.notDrawn}: ${o?.tag}`);
}

function sized(node, size, ctx) {
  const custom = ctx.config?.style?.text_size?.[size];
  const name = custom ? custom.pc || custom.default : size;
  if (name && name !== "normal") node.classList.add("size-" + String(name).replace(/[^\w-]/g, ""));
}

function aligned(node, align) {
  if (["center", "right"].includes(align)) node.classList.add("to-" + align);
}

const makers = {
  markdown(o, _path, ctx) {
    const node = blocks(textOf(o, ctx.language), ctx);
    sized(node, o.text_size, ctx);
    aligned(node, o.text_align);
    return node;
  },

  div(o, _path, ctx) {
    const node = el("div", { class: "plain" });
    if (o.text) node.append(textBlock(o.text, ctx));
    if (o.fields?.length) {
      node.append(el("div", { class: "fields" }, ...o.fields.map((f) => {
        const cell = textBlock(f.text, ctx);
        cell.classList.add(f.is_short ? "field-short" : "field-long");
        return cell;
      })));
    }
    return node;
  },

  hr: () => el("hr"),

  img(o, _path, ctx) {
    const key = o.i18n_img_key?.[ctx.language] || o.img_key;
    const figure = el("figure", {}, el("img", { src: ctx.image(key), alt: textOf(o.alt, ctx.language) }));
    if (o.title) figure.append(el("figcaption", {}, ...rich(o.title, ctx)));
    return figure;
  },

  person: (o, _path, ctx) => personChip(o.user_id, ctx),

  person_list: (o, _path, ctx) => el("div", { class: "people" }, ...(o.persons || []).map((p) => personChip(p.id, ctx))),

  column_set(o, path, ctx) {
    const node = el("div", { class: `columns flex-${o.flex_mode || "none"}` });
    node.style.setProperty("--h-gap", lengths(o.horizontal_spacing) || "8px");
    if (["center", "right"].includes(o.horizontal_align)) node.classList.add("h-" + o.horizontal_align);
    ground(node, o.background_style);
    node.append(...children(o.columns, path + "/columns", ctx));
    return node;
  },

  column(o, path, ctx) {
    const node = el("div", { class: "column" });
    arrange(node, o, "8px");
    if (o.width === "weighted") {
      node.style.flex = `${o.weight || 1} 1 0`;
      node.classList.add("weighted");
    } else if (/^\d+px$/.test(o.width || "")) node.style.flex = `0 1 ${o.width}`;
    ground(node, o.background_style);
    node.append(...children(o.elements, path + "/elements", ctx));
    return node;
  },

  collapsible_panel(o, path, ctx) {
    const head = o.header || {};
    const title = el("summary", { class: `place-${head.icon_position || "right"}` }, el("span", { class: "panel-title" }, ...rich(head.title, ctx)), el("span", { class: "chevron", "aria-hidden": "true" }));
    ground(title, head.background_color);
    const inner = el("div", { class: "panel-body" });
    arrange(inner, o, "8px");
    inner.append(...children(o.elements, path + "/elements", ctx));
    const node = el("details", { class: "panel", open: o.expanded === true, "data-keep": path }, title, inner);
    ground(node, o.background_color);
    if (o.border) {
      node.classList.add("bordered");
      if (/^\d+px$/.test(o.border.corner_radius || "")) node.style.borderRadius = o.border.corner_radius;
    }
    return node;
  },

  interactive_container(o, path, ctx) {
    const node = el("div", { class: "box" + (o.has_border ? " bordered" : "") });
    arrange(node, o, "8px");
    ground(node, o.background_style);
    node.append(...children(o.elements, path + "/elements", ctx));
    return node;
  },

  button(o, path, ctx) {
    const label = textOf(o.text, ctx.language);
    const type = /^[a-z_]+$/.test(o.type || "") ? o.type : "default";
    const node = el("button", {
      type: "button", class: `btn btn-${type} btn-${o.size || "medium"}${o.width === "fill" ? " wide" : ""}`,
      "data-testid": "card-button", "data-path": path, "data-name": o.name, disabled: o.disabled === true,
      title: textOf(o.disabled ? o.disabled_tips : o.hover_tips, ctx.language) || undefined,
    }, label);
    if (o.confirm) node.setAttribute("aria-haspopup", "dialog");
    node.addEventListener("click", () => activate(node, o, path, ctx));
    return node;
  },

  form(o, path, ctx) {
    const node = el("div", { class: "form", role: "form", "aria-label": o.name, "data-form": o.name });
    arrange(node, o, "12px");
    node.append(...children(o.elements, path + "/elements", { ...ctx, form: node }));
    return node;
  },

  input(o, path, ctx) {
    const id = ctx.id();
    const value = o.i18n_default_value?.[ctx.language] ?? o.default_value ?? "";
    const hint = textOf(o.placeholder, ctx.language);
    const shared = { id, name: o.name, placeholder: hint, maxlength: o.max_length || 1000, disabled: o.disabled === true, "data-field": o.name, "data-initial": value, "aria-required": o.required ? "true" : undefined, "data-testid": "card-input" };
    const field = o.input_type === "multiline_text" ? el("textarea", { ...shared, rows: o.rows || 3 }) : el("input", { ...shared, type: o.input_type === "password" ? "password" : "text", autocomplete: "off" });
    field.value = value;
    if (!ctx.form) field.addEventListener("change", () => ctx.press(path, { input: field.value }));
    return labelled(o, id, field, ctx, hint);
  },

  select_static: (o, path, ctx) => chooser(o, path, ctx, (o.options || []).map((x) => [x.value, textOf(x.text, ctx.language)]), false),
  multi_select_static: (o, path, ctx) => chooser(o, path, ctx, (o.options || []).map((x) => [x.value, textOf(x.text, ctx.language)]), true),
  select_person: (o, path, ctx) => chooser(o, path, ctx, people(o, ctx), false),
  multi_select_person: (o, path, ctx) => chooser(o, path, ctx, people(o, ctx), true),
  overflow: (o, path, ctx) => chooser({ ...o, placeholder: { content: "···" } }, path, ctx, (o.options || []).map((x) => [x.value, textOf(x.text, ctx.language)]), false),

  table: tableOf,
  chart: chartOf,
};

function people(o, ctx) {
  const given = (o.options || []).map((x) => x.value);
  return (given.length ? given : ctx.everyone()).map((id) => [id, ctx.person(id)]);
}

function textBlock(obj, ctx) {
  const text = textOf(obj, ctx.language);
  const node = obj?.tag === "lark_md" ? lines(text, ctx) : el("div", { class: "plain-text" }, text);
  sized(node, obj?.text_size, ctx);
  aligned(node, obj?.text_align);
  const colour = colourClass("fg-", obj?.text_color);
  if (colour) node.classList.add(colour);
  if (obj?.lines) {
    node.classList.add("clamped");
    node.style.setProperty("-webkit-line-clamp", String(obj.lines));
  }
  return node;
}

function ground(node, colour) {
  const name = colourClass("bg-", colour);
  if (name) node.classList.add(name);
  paint(node, "background-color", colour);
}

async function activate(node, o, path, ctx) {
  const jump = (o.behaviors || []).find((b) => b.type === "open_url");
  if (o.form_action_type === "reset") return reset(ctx.form);
  const extra = {};
  if (o.form_action_type === "submit" && !(extra.form = collect(ctx.form, ctx))) return;
  if (o.confirm && !(await ctx.ask(o.confirm, textOf(o.text, ctx.language), node))) return;
  if (jump) {
    const url = safeLink(jump.pc_url || jump.default_url);
    if (url) window.open(url, "_blank", "noopener,noreferrer");
  }
  if (!jump || (o.behaviors || []).some((b) => b.type === "callback") || extra.form) ctx.press(path, extra);
}

function chartOf(o, _path, ctx) {
  const spec = o.chart_spec || {};
  const node = el("div", { class: "chart", "data-testid": "card-chart" });
  if (!drawable(spec)) {
    node.append(el("p", { class: "not-drawn" }, `${ctx.words.notDrawn}: ${spec.type}. ${said(spec, read(spec), ctx.words)}`));
    return node;
  }
  const [a, b] = (o.aspect_ratio || "16:9").split(":").map(Number);
  const paintAt = (width) => {
    const height = /^\d+px$/.test(o.height || "") ? parseInt(o.height, 10) : Math.round((width * b) / a);
    node.replaceChildren(draw(spec, Math.round(width), Math.max(120, height), ctx.words));
  };
  paintAt(560);
  const seen = new ResizeObserver(([entry]) => {
    const width = entry.contentRect.width;
    if (width > 0 && Math.round(width) !== Number(node.dataset.width)) {
      node.dataset.width = String(Math.round(width));
      paintAt(width);
    }
  });
  seen.observe(node);
  return node;
}
