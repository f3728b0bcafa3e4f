// Pictures large: before beside now, one over the other, or their difference. Nothing here reads pixels, for a browser
// keeps those of files from disk to itself; the difference is made by blending.
const viewer = byId("viewer");
const zooms = [0.5, 1, 2, 3, 4, 6, 8];
let zoom = 0; // 0: as large as fits
let blinking = 0;
let card = null;

function startViewer() {
  document.addEventListener("click", (event) => {
    const shot = event.target.closest(".shot");
    if (shot) openShot(shot.closest("article") ?? byId(shot.dataset.card), shot.dataset.seed);
  });
  for (const button of all("button[data-mode]", viewer)) button.addEventListener("click", () => setMode(button.dataset.mode));
  byId("v-in").addEventListener("click", () => setZoom(1));
  byId("v-out").addEventListener("click", () => setZoom(-1));
  byId("v-close").addEventListener("click", () => viewer.close());
  byId("v-mask").addEventListener("click", toggleMask);
  byId("v-help").addEventListener("click", toggleHelp);
  viewer.addEventListener("close", closed);
  byId("v-range").querySelector("input").addEventListener("input", placeRange);
  document.addEventListener("keydown", onKey);
  byId("v-both").querySelector(".frame").addEventListener("pointermove", dragSlider);
}

function openShot(article, seed) {
  card = article;
  writeState({ open: article.id, seed });
  fillViewer();
  if (!viewer.open) viewer.showModal();
}

function openFromState() {
  const article = state.open && byId(state.open);
  if (article?.matches("article")) openShot(article, state.seed);
  else if (viewer.open) viewer.close();
}

function closed() {
  clearInterval(blinking);
  const last = card;
  writeState({ open: "", seed: "" });
  last?.querySelector(".shot")?.focus({ preventScroll: true });
  last?.scrollIntoView({ block: "nearest" });
}

function chosenShot() {
  const shots = all(".shot", card);
  return shots.find((shot) => shot.dataset.seed === state.seed) ?? shots[0];
}

function fillViewer() {
  const shot = chosenShot();
  const { seed, health } = shot.dataset;
  const [before, now] = sourcesOf(shot);
  const shown = shownCards();
  byId("v-chip").replaceChildren(card.querySelector(".chip").cloneNode(true));
  byId("v-case").textContent = card.dataset.case;
  byId("v-place").textContent = shown.includes(card) ? `${shown.indexOf(card) + 1} of ${shown.length}` : "";
  byId("v-prompt").textContent = card.querySelector(".prompt").textContent;
  byId("v-scores").textContent = [`seed ${seed}`, health, shot.title].filter(Boolean).join(" · ");
  const label = card.closest(".run").dataset.before || "before";
  byId("v-before").querySelector("figcaption").textContent = label;
  byId("v-both").querySelector("figcaption").textContent = `${label} and now`;
  picture("v-before", before);
  picture("v-now", now);
  picture("v-input", card.dataset.image);
  picture("v-mask-figure", card.dataset.mask);
  const [under, over] = byId("v-both").querySelectorAll("img");
  setSource(under, before);
  setSource(over, now);
  for (const edge of all(".over", viewer)) setSource(edge, card.dataset.outline);
  byId("v-mask").hidden = !card.dataset.outline;
  viewer.classList.toggle("single", !before || !now);
  fillSeeds(seed);
  setMode(state.mode);
}

const sourcesOf = (shot) => ["before", "now"].map((name) => shot.querySelector(`img.${name}`)?.getAttribute("src") ?? "");

function setSource(img, source) {
  img.hidden = !source;
  if (source) img.setAttribute("src", source);
  else img.removeAttribute("src");
}

function picture(id, source) {
  byId(id).hidden = !source;
  setSource(byId(id).querySelector("img"), source);
}

function fillSeeds(chosen) {
  const buttons = all(".shot", card).map((shot) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = `seed ${shot.dataset.seed}`;
    button.setAttribute("aria-pressed", String(shot.dataset.seed === chosen));
    button.addEventListener("click", () => openShot(card, shot.dataset.seed));
    return button;
  });
  byId("v-seeds").replaceChildren(...buttons);
  byId("v-seeds").hidden = buttons.length < 2;
}

const known = ["side", "slider", "blend", "blink", "difference"];

function setMode(wanted) {
  const mode = known.includes(wanted) ? wanted : "side";
  writeState({ mode });
  viewer.dataset.mode = mode;
  for (const button of all("button[data-mode]", viewer)) button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
  byId("v-range").hidden = mode !== "slider" && mode !== "blend";
  byId("v-range").querySelector("span").textContent = mode === "blend" ? "how much of now" : "edge";
  clearInterval(blinking);
  viewer.classList.remove("other");
  if (mode === "blink") blinking = setInterval(() => viewer.classList.toggle("other"), 600);
  placeRange();
  showZoom();
}

function placeRange() {
  viewer.style.setProperty("--at", byId("v-range").querySelector("input").value);
}

function dragSlider(event) {
  if (viewer.dataset.mode !== "slider" || !(event.buttons & 1)) return;
  const box = event.currentTarget.getBoundingClientRect();
  byId("v-range").querySelector("input").value = String(Math.round((100 * (event.clientX - box.left)) / box.width));
  placeRange();
}

function setZoom(step) {
  const place = zooms.indexOf(zoom) + step;
  if (zoom === 0) zoom = step > 0 ? 2 : 1;
  else zoom = place < 0 || place >= zooms.length ? 0 : zooms[place];
  showZoom();
}

function showZoom() {
  byId("v-zoom").textContent = zoom ? `${zoom}×` : "fit";
  viewer.classList.toggle("zoomed", zoom > 0);
  viewer.style.setProperty("--zoom", zoom || 1);
  // All frames are as large as the picture of now, so that a smaller copy of the baseline's lies on it exactly.
  const img = byId(sourcesOf(chosenShot())[1] ? "v-now" : "v-before").querySelector("img");
  const size = () => {
    viewer.style.setProperty("--natural", img.naturalWidth || 64);
    viewer.style.setProperty("--ratio", img.naturalWidth / img.naturalHeight || 1);
  };
  if (img.complete) size();
  else img.addEventListener("load", size, { once: true });
}

function toggleMask() {
  const off = viewer.classList.toggle("no-mask");
  byId("v-mask").setAttribute("aria-pressed", String(!off));
}

function toggleHelp() {
  const keys = byId("v-keys");
  keys.hidden = !keys.hidden;
  byId("v-help").setAttribute("aria-expanded", String(!keys.hidden));
}

function otherCase(step) {
  const shown = shownCards();
  if (!shown.length) return;
  const place = card ? shown.indexOf(card) : -1;
  const next = shown[Math.min(shown.length - 1, Math.max(0, place + step))];
  openShot(next, next.querySelector(".shot").dataset.seed);
}

function otherSeed(step) {
  const seeds = all(".shot", card).map((shot) => shot.dataset.seed);
  const place = seeds.indexOf(chosenShot().dataset.seed);
  openShot(card, seeds[(place + step + seeds.length) % seeds.length]);
}

const keys = {
  ArrowRight: () => otherCase(1),
  ArrowLeft: () => otherCase(-1),
  j: () => otherCase(1),
  k: () => otherCase(-1),
  ArrowDown: () => otherSeed(1),
  ArrowUp: () => otherSeed(-1),
  1: () => setMode("side"),
  2: () => setMode("slider"),
  3: () => setMode("blend"),
  4: () => setMode("blink"),
  d: () => setMode(state.mode === "difference" ? "side" : "difference"),
  " ": () => viewer.classList.toggle("other"),
  "+": () => setZoom(1),
  "=": () => setZoom(1),
  "-": () => setZoom(-1),
  m: toggleMask,
  a: () => card.querySelector("[data-accept]")?.click(),
  "?": toggleHelp,
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
  const typing = event.target.matches("input:not([type=checkbox]), select, textarea");
  const pressing = event.key === " " && event.target.matches("button, input, a, summary");
  if (typing || pressing) return;
  if (!viewer.open) {
    // Outside, only what opens a case; arrows go on scrolling the page.
    if (!["j", "k", "?"].includes(event.key)) return;
    otherCase(event.key === "k" ? 0 : 1);
    if (event.key === "?") toggleHelp();
    event.preventDefault();
    return;
  }
  event.preventDefault();
  keys[event.key]();
}
