// Images large: before beside now, one over the other, or their difference. Nothing here reads pixels, for a browser
// keeps those of files from disk to itself; the difference is made by blending. The page shows thumbnails: only here
// images are loaded in full size.
const viewer = byId("viewer");
const zooms = [0.25, 0.5, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32];
let zoom = 0; // 0: as large as fits
let blinking = 0;
let card = null;
let opener = null; // what was pressed to open it

function startViewer() {
  document.addEventListener("click", (event) => {
    const shot = event.target.closest(".shot");
    if (!shot) return;
    opener = shot;
    openShot(shot.closest("article") ?? byId(shot.dataset.card), shot.dataset.seed);
  });
  for (const button of all("button[data-mode]", viewer)) button.addEventListener("click", () => setMode(button.dataset.mode));
  byId("v-in").addEventListener("click", () => setZoom(1));
  byId("v-out").addEventListener("click", () => setZoom(-1));
  byId("v-back").addEventListener("click", () => otherCase(-1));
  byId("v-next").addEventListener("click", () => otherCase(1));
  byId("v-accept").addEventListener("click", accept);
  byId("v-close").addEventListener("click", () => viewer.close());
  byId("v-zoom").addEventListener("click", fit);
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
  // Megapixels need not stay in memory.
  for (const img of all(".stage img", viewer)) setSource(img, "");
  const last = card;
  writeState({ open: "", seed: "" });
  // Back to where it was opened; or, where others were looked at, to the last of them.
  const same = opener && (opener.closest("article") ?? byId(opener.dataset.card)) === last;
  const back = same ? opener : last?.querySelector(".shot");
  opener = null;
  back?.focus({ preventScroll: true });
  back?.scrollIntoView({ block: "nearest" });
}

function chosenShot() {
  const shots = all(".shot", card);
  return shots.find((shot) => shot.dataset.seed === state.seed) ?? shots[0];
}

function fillViewer() {
  const shot = chosenShot();
  const { seed, defect } = shot.dataset;
  const [before, now] = sourcesOf(shot);
  const shown = shownCards();
  byId("v-chip").replaceChildren(card.querySelector(".chip").cloneNode(true));
  byId("v-case").textContent = card.dataset.case;
  byId("v-place").textContent = shown.includes(card) ? `${shown.indexOf(card) + 1} of ${shown.length}` : "";
  byId("v-prompt").textContent = card.querySelector(".prompt").textContent;
  byId("v-scores").textContent = [`seed ${seed}`, defect, shot.title].filter(Boolean).join(" · ");
  image("v-before", before);
  image("v-now", now);
  image("v-input", card.dataset.image);
  image("v-mask-figure", card.dataset.mask);
  const painted = card.dataset.painted;
  byId("v-mask-figure").querySelector("figcaption").textContent = painted ? `mask: ${painted}% is painted` : "mask";
  const [under, over] = byId("v-both").querySelectorAll("img");
  setSource(under, before);
  setSource(over, now);
  for (const edge of all(".over", viewer)) setSource(edge, card.dataset.outline);
  byId("v-mask").hidden = !card.dataset.outline;
  viewer.classList.toggle("single", !before || !now);
  const tick = card.querySelector("[data-accept]");
  byId("v-accept").hidden = !tick;
  byId("v-accept").setAttribute("aria-pressed", String(Boolean(tick?.checked)));
  fillSeeds(seed);
  setMode(state.mode);
}

function sourcesOf(shot) {
  const images = ["before", "now"].map((name) => shot.querySelector(`img.${name}`));
  return images.map((img) => img?.dataset.full ?? img?.getAttribute("src") ?? "");
}

// Whether one of the images is a thumbnail: its difference is mostly what was lost by making it smaller.
const hasThumbnail = (shot) => shot.querySelector("[data-thumbnail]") !== null;

function setSource(img, source) {
  img.hidden = !source;
  if (source) img.setAttribute("src", source);
  else img.removeAttribute("src");
}

function image(id, source) {
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
  const shot = chosenShot();
  const difference = byId("v-difference");
  difference.disabled = hasThumbnail(shot);
  difference.title = difference.disabled ? "needs both images in full size; one of them is a thumbnail" : "";
  writeState({ mode: known.includes(wanted) ? wanted : "side" });
  const mode = state.mode === "difference" && difference.disabled ? "side" : state.mode;
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
  // From what is seen now to the next larger or smaller size.
  const frame = all(".frame", viewer).find((each) => each.offsetWidth);
  const now = frame.offsetWidth / (Number(viewer.style.getPropertyValue("--natural")) || 64);
  const sizes = step > 0 ? zooms.filter((each) => each > now * 1.01) : zooms.filter((each) => each < now * 0.99).reverse();
  zoom = sizes[0] ?? zoom;
  showZoom();
}

function fit() {
  zoom = 0;
  showZoom();
}

function showZoom() {
  byId("v-zoom").textContent = zoom ? `${zoom}×` : "fit";
  viewer.classList.toggle("zoomed", zoom > 0);
  viewer.style.setProperty("--zoom", zoom || 1);
  // All frames are as large as the image of now, so that a smaller copy of the baseline's lies on it exactly.
  const img = byId(sourcesOf(chosenShot())[1] ? "v-now" : "v-before").querySelector("img");
  const size = () => {
    viewer.style.setProperty("--natural", img.naturalWidth || 64);
    viewer.style.setProperty("--ratio", img.naturalWidth / img.naturalHeight || 1);
    // Pixels are shown as squares where they are enlarged; made smaller like that, edges would be jagged.
    const shown = all(".frame", viewer).find((frame) => frame.offsetWidth);
    viewer.classList.toggle("reduced", Boolean(shown) && img.naturalWidth > shown.offsetWidth);
    showLabels();
  };
  const others = all("#v-before img, #v-now img", viewer).filter((each) => each.src && !each.complete);
  for (const each of others) each.addEventListener("load", size, { once: true });
  size();
}

function showLabels() {
  const shot = chosenShot();
  const sides = [
    ["v-before", "before", card.closest(".run").dataset.before || "before"],
    ["v-now", "now", "now"],
  ];
  const widths = sides.map(([id]) => byId(id).querySelector("img").naturalWidth);
  const differ = widths[0] && widths[1] && widths[0] !== widths[1];
  const labels = sides.map(([, side, label], place) => {
    const thumbnail = shot.querySelector(`img.${side}[data-thumbnail]`);
    if (thumbnail) return `${label}: a thumbnail${widths[place] ? `, ${widths[place]} pixels wide` : ""}`;
    return differ ? `${label}, ${widths[place]} pixels wide` : label;
  });
  sides.forEach(([id], place) => (byId(id).querySelector("figcaption").textContent = labels[place]));
  byId("v-both").querySelector("figcaption").textContent = labels.join(", and ");
}

function accept() {
  const tick = card.querySelector("[data-accept]");
  tick?.click();
  byId("v-accept").setAttribute("aria-pressed", String(Boolean(tick?.checked)));
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
  0: fit,
  m: toggleMask,
  a: accept,
  "?": toggleHelp,
};

const scrolling = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
  const on = event.target;
  const typing = on.matches("input:not([type=checkbox], [type=range]), select, textarea");
  const moving = scrolling.includes(event.key) && (on.matches("[type=range]") || (zoom > 0 && on.matches(".stage")));
  const pressing = event.key === " " && on.matches("button, input, a, summary");
  if (typing || moving || pressing) return;
  if (!viewer.open) {
    // Outside, only what opens a case; arrows go on scrolling the page.
    if (!["j", "k", "?"].includes(event.key)) return;
    otherCase(event.key === "j" || !card ? 1 : event.key === "k" ? -1 : 0);
    if (event.key === "?" && byId("v-keys").hidden) toggleHelp();
    event.preventDefault();
    return;
  }
  event.preventDefault();
  keys[event.key]();
}
