// Shows what fits the query, in the order chosen: cases, rows of metrics, and what has no images.
const caseFacts = JSON.parse(byId("cases").textContent);
const samples = JSON.parse(byId("samples").textContent);
const failingIds = new Set(Object.values(caseFacts).flatMap((run) => run.failing));
const cards = all("article");
const items = all("[data-item]").map(itemOf);
const boxes = all(".cards").map((box) => ({ chunks: all(".chunk", box), cards: all("article", box) }));
const chunkSize = 12;
const targetCount = new Set(items.map((item) => item.values.target[0])).size;

function itemOf(element) {
  const run = element.closest(".run");
  const { kind, change, suite, target } = { ...run?.dataset, ...element.dataset };
  const type = element.matches("article, [data-other-case]") ? "case" : "metric";
  const name = element.dataset.case ?? element.dataset.name ?? element.id.slice(run.id.length + 1);
  const tags = all(".tags span", element).map((tag) => tag.textContent);
  const shots = all(".shot", element).map((shot) => ({
    element: shot,
    seed: shot.dataset.seed,
    defect: (shot.dataset.defect ?? "").toLowerCase(),
  }));
  const fails = "fails" in element.dataset || failingIds.has(element.id);
  const values = {
    s: fails ? [kind, "failed"] : [kind],
    suite: [suite],
    target: [target],
    metric: element.matches("article") ? element.dataset.metrics.split(" ") : type === "metric" ? [name] : [],
    tag: tags,
    change: change ? [change] : [],
    case: type === "case" ? [name] : [],
  };
  for (const key of Object.keys(values)) values[key] = values[key].filter(Boolean).map((value) => value.toLowerCase());
  return { element, type, values, shots, id: type === "case" ? `${suite}\n${name}` : "", text: textOf(element, name, shots) };
}

// Of a metric its name and title: its reason may name any case.
function textOf(element, name, shots) {
  const texts = all(".prompt, .tags", element).map((part) => part.textContent);
  texts.push(element.querySelector(".what")?.firstChild?.textContent ?? "");
  if (element.matches("article")) texts.push(...readingsOf(samples[element.closest(".run").id], name));
  return [name, ...texts, ...shots.map((shot) => shot.defect)].join("\n").toLowerCase();
}

// What metrics shall find in the images of a case, and what they found.
function readingsOf(run, name) {
  if (!run.searched.length) return [];
  const ofCase = run.cases[name];
  const facts = Object.values(ofCase.samples).map((sample) => ({ ...run.facts, ...ofCase.facts, ...sample.facts }));
  return facts.flatMap((ofSample) => run.searched.map((fact) => ofSample[fact]));
}

function startFilters() {
  startFacets();
  byId("search").addEventListener("input", (event) => showQuery(event.target.value));
  if (byId("jump")) startJump();
  for (const link of all(".worst a, a.skip")) {
    link.addEventListener("click", (event) => {
      // The address keeps the filters: the link scrolls, and is not followed.
      event.preventDefault();
      const element = byId(decoded(link.hash));
      if (link.matches(".skip")) (firstShot() ?? element).focus();
      else reveal(element);
    });
  }
  startRoving();
  new ResizeObserver(keepClearOfFilters).observe(document.querySelector("nav"));
}

// The list of suites leads to one, and shows which is in sight.
function startJump() {
  const jump = byId("jump");
  jump.addEventListener("change", () => reveal(byId(jump.value)));
  const follow = (entries) => entries.forEach(({ target, isIntersecting }) => isIntersecting && (jump.value = target.id));
  const observer = new IntersectionObserver(follow, { rootMargin: "-25% 0px -70% 0px" });
  for (const section of all(".run, #others")) observer.observe(section);
}

// What is scrolled to must not lie below the filters, where these stay in sight.
function keepClearOfFilters() {
  const nav = document.querySelector("nav");
  const isSticky = getComputedStyle(nav).position === "sticky";
  document.documentElement.style.scrollPaddingTop = `${isSticky ? nav.offsetHeight + 8 : 12}px`;
}

function showQuery(query) {
  writeState({ q: query });
  applyFilters();
}

function reveal(element) {
  const section = element.closest(".run, #others");
  if (element.hidden || section?.hidden) showQuery("");
  element.closest("details")?.setAttribute("open", "");
  all(".revealed").forEach((other) => other.classList.remove("revealed"));
  if (element !== section) element.classList.add("revealed");
  element.scrollIntoView({ block: "start" });
}

function applyFilters() {
  const query = parseQuery(state.q);
  for (const item of items) judge(item, query);
  for (const { element, shots, fits, chosen } of items) {
    element.hidden = !fits;
    if (fits) for (const shot of shots) shot.element.hidden = !chosen.includes(shot);
  }
  document.body.classList.toggle("all-seeds", query.terms.some((term) => term.key === "seed"));
  arrange();
  showSections(query.terms.length + query.words.length > 0);
  if (document.activeElement !== byId("search")) byId("search").value = state.q;
  showFacets(query);
  showCounts();
  showHints(query);
  rove(document.activeElement?.closest("article .shot"));
}

// Whether an item fits, and which keys alone keep it from that: their other values would show it.
function judge(item, query) {
  const positive = query.terms.filter((term) => !term.negative);
  const negative = query.terms.filter((term) => term.negative);
  const failing = new Set();
  for (const { key } of positive) {
    if (key === "seed" || key === "defect") continue;
    if (!positive.some((term) => term.key === key && item.values[key].some(term.matches))) failing.add(key);
  }
  if (query.words.some(({ negative: not, value }) => item.text.includes(value) === not)) failing.add("words");
  if (negative.some(({ key, matches }) => key !== "seed" && valuesOf(item, key).some(matches))) failing.add("words");
  const refused = negative.filter((term) => term.key === "seed");
  item.left = item.shots.filter((shot) => !refused.some((term) => term.matches(shot.seed)));
  if (item.shots.length && !item.left.length) failing.add("words");
  const seeds = positive.filter((term) => term.key === "seed").map((term) => term.matches);
  const defects = positive.filter((term) => term.key === "defect").map((term) => term.matches);
  item.chosen = chosenShots(item, seeds);
  item.sampleFits = (otherSeeds, otherDefects) => sampleFits(item, otherSeeds ?? seeds, otherDefects ?? defects);
  item.failing = failing;
  item.fits = failing.size === 0 && item.sampleFits();
}

const valuesOf = (item, key) => (key === "defect" ? item.shots.map((shot) => shot.defect).filter(Boolean) : item.values[key]);

const chosenShots = (item, seeds) =>
  seeds.length ? item.left.filter((shot) => seeds.some((matches) => matches(shot.seed))) : item.left;

// One and the same sample has to fit both: seed:3 defect:black is a case whose seed 3 is black.
function sampleFits(item, seeds, defects) {
  if (!seeds.length && !defects.length) return true;
  const chosen = chosenShots(item, seeds);
  if (!defects.length) return chosen.length > 0;
  return chosen.some((shot) => shot.defect && defects.some((matches) => matches(shot.defect)));
}

// With a query, only what fits it is left on the page.
function showSections(isSearching) {
  const nav = document.querySelector("nav");
  const wasAbove = nav.getBoundingClientRect().top <= 1;
  const begins = isSearching && !document.body.classList.contains("searching");
  document.body.classList.toggle("searching", isSearching);
  for (const run of all(".run")) {
    const rows = all("tbody tr[data-item]", run);
    if (rows.length) rows[0].closest("table").hidden = rows.every((row) => row.hidden);
    run.hidden = all("[data-item]", run).every((item) => item.hidden);
  }
  for (const group of all(".others")) {
    group.hidden = all("[data-item]", group).every((item) => item.hidden);
    if (isSearching) group.open = !group.hidden;
  }
  if (byId("others")) byId("others").hidden = all(".others").every((group) => group.hidden);
  byId("nothing").hidden = items.some((item) => item.fits);
  // The first hits come right below the filters.
  if (begins && wasAbove) scrollTo(0, document.querySelector("header").offsetHeight);
}

function showCounts() {
  const shown = items.filter((item) => item.fits);
  const parts = [`${casesIn(shown)} of ${plural(casesIn(items), "case")}${targetCount > 1 ? ` on ${targetCount} targets` : ""}`];
  const metrics = metricsIn(items);
  if (metrics) parts.push(`${metricsIn(shown)} of ${plural(metrics, "metric")}`);
  byId("found").textContent = parts.join(", ");
}

const casesIn = (list) => new Set(list.map((item) => item.id).filter(Boolean)).size;
const metricsIn = (list) => list.filter((item) => item.type === "metric").length;
const plural = (count, name) => `${count} ${name}${count === 1 ? "" : "s"}`;

function showHints({ hints, terms }) {
  const unknown = terms
    .filter(({ key, matches }) => !items.some((item) => knownValues(item, key).some(matches)))
    .map(({ key, value }) => `nothing here has ${key}:${value}`);
  const lines = [...new Set([...hints, ...unknown])];
  byId("hint").textContent = lines.join("; ");
  byId("hint").hidden = lines.length === 0;
}

const knownValues = (item, key) => (key === "seed" ? item.shots.map((shot) => shot.seed) : valuesOf(item, key));

const orders = {
  worst: () => 0,
  loss: (a, b) => b.dataset.worst - a.dataset.worst,
  suite: (a, b) => a.dataset.place - b.dataset.place,
  name: (a, b) => a.dataset.case.localeCompare(b.dataset.case),
};

// Worst first by change:clip_score, current:clip_score or baseline:clip_score; cases without a value come last.
function metricOrder(sort) {
  const [quantity, metric] = sort.split(":");
  const rank = (card) => {
    const run = caseFacts[card.closest(".run").id];
    const place = run.metrics.findIndex(([name]) => name === metric);
    const values = run.cases[card.dataset.case]?.[place];
    if (!values) return null;
    const [baseline, current] = values;
    return run.metrics[place][1] * { change: current - baseline, current, baseline }[quantity];
  };
  const ranks = new Map(cards.map((card) => [card, rank(card)]));
  const reversed = state.order === "reverse" ? -1 : 1;
  return (a, b) => {
    const [left, right] = [ranks.get(a), ranks.get(b)];
    if (left === null || right === null) return (left === null) - (right === null);
    return reversed * (left - right);
  };
}

function chosenOrder() {
  const reversed = state.order === "reverse" ? -1 : 1;
  if (state.sort in orders && state.sort !== "worst") return (a, b) => reversed * orders[state.sort](a, b);
  const isKnown = [...byId("sort").options].some((option) => option.value === state.sort);
  if (isKnown && state.sort.includes(":")) return metricOrder(state.sort);
  return (a, b) => reversed * (placeOf.get(a) - placeOf.get(b));
}

const placeOf = new Map(cards.map((card, place) => [card, place]));

// Those that are shown come first, so that every chunk is full but for the last.
function arrange() {
  const order = chosenOrder();
  for (const { chunks, cards } of boxes) {
    const ordered = [...cards].sort((a, b) => a.hidden - b.hidden || order(a, b));
    chunks.forEach((chunk, place) => {
      const inside = ordered.slice(place * chunkSize, (place + 1) * chunkSize);
      if (inside.some((card, at) => chunk.children[at] !== card)) chunk.append(...inside);
      chunk.hidden = inside.every((card) => card.hidden);
    });
  }
}

const shownCards = () => all("article:not([hidden])").filter((card) => !card.closest(".run").hidden);

// All images of cases are one Tab stop; arrows lead from one to the next, and `a` accepts a case.
function startRoving() {
  for (const control of all("article :is(.shot, [data-accept])")) control.tabIndex = -1;
  byId("main").addEventListener("focusin", (event) => rove(event.target.closest("article .shot")));
  byId("main").addEventListener("keydown", (event) => {
    const shot = event.target.closest("article .shot");
    if (!shot || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "a") shot.closest("article").querySelector("[data-accept]")?.click();
    else if (event.key in roving) roving[event.key](shot)?.focus();
    else return;
    event.preventDefault();
  });
}

const shownShots = (root) => all(".shot:not([hidden])", root).filter((shot) => shot.offsetWidth > 0);

function neighbour(shot, step) {
  const card = shot.closest("article");
  const inside = shownShots(card);
  return inside[inside.indexOf(shot) + step] ?? shownShots(cardBeside(card, step)).at(step > 0 ? 0 : -1);
}

function cardBeside(card, step) {
  const list = shownCards();
  return list[Math.min(list.length - 1, Math.max(0, list.indexOf(card) + step))];
}

const roving = {
  ArrowRight: (shot) => neighbour(shot, 1),
  ArrowLeft: (shot) => neighbour(shot, -1),
  ArrowDown: (shot) => shownShots(cardBeside(shot.closest("article"), columns(shot)))[0],
  ArrowUp: (shot) => shownShots(cardBeside(shot.closest("article"), -columns(shot)))[0],
  Home: () => firstShot(),
  End: () => shownShots(shownCards().at(-1)).at(-1),
};

const columns = (shot) => getComputedStyle(shot.closest(".chunk")).gridTemplateColumns.split(" ").length;
const firstShot = () => (shownCards().length ? shownShots(shownCards()[0])[0] : null);

let stop = null; // the image that Tab leads to

function rove(shot) {
  const next = shot ?? (stop && !stop.closest("[hidden]") ? stop : all("article:not([hidden]) .shot:not([hidden])")[0]);
  if (next === stop) return;
  if (stop) stop.tabIndex = -1;
  stop = next ?? null;
  if (stop) stop.tabIndex = 0;
}
