"use strict";
/* The SVG charts of the page. All figures come as {name, kind, ...}; kind is the class that sets the colour. */

const SVG = "http://www.w3.org/2000/svg";

function el(tag, attributes, ...children) {
  const made = ["svg", "g", "path", "line", "rect", "circle", "text", "title"].includes(tag)
    ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {}))
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined) made.setAttribute(key, value);
  for (const child of children.flat()) if (child !== null && child !== undefined) made.append(child);
  return made;
}

function short(value) {
  if (value === null || value === undefined || !isFinite(value)) return "–";
  const size = Math.abs(value);
  return size >= 1000 ? Math.round(value).toLocaleString("en") : size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function time(ns) {
  if (!isFinite(ns) || ns === null) return "–";
  return ns < 1000 ? short(ns) + " ns" : ns < 1e6 ? short(ns / 1e3) + " µs" : ns < 1e9 ? short(ns / 1e6) + " ms" : short(ns / 1e9) + " s";
}

function bytes(count) {
  if (count === null || count === undefined) return "–";
  return count < 1024 ? short(count) + " B" : count < 1 << 20 ? short(count / 1024) + " KiB" : count < 2 ** 30 ? short(count / 2 ** 20) + " MiB" : short(count / 2 ** 30) + " GiB";
}

function niceTicks(most) {
  const rough = most / 4, power = 10 ** Math.floor(Math.log10(rough || 1)), step = [1, 2, 5, 10].map(n => n * power).find(n => n >= rough);
  const ticks = [];
  for (let at = 0; at <= most * 1.001; at += step) ticks.push(at);
  return ticks;
}

/* The one at the pointer is shown, the others are dimmed. */
function highlight(svg, group) {
  for (const other of svg.querySelectorAll("g.series")) {
    other.classList.toggle("dim", group !== null && other !== group);
    other.classList.toggle("lit", other === group);
  }
}

function svgOf(width, height, label) {
  return el("svg", {viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label});
}

/* As wide as the screen allows, within readable limits. */
function chartWidth() {
  return Math.min(640, Math.max(320, document.documentElement.clientWidth - 64));
}

/* Throughput against threads: lines of medians with their intervals; open circles are marked. */
function lineChart(series, label, unit) {
  const width = chartWidth(), height = 330, left = 46, right = 130, top = 22, bottom = 40;
  const svg = svgOf(width, height, label);
  const xs = [...new Set(series.flatMap(s => s.points.map(p => p.x)))].sort((a, b) => a - b);
  const most = Math.max(1e-9, ...series.flatMap(s => s.points.map(p => p.high || p.y)));
  const x = value => left + (xs.length > 1 ? xs.indexOf(value) / (xs.length - 1) : 0.5) * (width - left - right);
  const y = value => height - bottom - value / most * (height - top - bottom);
  for (const tick of niceTicks(most))
    svg.append(el("line", {class: "grid", x1: left, x2: width - right, y1: y(tick), y2: y(tick)}),
               el("text", {class: "axis", x: left - 6, y: y(tick) + 4, "text-anchor": "end"}, short(tick)));
  for (const at of xs) svg.append(el("text", {class: "axis", x: x(at), y: height - bottom + 18, "text-anchor": "middle"},
    at + (series.flatMap(s => s.points).find(p => p.x === at && p.mark) || {mark: ""}).mark));
  svg.append(el("text", {class: "axis", x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle"}, "threads"),
             el("text", {class: "axis", x: 4, y: 10}, unit));
  const labels = [];
  for (const s of [...series].sort((a, b) => (b.kind === "peer") - (a.kind === "peer"))) {
    const group = el("g", {class: "series", tabindex: 0}, el("title", {}, `${s.name}: ${s.points.map(p => `${p.x}: ${short(p.y)}${p.mark}`).join(", ")}`));
    group.append(el("path", {class: s.kind, d: s.points.map((p, i) => `${i ? "L" : "M"}${x(p.x)} ${y(p.y)}`).join("")}));
    for (const p of s.points) {
      group.append(el("circle", {class: s.kind + (p.mark ? " open" : ""), cx: x(p.x), cy: y(p.y), r: s.kind === "peer" ? 2.4 : 3.6}));
      if (p.low && p.high) group.append(el("line", {class: s.kind, x1: x(p.x), x2: x(p.x), y1: y(p.low), y2: y(p.high)}));
    }
    for (const event of ["pointerenter", "focus"]) group.addEventListener(event, () => highlight(svg, group));
    for (const event of ["pointerleave", "blur"]) group.addEventListener(event, () => highlight(svg, null));
    svg.append(group);
    labels.push({group, s, at: y(s.points[s.points.length - 1].y)});
  }
  /* names at the ends, pushed apart; as many as there is room for, ours and the locks first */
  const room = Math.floor((height - top - bottom) / 13);
  const shown = labels.sort((a, b) => (a.s.kind === "peer") - (b.s.kind === "peer") || a.at - b.at).slice(0, room).sort((a, b) => a.at - b.at);
  let last = -Infinity;
  for (const l of shown) last = l.place = Math.max(l.at + 4, last + 13);
  for (let i = shown.length - 1, limit = height - bottom + 4; i >= 0; i--) limit = (shown[i].place = Math.min(shown[i].place, limit)) - 13;
  for (const l of shown)
    l.group.append(el("text", {class: l.s.kind, x: width - right + 8, y: l.place}, l.s.name));
  return svg;
}

/* Names and bars, best first, with whiskers. bars: {name, kind, value, low, high, note} */
function barChart(bars, label, format) {
  const row = 22, width = chartWidth(), left = 134, right = 56, height = bars.length * row + 8;
  const svg = svgOf(width, height, label);
  const most = Math.max(1e-9, ...bars.map(b => b.high || b.value));
  const x = value => left + value / most * (width - left - right);
  bars.forEach((b, i) => {
    const top = i * row + 4;
    svg.append(el("g", {}, el("title", {}, `${b.name}: ${format(b.value)}${b.low ? `, ${format(b.low)} to ${format(b.high)}` : ""}${b.note ? " – " + b.note : ""}`),
      el("text", {x: left - 8, y: top + 13, "text-anchor": "end", "font-weight": b.kind.startsWith("weft") ? 700 : 400}, b.name),
      el("rect", {class: b.kind, x: left, y: top + 3, width: Math.max(1, x(b.value) - left), height: row - 9, "fill-opacity": 0.75}),
      b.low ? el("line", {x1: x(b.low), x2: x(b.high), y1: top + row / 2 - 1, y2: top + row / 2 - 1, stroke: "currentColor", "stroke-width": 1.6}) : null,
      el("text", {x: x(b.high || b.value) + 6, y: top + 13}, format(b.value))));
  });
  return svg;
}

/* Percentiles on a log scale: a line from the median to the maximum with its marks. rows: {name, kind, marks: [[label, ns], ...]} */
function rangeChart(rows, label) {
  const row = 24, width = chartWidth(), left = 134, right = 24, top = 24, height = rows.length * row + top + 22;
  const svg = svgOf(width, height, label);
  const all = rows.flatMap(r => r.marks.map(m => m[1])).filter(v => v > 0);
  const low = Math.floor(Math.log10(Math.min(...all))), high = Math.ceil(Math.log10(Math.max(...all)));
  const x = ns => left + (Math.log10(Math.max(ns, 10 ** low)) - low) / Math.max(1, high - low) * (width - left - right);
  const step = Math.ceil(56 * Math.max(1, high - low) / (width - left - right));
  for (let power = low; power <= high; power++)
    svg.append(el("line", {class: "grid", x1: x(10 ** power), x2: x(10 ** power), y1: top - 4, y2: height - 18}),
               el("text", {class: "axis", x: x(10 ** power), y: height - 4, "text-anchor": "middle"}, (power - low) % step ? "" : time(10 ** power).replace(/\.0+/, "")));
  const sizes = [6, 3.2, 4.2, 3.2, 3.2, 5];
  rows.forEach((r, i) => {
    const y = top + i * row + row / 2;
    const group = el("g", {}, el("title", {}, `${r.name}: ${r.marks.map(m => `${m[0]} ${time(m[1])}`).join(", ")}`),
      el("text", {x: left - 8, y: y + 4, "text-anchor": "end", "font-weight": r.kind.startsWith("weft") ? 700 : 400}, r.name),
      el("line", {class: r.kind, x1: x(r.marks[0][1]), x2: x(r.marks[r.marks.length - 1][1]), y1: y, y2: y, "stroke-width": 2}));
    r.marks.forEach((m, n) => group.append(el("circle", {class: r.kind, cx: x(m[1]), cy: y, r: sizes[n] || 3, "fill-opacity": n === r.marks.length - 1 ? 0 : 1, "stroke-width": 1.5})));
    svg.append(group);
  });
  svg.append(el("text", {class: "axis", x: width - right, y: 12, "text-anchor": "end"}, "p50, p90, p99, p99.9, p99.99; ring: max"));
  return svg;
}

/* A table that sorts by its heads. columns: {head, get, show, kind, style, look}; a first click puts the best first. */
function sortable(columns, rows, classOf) {
  const body = el("tbody"), heads = [];
  let by = null, down = true;
  const draw = () => {
    const order = by === null ? rows : [...rows].sort((a, b) => {
      const x = columns[by].get(a), y = columns[by].get(b);
      const less = typeof x === "string" || typeof y === "string" ? String(x ?? "").localeCompare(String(y ?? "")) : (x ?? -Infinity) - (y ?? -Infinity);
      return down ? -less : less;
    });
    body.replaceChildren(...order.map(r => el("tr", {class: classOf ? classOf(r) : null}, columns.map(c => {
      const cell = el("td", {class: [c.kind, c.look && c.look(r)].filter(n => n).join(" ") || null}, c.show ? c.show(r) : String(c.get(r) ?? "–"));
      if (c.style) cell.setAttribute("style", c.style(r));
      if (c.title) cell.title = c.title(r) || "";
      return cell;
    }))));
    heads.forEach((h, i) => i === by ? h.setAttribute("aria-sort", down ? "descending" : "ascending") : h.removeAttribute("aria-sort"));
  };
  columns.forEach((c, i) => heads.push(el("th", {scope: "col"}, el("button", {type: "button", onclick: () => {
    down = by === i ? !down : c.kind !== "text" && c.kind !== "note";
    by = i;
    draw();
  }}, c.head))));
  draw();
  return el("div", {class: "scroll"}, el("table", {}, el("thead", {}, el("tr", {}, heads)), body));
}
