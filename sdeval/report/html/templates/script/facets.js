// Chips and lists of values: another view of the query. A count is what pressing shows, beside the filters of other keys.
const chipKeys = ["s", "change"];
const listKeys = ["suite", "target", "metric", "tag", "defect", "seed"];
const facets = [...chipKeys, ...listKeys].map((key) => ({ key, values: facetValues(key) })).filter(isWorthChoosing);

function facetValues(key) {
  const present = new Set(items.flatMap((item) => knownValues(item, key)));
  if (key === "s") return [...(failingKinds() > 1 ? ["failed"] : []), ...kindsInOrder()].filter((value) => present.has(value));
  if (key === "change") return ["changed", "imperceptible", "identical"].filter((value) => present.has(value));
  return [...present].sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
}

function kindsInOrder() {
  const names = all("footer span").map((part) => part.textContent.trim().slice(2).replaceAll(" ", "_"));
  return names.map((name) => name.trim());
}

// Where all that failed is of one kind, its chip shows it already.
function failingKinds() {
  const failed = items.filter((item) => item.values.s.includes("failed"));
  return new Set(failed.map((item) => item.values.s[0])).size;
}

function isWorthChoosing({ key, values }) {
  return values.length > (["suite", "target", "seed", "change"].includes(key) ? 1 : 0);
}

function startFacets() {
  byId("chips").append(allChip());
  for (const facet of facets) {
    if (chipKeys.includes(facet.key)) byId("chips").append(...facet.values.map((value) => chipOf(facet.key, value)));
    else byId("lists").append(listOf(facet));
  }
  fillSort();
  byId("sort").addEventListener("change", (event) => show({ sort: event.target.value }));
  byId("order").addEventListener("click", () => show({ order: state.order ? "" : "reverse" }));
  byId("grid").addEventListener("click", () => show({ view: state.view === "grid" ? "cards" : "grid" }));
  for (const button of sizeButtons()) button.addEventListener("click", () => show({ size: button.dataset.size }));
}

const sizeButtons = () => all("nav [data-size]");

function show(changes) {
  writeState(changes);
  applyFilters();
}

function allChip() {
  const button = chipOf("", "");
  button.firstChild.textContent = "all";
  return button;
}

function chipOf(key, value) {
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.show = value;
  button.dataset.key = key;
  button.append(value.replaceAll("_", " "), " ", document.createElement("b"));
  button.addEventListener("click", () => showQuery(key ? toggled(state.q, key, value) : ""));
  return button;
}

function toggled(query, key, value) {
  const isValue = (other) => normal(key, other) === value;
  const without = withoutTerms(query, key, isValue);
  return without === withoutTerms(query, key, () => false) ? withTerm(query, key, value) : without;
}

function listOf({ key, values }) {
  const select = document.createElement("select");
  select.dataset.key = key;
  select.setAttribute("aria-label", `filter by ${key}`);
  for (const value of ["", ...values]) select.append(new Option(value || `any ${key}`, value));
  select.addEventListener("change", () => {
    const without = withoutTerms(state.q, key);
    showQuery(select.value ? withTerm(without, key, select.value) : without);
  });
  return select;
}

function fillSort() {
  const sort = byId("sort");
  const general = { worst: "worst first", loss: "largest loss in tolerances", suite: "as in the suite", name: "by name" };
  for (const [value, label] of Object.entries(general)) sort.append(new Option(label, value));
  const hasValues = (run, place) => Object.values(run.cases).some((values) => values[place]);
  const scored = (run) => run.metrics.map(([name]) => name).filter((_, place) => hasValues(run, place));
  const metrics = new Set(Object.values(caseFacts).flatMap(scored));
  for (const metric of metrics) {
    const group = document.createElement("optgroup");
    group.label = metric;
    for (const quantity of ["change", "current", "baseline"]) {
      group.append(new Option(`${quantity} of ${metric}`, `${quantity}:${metric}`));
    }
    sort.append(group);
  }
}

function showFacets({ terms }) {
  const positive = terms.filter((term) => !term.negative);
  for (const { key, values } of facets) {
    const chosen = values.filter((value) => positive.some((term) => term.key === key && term.matches(value)));
    const counts = countsOf(key, values);
    if (chipKeys.includes(key)) for (const value of values) showChip(key, value, chosen.includes(value), counts[value]);
    else showList(key, chosen, positive.some((term) => term.key === key), counts);
  }
  document.querySelector("#chips [data-key='']").setAttribute("aria-pressed", String(!state.q.trim()));
  byId("sort").value = state.sort;
  if (!byId("sort").value) byId("sort").value = "worst";
  byId("order").setAttribute("aria-pressed", String(state.order === "reverse"));
  const size = sizeButtons().some((button) => button.dataset.size === state.size) ? state.size : usual.size;
  for (const button of sizeButtons()) button.setAttribute("aria-pressed", String(button.dataset.size === size));
  byId("grid").setAttribute("aria-pressed", String(state.view === "grid"));
  document.body.dataset.size = size;
  document.body.dataset.view = state.view === "grid" ? "grid" : "cards";
}

// Items by value of a key that the filters of all other keys let through.
function countsOf(key, values) {
  const counts = Object.fromEntries(values.map((value) => [value, []]));
  for (const item of items) {
    const isSample = key === "seed" || key === "defect";
    if ([...item.failing].some((other) => other !== key)) continue;
    if (!isSample && !item.sampleFits()) continue;
    for (const value of new Set(knownValues(item, key))) {
      const matches = [(other) => other === value];
      const fits = !isSample || (key === "seed" ? item.sampleFits(matches) : item.sampleFits(undefined, matches));
      if (fits) counts[value]?.push(item);
    }
  }
  return counts;
}

function showChip(key, value, isPressed, hits) {
  const button = document.querySelector(`#chips [data-key="${key}"][data-show="${value}"]`);
  button.setAttribute("aria-pressed", String(isPressed));
  button.hidden = hits.length === 0 && !isPressed;
  button.querySelector("b").textContent = countText(hits);
}

function showList(key, chosen, isFiltered, counts) {
  const select = document.querySelector(`#lists [data-key="${key}"]`);
  for (const option of select.options) if (option.value) option.text = `${option.value} (${countText(counts[option.value])})`;
  select.options[0].text = isFiltered && chosen.length !== 1 ? `${key}: ${chosen.length} chosen` : `any ${key}`;
  select.value = chosen.length === 1 ? chosen[0] : "";
  select.classList.toggle("chosen", isFiltered);
}

// Cases and metrics apart; with several targets, a case has a result on each of them.
function countText(hits) {
  const cases = hits.length - metricsIn(hits);
  const parts = [cases && plural(cases, targetCount > 1 ? "result" : "case"), metricsIn(hits) && plural(metricsIn(hits), "metric")];
  return parts.filter(Boolean).join(", ") || "0";
}
