// The page of a comparison: rows are samples, columns are settings. What is shown stays in the address, so that a link
// can be passed on.
const byId = (id) => document.getElementById(id);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const facts = JSON.parse(byId("comparison").textContent);
const usual = { q: "", metric: "", setting: "", seed: "", sort: "suite", broken: "", beyond: "", size: "", open: "", mode: "side" };
const state = { ...usual };

const sections = all(".run").map((element) => ({
  element,
  ...facts[element.id],
  metrics: Object.fromEntries(facts[element.id].metrics.map((metric) => [metric.name, metric])),
  rows: all("article", element).map((article, place) => ({
    article,
    place,
    cells: all(".cell", article),
    text: [article.querySelector(".asked").textContent, ...readingsOf(facts[element.id], article.dataset.case, place)].join("\n").toLowerCase(),
  })),
}));

// What metrics shall find in the images of a row, and what they found.
function readingsOf({ expected, readings }, name, place) {
  return [expected[name] ?? {}, ...(readings[place] ?? [])].flatMap((texts) => Object.values(texts));
}

function readState() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const name of Object.keys(state)) state[name] = given.get(name) ?? usual[name];
  // An address may name what this page does not have.
  for (const name of ["metric", "setting", "seed", "sort"]) {
    if (![...byId(name).options].some((option) => option.value === state[name])) state[name] = usual[name];
  }
}

function writeState(changes) {
  Object.assign(state, changes);
  const given = new URLSearchParams();
  for (const name of Object.keys(state)) if (state[name] !== usual[name]) given.set(name, state[name]);
  // Replaced, not pushed: going back leaves the page instead of undoing every letter of a search.
  history.replaceState(null, "", "#" + given);
}

function startComparison() {
  fillChoices();
  startViewer();
  startPrint();
  for (const name of ["metric", "setting", "seed", "sort"]) byId(name).addEventListener("change", (event) => change({ [name]: event.target.value }));
  for (const name of ["broken", "beyond"]) byId(name).addEventListener("click", () => change({ [name]: state[name] ? "" : "1" }));
  byId("search").addEventListener("input", (event) => change({ q: event.target.value }));
  byId("size").addEventListener("input", (event) => change({ size: event.target.value }));
  byId("fit").addEventListener("click", () => change({ size: "" }));
  for (const section of sections) scrollTogether(section.element);
  for (const scroller of all(".scroller")) markOverflow(scroller);
  new ResizeObserver(placeColumns).observe(document.querySelector("nav"));
  addEventListener("hashchange", readAddress);
  readAddress();
}

function readAddress() {
  readState();
  show();
  openFromState();
}

function change(changes) {
  writeState(changes);
  show();
}

// The names of the settings stay below the filters, where these stay in sight.
function placeColumns() {
  const nav = document.querySelector("nav");
  const height = getComputedStyle(nav).position === "sticky" ? nav.offsetHeight : 0;
  document.documentElement.style.setProperty("--bar", `${height}px`);
  document.documentElement.style.scrollPaddingTop = `${height + 60}px`;
}

function scrollTogether(section) {
  const [columns, rows] = [section.querySelector(".columns"), section.querySelector(".rows")];
  columns.addEventListener("scroll", () => (rows.scrollLeft = columns.scrollLeft));
  rows.addEventListener("scroll", () => (columns.scrollLeft = rows.scrollLeft));
}

function markOverflow(scroller) {
  const mark = () => scroller.parentElement.classList.toggle("more-right", scroller.scrollLeft + scroller.clientWidth < scroller.scrollWidth - 1);
  scroller.addEventListener("scroll", mark);
  new ResizeObserver(mark).observe(scroller);
}

function fillChoices() {
  const metrics = new Map(sections.flatMap((section) => Object.entries(section.metrics)));
  usual.metric = metrics.keys().next().value ?? "";
  byId("metric").replaceChildren(...[...metrics].map(([name, metric]) => new Option(`${name} ${metric.higher ? "↑" : "↓"}`, name)));
  const names = new Set(sections.flatMap((section) => section.settings));
  byId("setting").replaceChildren(new Option("any", ""), ...[...names].map((name) => new Option(name, name)));
  const seeds = new Set(all("article").map((article) => Number(article.dataset.seed)));
  byId("seed").replaceChildren(new Option("all", ""), ...[...seeds].sort((a, b) => a - b).map((seed) => new Option(seed, seed)));
}

// The same digits as in the table.
function number(value) {
  if (value === 0) return "0";
  return Math.abs(value) >= 1 ? value.toFixed(2) : String(Number(value.toPrecision(3)));
}

const signed = (value) => (value > 0 ? "+" : "") + number(value);

// The metric that was chosen; of a suite that does not have it, its own first one.
const metricOf = (section) => (section.metrics[state.metric] ? state.metric : (Object.keys(section.metrics)[0] ?? ""));

// Score of a setting, its change to the reference, and that in tolerances: below 0 where it is a loss.
function scoreOf(section, row, setting, name = metricOf(section)) {
  const metric = section.metrics[name];
  const scores = section.scores[name]?.[row.place] ?? [];
  const [value, base] = [scores[setting] ?? null, scores[section.reference] ?? null];
  if (!metric || value === null) return { value: null, change: null, gain: 0 };
  if (base === null || setting === section.reference) return { value, change: null, gain: 0 };
  const tolerance = metric.relative ? metric.tolerance * Math.abs(base) : metric.tolerance;
  const change = value - base;
  const gain = metric.higher ? change : -change;
  return { value, change, gain: gain === 0 ? 0 : tolerance ? gain / tolerance : gain * Infinity };
}

// The settings that filters and sorting look at.
function chosen(section) {
  const place = section.settings.indexOf(state.setting);
  if (state.setting) return place < 0 ? [] : [place];
  return section.settings.map((_, setting) => setting);
}

function fits(section, row, words) {
  const settings = chosen(section);
  if (state.seed && row.article.dataset.seed !== state.seed) return false;
  if (state.broken && !settings.some((setting) => row.cells[setting].dataset.defect)) return false;
  if (state.beyond && !settings.some((setting) => Math.abs(scoreOf(section, row, setting, state.metric).gain) > 1)) return false;
  return words.every((word) => row.text.includes(word));
}

// Small numbers come first; rows without a value come last.
const orders = {
  suite: (section, row) => row.place,
  name: () => 0,
  loss: (section, row) => Math.min(...chosen(section).map((setting) => scoreOf(section, row, setting).gain)),
  difference: (section, row) => -Math.max(...chosen(section).map((setting) => Math.abs(scoreOf(section, row, setting).gain))),
  worst: (section, row) => worstValue(section, row, 1),
  best: (section, row) => worstValue(section, row, -1),
};

function worstValue(section, row, sign) {
  const higher = section.metrics[metricOf(section)]?.higher ? sign : -sign;
  const values = chosen(section).map((setting) => scoreOf(section, row, setting).value).filter((value) => value !== null);
  return values.length ? Math.min(...values.map((value) => higher * value)) : Infinity;
}

function show() {
  for (const name of ["metric", "setting", "seed", "sort"]) byId(name).value = state[name];
  for (const name of ["broken", "beyond"]) byId(name).setAttribute("aria-pressed", String(Boolean(state[name])));
  if (document.activeElement !== byId("search")) byId("search").value = state.q;
  byId("fit").setAttribute("aria-pressed", String(!state.size));
  const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
  for (const section of sections) {
    for (const row of section.rows) row.article.hidden = !fits(section, row, words);
    section.element.hidden = section.rows.every((row) => row.article.hidden);
    section.element.classList.toggle("filtered", Boolean(state.q || state.seed || state.broken || state.beyond));
    arrange(section);
    showScores(section);
    const metric = section.metrics[metricOf(section)];
    section.element.querySelector(".scored").textContent = metric ? `${metric.name} ${metric.higher ? "↑" : "↓"}` : "";
    markLeads(section);
  }
  showSize();
  const rows = sections.flatMap((section) => section.rows);
  const count = rows.filter((row) => !row.article.hidden).length;
  byId("found").textContent = `${count} of ${rows.length} rows`;
  byId("nothing").hidden = count > 0;
}

function arrange(section) {
  const order = orders[state.sort] ?? orders.suite;
  const keys = new Map(section.rows.map((row) => [row, order(section, row)]));
  const named = (a, b) => a.article.dataset.case.localeCompare(b.article.dataset.case);
  // Two infinities have no difference.
  const compare = (a, b) => (keys.get(a) === keys.get(b) ? 0 : keys.get(a) - keys.get(b));
  const sorted = [...section.rows].sort((a, b) => compare(a, b) || (state.sort === "name" && named(a, b)) || a.place - b.place);
  const box = section.element.querySelector(".rows");
  if (sorted.some((row, place) => box.children[place] !== row.article)) box.append(...sorted.map((row) => row.article));
}

function showScores(section) {
  if (section.shown === state.metric) return;
  section.shown = state.metric;
  for (const row of section.rows) {
    row.cells.forEach((cell, setting) => cell.querySelector(".score").replaceChildren(...scoreText(section, row, setting)));
  }
}

function scoreText(section, row, setting) {
  const { value, change, gain } = scoreOf(section, row, setting);
  if (value === null) return [metricOf(section) ? "–" : ""];
  if (change === null) return [number(value)];
  const text = document.createElement("span");
  const beyond = Math.abs(gain) > 1;
  text.className = beyond ? (gain < 0 ? "worse" : "better") : "within";
  text.textContent = `${signed(change)}${beyond ? (gain < 0 ? " ▼" : " ▲") : ""}`;
  text.title = beyond ? "beyond the tolerance" : "within the tolerance";
  return [`${number(value)} `, text];
}

// On paper each case has one row: of its seeds that are shown, a broken one, or else the one that lost most.
function markLeads(section) {
  const losses = new Map(section.rows.map((row) => [row, row.cells.some((cell) => cell.dataset.defect) ? -Infinity : orders.loss(section, row)]));
  const leads = new Map();
  for (const row of section.rows.filter((one) => !one.article.hidden)) {
    const lead = leads.get(row.article.dataset.case);
    if (!lead || losses.get(row) < losses.get(lead)) leads.set(row.article.dataset.case, row);
  }
  for (const row of section.rows) row.article.toggleAttribute("data-lead", leads.get(row.article.dataset.case) === row);
}

// Also images out of sight, which were not loaded yet, are printed.
function startPrint() {
  addEventListener("beforeprint", () => {
    for (const img of all("article[data-lead] .cell img")) img.loading = "eager";
  });
}

function showSize() {
  const root = document.documentElement;
  if (state.size) root.style.setProperty("--size", `${Number(state.size)}px`);
  else root.style.removeProperty("--size");
  const width = Number(state.size) || document.querySelector(".cell:not([hidden] *)")?.offsetWidth || 0;
  if (width) byId("size").value = String(width);
  // Thumbnails are as large as this; above, the images themselves are loaded.
  const large = width > 256;
  for (const img of all(".cell img[data-full]")) {
    img.dataset.small ??= img.getAttribute("src");
    const source = large ? img.dataset.full : img.dataset.small;
    if (img.getAttribute("src") !== source) img.setAttribute("src", source);
  }
}
