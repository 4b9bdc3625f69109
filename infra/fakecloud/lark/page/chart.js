// A small drawer for the part of VChart that alarm cards use: lines, areas and
// bars over categories or time, with axes, a threshold line and a legend.

const ns = "http://www.w3.org/2000/svg";
const palette = 8; // classes s0 … s7 in the style sheet

function svg(name, attributes = {}, ...children) {
  const node = document.createElementNS(ns, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function first(value) {
  return Array.isArray(value) ? value[0] : value;
}

// read turns a specification into what is drawn: categories and series. As in
// VChart the categories stand in the order in which the values bring them up, and
// a line follows the order of its values: unsorted values give a zigzag there,
// and so they do here.
export function read(spec) {
  const sets = (Array.isArray(spec.data) ? spec.data : [spec.data]).filter(Boolean);
  const parts = spec.type === "common" ? spec.series || [] : [spec];
  const xs = [];
  const series = new Map();
  for (const [n, part] of parts.entries()) {
    const set = sets.find((d) => d.id !== undefined && d.id === part.dataId) || sets[part.dataIndex ?? n] || sets[0];
    const xField = first(part.xField ?? spec.xField);
    const yField = first(part.yField ?? spec.yField);
    const sField = first(part.seriesField ?? spec.seriesField);
    for (const v of set?.values || []) {
      const x = String(v[xField] ?? "");
      const y = Number(v[yField]);
      const name = sField === undefined ? String(part.name ?? "") : String(v[sField] ?? "");
      if (!xs.includes(x)) xs.push(x);
      if (!series.has(name)) series.set(name, { name, type: part.type, points: new Map() });
      if (Number.isFinite(y)) series.get(name).points.set(x, y);
    }
  }
  return { xs, series: [...series.values()] };
}

function marks(spec) {
  const list = Array.isArray(spec.markLine) ? spec.markLine : spec.markLine ? [spec.markLine] : [];
  return list
    .map((m) => ({ y: Number(first(m.y)), text: m.label?.visible === false ? "" : String(m.label?.text ?? m.y ?? "") }))
    .filter((m) => Number.isFinite(m.y));
}

function nice(step) {
  const power = 10 ** Math.floor(Math.log10(step));
  const lead = step / power;
  return (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 2.5 ? 2.5 : lead <= 5 ? 5 : 10) * power;
}

function scaleOf(spec, data, lines) {
  const axis = (spec.axes || []).find((a) => a.orient === "left") || {};
  const values = data.series.flatMap((s) => [...s.points.values()]).concat(lines.map((m) => m.y));
  const bars = data.series.some((s) => s.type === "bar" || s.type === "area");
  let low = Number(axis.min ?? axis.range?.min ?? (bars ? 0 : Math.min(...values)));
  let high = Number(axis.max ?? axis.range?.max ?? Math.max(...values));
  if (!Number.isFinite(low)) low = 0;
  if (!Number.isFinite(high) || high <= low) high = low + 1;
  const step = nice((high - low) / 5);
  const ticks = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step / 1e6; v += step) ticks.push(Number(v.toPrecision(12)));
  return { low, high, ticks, title: axis.title?.visible === false ? "" : axis.title?.text || "" };
}

function label(v) {
  const abs = Math.abs(v);
  if (abs >= 1e9) return +(v / 1e9).toFixed(1) + "G";
  if (abs >= 1e6) return +(v / 1e6).toFixed(1) + "M";
  if (abs >= 1e4) return +(v / 1e3).toFixed(1) + "k";
  return String(+v.toPrecision(4));
}

// said describes the chart in words, for people who do not see it.
export function said(spec, data, words) {
  const lines = marks(spec).map((m) => `${words.threshold} ${m.text || m.y}`);
  const all = data.series.map((s) => {
    const values = [...s.points.values()];
    return `${s.name || words.series}: ${words.latest} ${label(values.at(-1) ?? 0)}, ${words.highest} ${label(Math.max(...values, -Infinity))}`;
  });
  return [spec.title?.text, ...all, ...lines].filter(Boolean).join("; ");
}

// draw makes the SVG for a width in pixels.
export function draw(spec, width, height, words) {
  const data = read(spec);
  const lines = marks(spec);
  const scale = scaleOf(spec, data, lines);
  const legend = data.series.length > 1 || spec.legends?.visible === true ? legendOf(data, width) : { rows: 0, node: null };
  const box = { left: 44, right: 14, top: spec.title?.text ? 32 : scale.title ? 22 : 12, bottom: 24 + legend.rows * 20 };
  const inner = { w: Math.max(40, width - box.left - box.right), h: Math.max(40, height - box.top - box.bottom) };
  const y = (v) => box.top + inner.h * (1 - (v - scale.low) / (scale.high - scale.low));
  const bars = data.series.filter((s) => s.type === "bar");
  const band = inner.w / Math.max(1, data.xs.length);
  const at = (i) => box.left + (bars.length ? band * (i + 0.5) : data.xs.length < 2 ? inner.w / 2 : (inner.w * i) / (data.xs.length - 1));

  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", class: "chart-svg" });
  root.setAttribute("aria-label", said(spec, data, words));
  if (spec.title?.text) root.append(svg("text", { x: box.left, y: 18, class: "chart-title" }, spec.title.text));
  if (scale.title) root.append(svg("text", { x: 4, y: box.top - 9, class: "chart-axis" }, scale.title));
  for (const t of scale.ticks) {
    root.append(svg("line", { x1: box.left, x2: box.left + inner.w, y1: y(t), y2: y(t), class: "chart-grid" }));
    root.append(svg("text", { x: box.left - 8, y: y(t) + 4, class: "chart-axis chart-end" }, label(t)));
  }
  root.append(xAxis(data.xs, at, box, inner));
  data.series.forEach((s, n) => root.append(shape(s, n, { data, bars, band, at, y, scale })));
  for (const m of lines) root.append(threshold(m, y, box, inner, data));
  if (legend.node) {
    legend.node.setAttribute("transform", `translate(${box.left} ${height - legend.rows * 20 + 6})`);
    root.append(legend.node);
  }
  hover(root, { data, at, y, box, inner, width });
  return root;
}

function xAxis(xs, at, box, inner) {
  const g = svg("g");
  const base = box.top + inner.h;
  g.append(svg("line", { x1: box.left, x2: box.left + inner.w, y1: base, y2: base, class: "chart-base" }));
  const widest = Math.max(...xs.map((x) => x.length), 1) * 6.6 + 18;
  const every = Math.max(1, Math.ceil(xs.length / Math.max(1, Math.floor(inner.w / widest))));
  xs.forEach((x, i) => {
    const last = i === xs.length - 1;
    if (i % every !== 0 && !last) return;
    if (!last && at(xs.length - 1) - at(i) < widest * 1.5) return;
    const where = xs.length > 1 && i === 0 && widest > 90 ? "chart-start" : last && xs.length > 1 ? "chart-end" : "chart-middle";
    g.append(svg("text", { x: at(i), y: base + 17, class: "chart-axis " + where }, x.length > 18 ? x.slice(0, 17) + "…" : x));
  });
  return g;
}

function shape(s, n, { data, bars, band, at, y, scale }) {
  const g = svg("g", { class: "s" + (n % palette) });
  if (s.type === "bar") {
    const k = bars.indexOf(s);
    const w = Math.min(36, (band * 0.7) / bars.length);
    for (const [x, v] of s.points) {
      const left = at(data.xs.indexOf(x)) - (w * bars.length) / 2 + k * w;
      g.append(svg("rect", { x: left, y: Math.min(y(v), y(0)), width: Math.max(1, w - 2), height: Math.max(1, Math.abs(y(Math.max(scale.low, 0)) - y(v))), rx: 2, class: "bar" }));
    }
    return g;
  }
  const points = [...s.points].map(([x, v]) => [at(data.xs.indexOf(x)), y(v)]);
  const path = points.map((p, i) => `${i ? "L" : "M"}${p[0].toFixed(1)} ${p[1].toFixed(1)}`).join("");
  if (s.type === "area" && points.length) {
    const base = y(Math.max(scale.low, 0)).toFixed(1);
    g.append(svg("path", { d: `${path}L${points.at(-1)[0].toFixed(1)} ${base}L${points[0][0].toFixed(1)} ${base}Z`, class: "area" }));
  }
  g.append(svg("path", { d: path, class: "line" }));
  if (points.length) g.append(svg("circle", { cx: points.at(-1)[0], cy: points.at(-1)[1], r: 3.5, class: "dot" }));
  return g;
}

// threshold writes its label at the end of the line where the curves are farther
// away from it.
function threshold(m, y, box, inner, data) {
  const g = svg("g", { class: "chart-threshold" });
  const away = (ends) => Math.min(...ends.filter((v) => v !== undefined).map((v) => Math.abs(y(v) - y(m.y))), 1e4);
  const tail = (s) => [...s.points.values()].slice(-Math.max(1, Math.ceil(s.points.size / 6)));
  const head = (s) => [...s.points.values()].slice(0, Math.max(1, Math.ceil(s.points.size / 6)));
  const right = away(data.series.flatMap(tail)) >= 22 || away(data.series.flatMap(tail)) >= away(data.series.flatMap(head));
  g.append(svg("line", { x1: box.left, x2: box.left + inner.w, y1: y(m.y), y2: y(m.y) }));
  const below = y(m.y) - box.top < 16;
  if (m.text) g.append(svg("text", { x: right ? box.left + inner.w - 2 : box.left + 4, y: y(m.y) + (below ? 14 : -6), class: right ? "chart-end" : "chart-start" }, m.text));
  return g;
}

function legendOf(data, width) {
  const node = svg("g", { class: "chart-legend" });
  const room = width - 58;
  let x = 0;
  let row = 0;
  data.series.forEach((s, n) => {
    const name = s.name.length > 28 ? s.name.slice(0, 27) + "…" : s.name || "–";
    const w = 24 + [...name].reduce((sum, c) => sum + (c.charCodeAt(0) > 0x2e80 ? 12 : 6.8), 0) + 14;
    if (x > 0 && x + w > room) {
      x = 0;
      row++;
    }
    node.append(svg("g", { class: "s" + (n % palette), transform: `translate(${x} ${row * 20})` }, svg("rect", { x: 0, y: 3, width: 14, height: 4, rx: 2, class: "bar" }), svg("text", { x: 20, y: 10 }, name)));
    x += w;
  });
  return { rows: row + 1, node };
}

// hover reads values off under the pointer.
function hover(root, { data, at, y, box, inner, width }) {
  if (!data.xs.length) return;
  const g = svg("g", { class: "chart-hover", visibility: "hidden" });
  root.append(g);
  root.addEventListener("pointermove", (event) => {
    const r = root.getBoundingClientRect();
    const px = ((event.clientX - r.left) / r.width) * width;
    const i = data.xs.reduce((best, _, n) => (Math.abs(at(n) - px) < Math.abs(at(best) - px) ? n : best), 0);
    const rows = data.series.filter((s) => s.points.has(data.xs[i])).map((s) => `${s.name ? s.name + "  " : ""}${label(s.points.get(data.xs[i]))}`);
    const text = [data.xs[i], ...rows];
    const w = Math.max(...text.map((t) => t.length)) * 6.8 + 16;
    const left = Math.min(Math.max(box.left, at(i) + 8 + w > width ? at(i) - 8 - w : at(i) + 8), Math.max(box.left, width - w));
    g.replaceChildren(svg("line", { x1: at(i), x2: at(i), y1: box.top, y2: box.top + inner.h, class: "chart-base" }), svg("rect", { x: left, y: box.top, width: w, height: text.length * 17 + 8, rx: 4 }), ...text.map((t, n) => svg("text", { x: left + 8, y: box.top + 17 + n * 17, class: n ? "" : "chart-bold" }, t)));
    g.setAttribute("visibility", "visible");
  });
  root.addEventListener("pointerleave", () => g.setAttribute("visibility", "hidden"));
}

export const drawable = (spec) => ["line", "area", "bar", "common"].includes(spec?.type) && spec.direction !== "horizontal";
