/* One section per family: the best for given producers and consumers, speed, latency, memory, ratios, and every figure. */

const data = JSON.parse(document.getElementById("data").textContent);
for (const row of [...data.results, ...data.latency]) row.work_ns = row.work_ns || 0; /* files from before --work have none */
const notes = new Map(data.implementations.map(i => [i.family + "/" + i.implementation, i]));
const MARKS = [["p50", "p50_ns"], ["p90", "p90_ns"], ["p99", "p99_ns"], ["p99.9", "p999_ns"], ["p99.99", "p9999_ns"], ["max", "max_ns"]];

const nameOf = row => row.implementation + (row.scheme ? " " + row.scheme : "");
const limitsOf = row => (notes.get(row.family + "/" + row.implementation) || {}).limits || "";
const noteOf = row => [limitsOf(row), (notes.get(row.family + "/" + row.implementation) || {}).note].filter(t => t).join("; ");
const workText = ns => ns ? `, ${ns} ns of work` : "";
const unitOf = family => family === "words" ? "M words/s" : "M ops/s";

function kindOf(row) {
  const role = (notes.get(row.family + "/" + row.implementation) || {}).role;
  return role === "weft" ? row.scheme === "epoch" ? "weft2" : "weft" : role === "baseline" ? "lock" : role === "floor" ? "floor" : "peer";
}

const unique = list => [...new Set(list)];
/* If other programs used a part of the cores' time while a point was measured, each of its figures has a mark everywhere. */
const isDisturbed = row => Boolean(row) && row.regime === "busy";
const mark = row => isDisturbed(row) ? " †" : "";

/* CSS classes of table rows: of a row for an implementation at many points, and of a row for one point. */
const lookOf = row => kindOf(row).replace("weft2", "weft");
const classOf = row => [lookOf(row), row.fault ? "fault" : "", isDisturbed(row) ? "disturbed" : ""].filter(c => c).join(" ");
const disturbedCell = of => row => isDisturbed(of(row)) ? "disturbed" : "";

/* Weft and the mutex are in every group of maps: only the first row is kept. */
function firstOfEach(rows, key = nameOf) {
  const seen = new Set();
  return rows.filter(r => !seen.has(key(r)) && seen.add(key(r)));
}

/* How many threads of a workload put, and how many take; null: each does both, or there is nothing to put. */
function roles(workload, threads) {
  if (workload === "1:1") return [Math.floor(threads / 2), threads - Math.floor(threads / 2)];
  if (workload === "1:N") return [1, threads - 1];
  if (workload === "N:1") return [threads - 1, 1];
  if (workload === "1:3") return [Math.floor(threads / 4), threads - Math.floor(threads / 4)];
  return null;
}

function command(row, more) {
  const parts = ["./weft bench", data.arguments.includes("--peers") ? "--peers" : "", "--family", row.family, "--workload", row.workload];
  if (row.keys && row.distribution) parts.push("--keys", row.keys, "--distribution", row.distribution, "--huge-pages", row.huge_pages ? "on" : "off");
  if (row.work_ns) parts.push("--work", row.work_ns);
  return parts.filter(p => p !== "").concat(more).join(" ");
}

function underChart(columns, rows, line, look = classOf) {
  return el("details", {}, el("summary", {}, "Figures and command"), el("p", {}, el("code", {}, line)), sortable(columns, rows, look));
}

const nameColumn = {head: "implementation", kind: "text", get: nameOf, title: noteOf};
const interval = (name, format) => r => r[name + "_low"] ? `${format(r[name + "_low"])} … ${format(r[name + "_high"])}` : "–";

function ratioText(row) {
  if (row.fault) return "fault";
  if (!row.ratio_to_mutex) return "–";
  const same = row.ratio_to_mutex_low <= 1 && row.ratio_to_mutex_high >= 1 && !row.implementation.startsWith("mutex-");
  return (same ? "≈ " : "") + row.ratio_to_mutex.toFixed(2);
}

function ratioStyle(row) {
  if (!row || !row.ratio_to_mutex || row.implementation.startsWith("mutex-")) return "";
  if (row.ratio_to_mutex_low <= 1 && row.ratio_to_mutex_high >= 1) return "";
  const depth = Math.min(0.42, 0.08 + Math.abs(Math.log2(row.ratio_to_mutex)) * 0.09);
  return `background: rgba(var(--${row.ratio_to_mutex > 1 ? "win" : "loss"}), ${depth.toFixed(2)})`;
}

/* ---- one family ---- */

const HEADINGS = {queue: "Queues", stack: "Stacks", ring: "Rings", spsc: "Rings, one producer and one consumer", mailbox: "Mailboxes", deque: "Deques", map: "Maps",
  reclaim: "Reclamation", words: "A whole program: counting words"};

class Section {
  constructor(family) {
    this.family = family;
    this.rows = data.results.filter(r => r.family === family);
    this.latency = data.latency.filter(r => r.family === family && !r.fault);
    this.memory = data.memory.filter(r => r.family === family);
    this.controls = el("div", {class: "controls"});
    this.answer = el("p", {class: "answer"});
    this.cards = el("div", {class: "cards"});
    this.state = {work_ns: 0};
    this.dimensions = [["workload", "workload"], ["keys", "keys"], ["distribution", "keys drawn"], ["huge_pages", "huge pages"], ["work_ns", "work between operations"], ["threads", "threads"]]
      .filter(([name]) => this.rows.some(r => name === "work_ns" ? r.work_ns : r[name] !== undefined));
    for (const [name, label] of this.dimensions) this.choose(name, label);
    if (this.rows.some(r => roles(r.workload, r.threads))) this.finder();
    this.element = el("section", {id: family}, el("h2", {}, HEADINGS[family]),
      this.regime(), this.controls, this.answer, this.cards);
    this.draw();
  }

  regime() {
    const seen = data.probes.filter(p => p.family === this.family && p.round_trip_ns);
    const told = seen.map(p => `${p.when} it cores ${p.regime}, a line there and back ${Math.round(p.round_trip_ns)} ns, floor ${short(p.floor_mops)}`);
    return el("p", {class: "quiet"}, told.length ? `The machine ${told.join("; ")}. ` : "",
      [...this.rows, ...this.latency].some(isDisturbed) ? "†, and an open circle: DISTURBED, other programs had a part of the cores; measure again." : "");
  }

  choose(name, label) {
    const values = unique(this.rows.map(r => r[name]));
    const wanted = name === "threads" && values.includes(2) ? 2 : name === "keys" && values.includes(1 << 20) ? 1 << 20 : name === "workload" && values.includes("90/5/5") ? "90/5/5" : values[0];
    this.state[name] = wanted;
    if (values.length < 2) return;
    const show = v => name === "keys" ? v.toLocaleString("en") : name === "work_ns" ? v + " ns" : v === true ? "on" : v === false ? "off" : v;
    const select = el("select", {"data-of": name, onchange: event => { this.state[name] = values[event.target.selectedIndex]; this.draw(); }},
      values.map(v => el("option", {}, show(v))));
    select.selectedIndex = values.indexOf(wanted);
    this.controls.append(el("label", {}, label, select));
  }

  /* Inputs for producers and consumers, which choose the nearest measured point. */
  finder() {
    const inputs = ["producers", "consumers"].map(name => el("input", {type: "number", min: 1, max: 999, "aria-label": name, placeholder: "any",
      oninput: () => this.find(inputs.map(i => Number(i.value)))}));
    inputs.forEach((input, i) => this.controls.append(el("label", {}, ["producers", "consumers"][i], input)));
  }

  find([producers, consumers]) {
    if (!(producers >= 1 && consumers >= 1)) return;
    let best = null;
    for (const row of this.rows) {
      const has = roles(row.workload, row.threads);
      const distance = has && Math.abs(Math.log(has[0] / producers)) + Math.abs(Math.log(has[1] / consumers));
      if (has && (!best || distance < best.distance)) best = {row, distance};
    }
    for (const name of ["workload", "threads"]) {
      this.state[name] = best.row[name];
      const select = this.controls.querySelector(`[data-of="${name}"]`);
      if (select) select.selectedIndex = unique(this.rows.map(r => r[name])).indexOf(best.row[name]);
    }
    this.draw();
  }

  at(rows, names) {
    return firstOfEach(rows.filter(r => names.every(n => r[n] === this.state[n] || r[n] === undefined)));
  }

  draw() {
    const names = this.dimensions.map(d => d[0]), over = names.filter(n => n !== "threads");
    this.point = this.at(this.rows, names).filter(r => !r.fault);
    this.all = this.rows.filter(r => over.every(n => r[n] === this.state[n]) && !r.fault);
    this.say();
    this.cards.replaceChildren(...[this.ranking(), this.lines(), this.percentiles(), this.bytes(), this.ratios(), this.everything()].filter(c => c));
  }

  say() {
    const order = this.point.filter(r => kindOf(r) !== "floor" && r.mops_median).sort((a, b) => b.mops_median - a.mops_median);
    const first = order[0], has = roles(this.state.workload, this.state.threads);
    const where = (has ? `${has[0]} producer${has[0] > 1 ? "s" : ""}, ${has[1]} consumer${has[1] > 1 ? "s" : ""}` : `${this.state.threads} thread${this.state.threads > 1 ? "s" : ""}`) +
      workText(this.state.work_ns) + (this.state.threads > data.machine.cores ? ` on ${data.machine.cores} cores` : "");
    if (!this.rows.length) { this.answer.textContent = "Throughput was not measured."; return; }
    if (!first) { this.answer.textContent = "Not measured: fewer threads than this needs."; return; }
    const strong = row => el("strong", {}, nameOf(row));
    const aside = text => text ? ` (${text})` : "";
    const parts = [`${where}: `, strong(first), ` does most, ${short(first.mops_median)} ${unitOf(this.family)}${mark(first)}${aside(noteOf(first))}`];
    for (const [whose, kind] of [["Weft", "weft"], ["other libraries", "peer"], ["locks", "lock"]]) {
      const best = order.find(r => lookOf(r) === kind);
      if (best && kind !== lookOf(first))
        parts.push(`; the best of ${whose} is `, strong(best), `, ${short(best.mops_median)}${mark(best)}, ${(best.mops_median / first.mops_median).toFixed(2)} of that${aside(limitsOf(best))}`);
    }
    this.answer.replaceChildren(...parts, ".");
  }

  card(title, ...content) {
    return el("div", {class: "card"}, el("h3", {}, title), ...content);
  }

  ranking() {
    const rows = this.point.filter(r => r.mops_median).sort((a, b) => b.mops_median - a.mops_median);
    if (!rows.length) return null;
    const bars = rows.map(r => ({name: nameOf(r) + mark(r), kind: kindOf(r), value: r.mops_median, low: r.mops_low, high: r.mops_high, note: noteOf(r)}));
    const title = `${this.state.workload}, ${this.state.threads} thread${this.state.threads > 1 ? "s" : ""}${workText(this.state.work_ns)}: ${unitOf(this.family)}`;
    return this.card(title, barChart(bars, title, short), underChart([nameColumn,
      {head: unitOf(this.family), get: r => r.mops_median, show: r => short(r.mops_median)}, {head: "95 %", get: r => r.mops_low, show: interval("mops", short)},
      {head: "× mutex", get: r => r.ratio_to_mutex, show: ratioText, style: ratioStyle}, {head: "least of a thread", get: r => r.thread_least_mops, show: r => short(r.thread_least_mops)},
      {head: "most", get: r => r.thread_most_mops, show: r => short(r.thread_most_mops)}, {head: "", kind: "note", get: noteOf}], rows, command(rows[0], ["--threads", this.state.threads])));
  }

  lines() {
    const threads = unique(this.all.map(r => r.threads));
    if (threads.length < 2) return null;
    const series = firstOfEach(this.all).filter(r => kindOf(r) !== "floor").map(r => ({name: nameOf(r), kind: kindOf(r), points: firstOfEach(this.all.filter(o => nameOf(o) === nameOf(r)), o => o.threads)
      .map(o => ({x: o.threads, y: o.mops_median || 0, low: o.mops_low, high: o.mops_high, mark: mark(o)}))}));
    const title = `${this.state.workload}${workText(this.state.work_ns)}: ${unitOf(this.family)} against threads`;
    return this.card(title, lineChart(series, title, unitOf(this.family)), underChart([nameColumn, ...threads.map(t => {
      const find = r => this.all.find(o => nameOf(o) === nameOf(r) && o.threads === t), of = r => (find(r) || {}).mops_median;
      return {head: t + (t > 1 ? " threads" : " thread"), get: of, show: r => short(of(r)), look: disturbedCell(find)};
    })], firstOfEach(this.all), command(this.all[0], ["--threads", threads.join(",")]), lookOf));
  }

  percentiles() {
    if (!this.latency.length) return null;
    const points = unique(this.latency.map(r => JSON.stringify([r.workload, r.threads, r.open, r.keys, r.work_ns]))).map(p => JSON.parse(p));
    const state = this.latencyState || (this.latencyState = {at: Math.max(0, points.findIndex(p => p[1] === 2 && p[2]))});
    const place = el("div"), label = ([workload, threads, open, keys, work]) =>
      `${workload}${keys ? `, ${keys.toLocaleString("en")} keys` : ""}, ${threads} thread${threads > 1 ? "s" : ""}${workText(work)}, ${open ? "due at a set rate" : "one after the other"}`;
    const draw = () => {
      const [workload, threads, open, keys, work] = points[state.at];
      const rows = firstOfEach(this.latency.filter(r => r.workload === workload && r.threads === threads && r.open === open && r.work_ns === work && r.keys === (keys === null ? undefined : keys) && r.p50_ns))
        .sort((a, b) => a.p999_ns - b.p999_ns);
      const title = `Latency, ${label(points[state.at])}`, rate = rows.length && rows[0].rate_mops;
      place.replaceChildren(el("p", {class: "quiet"}, open ? `${short(rate)} million operations per second are due in all, half of what the mutex does; a time counts from when it was due.`
        : workload === "round-trip" ? "A value goes to another thread by one queue and comes back by a second: a time is that of both ways."
        : "A time counts from when the operation began: what waits because another is slow is not seen (coordinated omission)."),
        rangeChart(rows.map(r => ({name: nameOf(r) + mark(r), kind: kindOf(r), marks: MARKS.map(([m, key]) => [m, r[key]])})), title),
        underChart([nameColumn, ...MARKS.map(([m, key]) => ({head: m, get: r => r[key], show: r => time(r[key])})), {head: workload === "round-trip" ? "M trips/s" : unitOf(this.family), get: r => r.mops_median, show: r => short(r.mops_median)}],
          rows, command(rows[0], ["--threads", threads, "--latency"])));
    };
    const select = el("select", {"aria-label": "latency of", onchange: event => { state.at = event.target.selectedIndex; draw(); }}, points.map(p => el("option", {}, label(p))));
    select.selectedIndex = state.at;
    draw();
    return this.card("Latency of single operations, best p99.9 first", el("p", {}, select), place);
  }

  bytes() {
    const rows = this.memory.filter(r => !r.fault);
    if (!rows.length) return null;
    const rest = this.family !== "reclaim", key = rest ? "bytes_per_element" : "bytes_peak";
    const order = [...rows].sort((a, b) => (a[key] || 0) - (b[key] || 0));
    const title = rest ? "Memory: bytes per element at rest" : "Memory: the most beside a stalled reader, 200,000 retired";
    const columns = rest ? [{head: "B/element", get: r => r.bytes_per_element, show: r => short(r.bytes_per_element)}, {head: "resident", get: r => r.rss_per_element, show: r => short(r.rss_per_element)},
      {head: "emptied", get: r => r.bytes_emptied, show: r => bytes(r.bytes_emptied)}] : [{head: "pending", get: r => r.pending_peak, show: r => short(r.pending_peak)}];
    return this.card(title, barChart(order.map(r => ({name: nameOf(r), kind: kindOf(r), value: r[key] || 0})), title, rest ? v => short(v) + " B" : bytes),
      underChart([nameColumn, ...columns, {head: rest ? "most under load" : "most", get: r => r.bytes_peak, show: r => bytes(r.bytes_peak)}, {head: "left", get: r => r.bytes_left, show: r => bytes(r.bytes_left)},
        {head: "resident", get: r => r.rss_peak, show: r => bytes(r.rss_peak)}], order, `./weft bench ${data.arguments.includes("--peers") ? "--peers " : ""}--family ${this.family} --memory`));
  }

  /* Every point compared with the mutex: losses are as visible as wins. */
  ratios() {
    const columns = unique(this.rows.filter(r => ["keys", "distribution", "huge_pages", "work_ns"].every(n => r[n] === this.state[n] || r[n] === undefined))
      .map(r => JSON.stringify([r.workload, r.threads]))).map(p => JSON.parse(p));
    const find = (row, [workload, threads]) => this.rows.find(r => nameOf(r) === nameOf(row) && r.workload === workload && r.threads === threads &&
      ["keys", "distribution", "huge_pages", "work_ns"].every(n => r[n] === this.state[n] || r[n] === undefined));
    if (!this.rows.some(r => r.ratio_to_mutex)) return null;
    const card = this.card("Times the mutex baseline, in every point (blue: faster, orange: slower, ≈: no difference seen)", sortable([nameColumn, ...columns.map(c => {
      const get = r => (find(r, c) || {}).ratio_to_mutex;
      return {head: `${c[0]} ×${c[1]}`, get, show: r => { const row = find(r, c); return row ? ratioText(row) : "–"; }, style: r => ratioStyle(find(r, c)), look: disturbedCell(r => find(r, c)),
              title: r => { const row = find(r, c); return row && row.ratio_to_mutex_low ? `${row.ratio_to_mutex_low} to ${row.ratio_to_mutex_high}` : ""; }};
    })], firstOfEach(this.rows), lookOf));
    card.classList.add("wide");
    return card;
  }

  everything() {
    if (!this.rows.length) return null;
    const place = el("div"), filter = el("input", {type: "search", placeholder: "filter: a name, a workload, a number of threads", class: "filter", "aria-label": "filter", oninput: () => draw()});
    const columns = [nameColumn, ...this.dimensions.map(([name, label]) => ({head: label, kind: "text", get: r => r[name] === true ? "on" : r[name] === false ? "off" : r[name]})),
      {head: unitOf(this.family), get: r => r.mops_median, show: r => short(r.mops_median)}, {head: "95 %", get: r => r.mops_low, show: interval("mops", short)},
      {head: "× mutex", get: r => r.ratio_to_mutex, show: ratioText, style: ratioStyle}, {head: "× best peer", get: r => r.ratio_to_best_peer, show: r => short(r.ratio_to_best_peer)},
      {head: "cores", kind: "text", get: r => r.regime || ""}, {head: "what is wrong", kind: "note", get: r => r.fault || [isDisturbed(r) ? "DISTURBED" : "",
        r.false_empty ? `${r.false_empty} times empty when it was not` : ""].filter(t => t).join("; ")}];
    const draw = () => {
      const words = filter.value.toLowerCase().split(/\s+/).filter(w => w);
      place.replaceChildren(sortable(columns, this.rows.filter(r => words.every(w => [nameOf(r), r.workload, String(r.threads), String(r.keys || "")].some(t => t.toLowerCase().includes(w)))), classOf));
    };
    draw();
    const card = el("div", {class: "card wide"}, el("details", {}, el("summary", {}, `All ${this.rows.length} rows`), el("p", {}, filter), place));
    return card;
  }
}

/* ---- the page ---- */

const m = data.machine, families = unique([...data.results, ...data.latency].map(r => r.family));
document.getElementById("where").textContent = `${m.processor}: ${m.topology}; ${m.kernel}; ${m.compiler}, ${m.allocator}; commit ${m.commit}, ${m.when.replace("T", " ").replace("Z", " UTC")}.` +
  (data.interrupted ? " Interrupted: not all was measured." : "");
const sections = families.map(family => new Section(family));
for (const section of sections) {
  document.getElementById("main").append(section.element);
  document.getElementById("nav").append(el("a", {href: "#" + section.family}, section.element.querySelector("h2").textContent));
}
document.getElementById("how").append(el("p", {}, "Median of interleaved rounds in random order; whiskers and ranges: 95 of 100 resamplings of the rounds. Ratios are taken round by round. " +
  "Blue and violet: Weft under hazard pointers and epochs. Orange: locks. Grey: other libraries. What lost or doubled values is not counted. Compare within this page only: machines, and hosts of virtual ones, differ."),
  el("p", {}, "Made by ", el("code", {}, ["./weft bench", ...data.arguments].join(" "))));
let drawn = chartWidth();
addEventListener("resize", () => {
  if (chartWidth() !== drawn) for (const section of sections) section.draw();
  drawn = chartWidth();
});
