// Images at full size: side by side, one over the other, or their difference. The page that opens the viewer says what
// it shows:
//
//   openViewer({
//     title: "case", place: "3 of 20", prompt: "…", mode: "side", chip: element or null,
//     images: [{label, source, note: "", isThumbnail: false, isLost: ""}],   // two or more can be compared; empty
//                                                             // source: there is none, and isLost says why
//     inputs: [{label, source}],               // shown side by side only: init image, mask, control image
//     outline: "address of the edge of the mask, or empty",
//     seeds: ["0", "1"], seed: "0",
//     table: {head: ["metric", "baseline", …], rows: [{cells: ["clip_score ↑", "31.2", …], unit: "points", tone: "bad", hint: "…"}]},
//     facts: {name: "text"},
//     difference: (left, right) => ({numbers: [["mean", "4.2 levels"]], box: [left, top, width, height] or null,
//                                    reason: "why there are no numbers or no box"}),
//                                               // of two images by their places in `images`; box in fractions
//     commands: [{label: "show it", text: "sdeval show …"}],
//     pair: [0, 1],                             // optional: which two are compared when the viewer opens
//     accept: {checked: false, toggle: () => checked} or null,
//     onMode, onStep, onSeed, onClose,          // (mode), (1 or -1: another case), (seed), ()
//   })
//
// It is called again to show something else; `startViewer()` comes first, once.
const viewer = document.getElementById("viewer");
const part = (name) => viewer.querySelector(name === "stage" ? ".stage" : `#v-${name}`);
const modes = ["side", "slider", "blend", "blink", "difference"];
let content = null;
let mode = "side";
let pair = [0, 1]; // places of the two images that are compared
const sizes = new Map(); // width and height of images that were loaded, by their source
let blinking = 0;
let dividing = false; // whether a pointer moves the divider

function startViewer() {
  const presses = {
    in: () => zoomStep(1),
    out: () => zoomStep(-1),
    zoom: fit,
    back: () => content.onStep(-1),
    next: () => content.onStep(1),
    focus: focusChange,
    accept: toggleAccept,
    mask: toggleMask,
    info: toggleDetails,
    help: toggleHelp,
    link: () => copyText(location.href),
    close: () => viewer.close(),
  };
  for (const [name, press] of Object.entries(presses)) part(name).addEventListener("click", press);
  for (const button of viewer.querySelectorAll("button[data-mode]")) button.addEventListener("click", () => chooseMode(button.dataset.mode));
  for (const [place, name] of ["left", "right"].entries()) {
    part(name).addEventListener("change", (event) => choosePair(place, Number(event.target.value)));
  }
  part("blend").querySelector("input").addEventListener("input", (event) => setDivider(event.target.value));
  viewer.addEventListener("close", onClose);
  document.addEventListener("keydown", onKey);
  startZoom(part("stage"));
  startDifference();
  setDivider(50);
  // On a small screen the images come first.
  setDetails(innerWidth >= 1000);
}

function openViewer(shown) {
  const isNew = !viewer.open;
  content = shown;
  if (isNew) pair = [...(content.pair ?? pair)];
  if (pair.some((place) => !content.images[place]) || pair[0] === pair[1]) pair = [0, Math.min(1, content.images.length - 1)];
  part("chip").replaceChildren(...[content.chip].filter(Boolean));
  part("case").textContent = content.title;
  part("place").textContent = content.place;
  part("prompt").textContent = content.prompt;
  part("mask").hidden = !content.outline;
  part("accept").hidden = !content.accept;
  part("accept").setAttribute("aria-pressed", String(Boolean(content.accept?.checked)));
  showSeeds();
  showDetails();
  if (isNew) {
    viewer.showModal();
    part("stage").focus();
  }
  setMode(content.mode);
}

function onClose() {
  clearInterval(blinking);
  pointers.clear();
  // Megapixels need not stay in memory.
  part("stage").replaceChildren();
  part("files").replaceChildren();
  sizes.clear();
  Object.assign(view, { scale: 0, x: 0.5, y: 0.5 });
  content.onClose();
}

function element(name, text = "", attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  return made;
}

function showSeeds() {
  const buttons = content.seeds.map((seed) => {
    const button = element("button", `seed ${seed}`, { type: "button", "aria-pressed": String(seed === content.seed) });
    button.addEventListener("click", () => content.onSeed(seed));
    return button;
  });
  part("seeds").replaceChildren(...buttons);
  part("seeds").hidden = buttons.length < 2;
}

const shownImages = () => content.images.filter((image) => image.source);

// Why two images cannot be compared pixel by pixel; empty where they can.
function withoutDifference() {
  const images = pair.map((place) => content.images[place]);
  if (content.images.length < 2 || images.some((image) => !image.source)) return "needs two images";
  if (images.some((image) => image.isThumbnail)) return "needs both images in full size; one of them is a thumbnail";
  const [left, right] = images.map((image) => sizes.get(image.source));
  return left && right && left !== right ? `needs two images of the same size; these have ${left} and ${right} pixels` : "";
}

function chooseMode(wanted) {
  if (wanted === "difference" && withoutDifference()) return say(`difference ${withoutDifference()}`);
  setMode(wanted);
}

function setMode(wanted) {
  mode = modes.includes(wanted) ? wanted : "side";
  content.onMode(mode);
  showMode();
}

function showMode() {
  const reason = withoutDifference();
  allow("difference", reason);
  say("");
  const now = mode === "difference" && reason ? "side" : mode;
  viewer.dataset.mode = now;
  for (const button of viewer.querySelectorAll("button[data-mode]")) button.setAttribute("aria-pressed", String(button.dataset.mode === now));
  viewer.classList.remove("other", "marked");
  part("focus").setAttribute("aria-pressed", "false");
  const { box, reason: unknown } = changeOf();
  allow("focus", box ? "" : unknown);
  if (now === "side") part("stage").replaceChildren(...sidePanels());
  else part("stage").replaceChildren(pilePanel());
  showPair(now);
  part("blend").hidden = now !== "blend";
  part("blend").querySelector("span").textContent = `opacity of ${content.images[pair[1]]?.label}`;
  part("levels").hidden = now !== "difference";
  showNumbers(changeOf());
  clearInterval(blinking);
  if (now === "blink") blinking = setInterval(toggleUpper, 600);
  setDivider(part("blend").querySelector("input").value);
  showShape();
}

// A button that does nothing now still says why to whoever presses it.
function allow(name, reason) {
  part(name).setAttribute("aria-disabled", String(Boolean(reason)));
  part(name).title = reason;
}

function say(text) {
  part("status").textContent = text;
}

const changeOf = () => content.difference(...pair);

// An image is never compared with itself: the two change places.
function choosePair(side, image) {
  if (pair[1 - side] === image) pair[1 - side] = pair[side];
  pair[side] = image;
  showMode();
}

function showPair(now) {
  part("pair").hidden = now === "side" || content.images.length < 3;
  ["left", "right"].forEach((name, place) => {
    const options = content.images.map((image, at) => element("option", image.label, { value: at }));
    part(name).replaceChildren(...options);
    part(name).value = pair[place];
  });
}

function sidePanels() {
  const inputs = content.inputs.map((input) => panelOf(input, input.label));
  return [...inputs, ...content.images.map((image, place) => panelOf(image, captionOf(place)))];
}

function panelOf(image, caption) {
  const panel = part("panel").content.firstElementChild.cloneNode(true);
  panel.dataset.panel = image.label;
  panel.querySelector("figcaption").textContent = caption;
  setImage(panel.querySelector("img"), image);
  if (image.source) addOutline(panel.querySelector(".frame"));
  else panel.querySelector(".room").replaceChildren(element("p", image.isLost, { class: "lost" }));
  return panel;
}

function pilePanel() {
  const panel = part("pile").content.firstElementChild.cloneNode(true);
  panel.querySelectorAll(".pile img").forEach((img, layer) => setImage(img, content.images[pair[layer]] ?? { source: "" }));
  const [left, right] = ["left", "right"].map((side) => panel.querySelector(`.of-${side}`));
  left.textContent = captionOf(pair[0]);
  right.textContent = captionOf(pair[1]);
  addOutline(panel.querySelector(".layer:not(.pile .layer) .frame"));
  const handle = panel.querySelector("#v-handle");
  handle.addEventListener("keydown", moveDividerByKey);
  panel.classList.toggle("single", pair.some((place) => !content.images[place]?.source));
  return panel;
}

function setImage(img, image) {
  if (!image.source) return img.remove();
  img.alt = image.label;
  img.classList.toggle("thumbnail", Boolean(image.isThumbnail));
  img.addEventListener("load", () => onLoad(img, image));
  img.src = image.source;
}

// Only now its size is known.
function onLoad(img, image) {
  sizes.set(image.source, `${img.naturalWidth}x${img.naturalHeight}`);
  const reason = withoutDifference();
  if (viewer.dataset.mode === "difference" && reason) {
    showMode();
    return say(`difference ${reason}`);
  }
  allow("difference", reason);
  showShape();
}

function addOutline(frame) {
  if (!content.outline) return;
  const edge = element("img", "", { class: "over", alt: "edge of the mask" });
  edge.src = content.outline;
  frame.append(edge);
}

const widthOf = (source) => [...part("stage").querySelectorAll("img:not(.over)")].find((img) => img.getAttribute("src") === source)?.naturalWidth ?? 0;

// Of images at full size; they are scaled to each other.
function sizesDiffer() {
  const known = shownImages().filter((image) => !image.isThumbnail).map((image) => sizes.get(image.source));
  return new Set(known.filter(Boolean)).size > 1;
}

function captionOf(place) {
  const { label, source, note, isThumbnail } = content.images[place] ?? { label: "" };
  const width = widthOf(source);
  const known = isThumbnail ? "" : sizesDiffer() && sizes.get(source);
  const size = isThumbnail && source ? `: a thumbnail${width ? `, ${width} pixels wide` : ""}` : known ? `, ${known}` : "";
  return [label + size, note].filter(Boolean).join(" · ");
}

// All frames have the shape of the last image at full size, so that a smaller copy lies on it exactly.
function showShape() {
  const images = shownImages().filter((image) => !image.isThumbnail);
  const { source } = (images.length ? images : shownImages()).at(-1) ?? {};
  const loaded = [...part("stage").querySelectorAll("img:not(.over)")].filter((img) => img.naturalWidth);
  const named = loaded.find((img) => img.getAttribute("src") === source) ?? loaded.at(-1);
  if (named) shape = { width: named.naturalWidth, height: named.naturalHeight };
  for (const panel of part("stage").querySelectorAll("[data-panel]")) {
    const place = content.images.findIndex((image) => image.label === panel.dataset.panel);
    if (place >= 0) panel.querySelector("figcaption").textContent = captionOf(place);
  }
  for (const [layer, side] of ["left", "right"].entries()) {
    const caption = part("stage").querySelector(`.of-${side}`);
    if (caption) caption.textContent = captionOf(pair[layer]);
  }
  arrangePanels();
}

function toggleUpper() {
  viewer.classList.toggle("other");
}

function setDivider(percent) {
  const value = clamp(Math.round(percent), 0, 100);
  part("blend").querySelector("input").value = String(value);
  viewer.style.setProperty("--at", value);
  const handle = viewer.querySelector("#v-handle");
  handle?.setAttribute("aria-valuenow", String(value));
  handle?.setAttribute("aria-valuetext", `${value}% from the left`);
}

function moveDivider(event) {
  const box = part("stage").querySelector(".room").getBoundingClientRect();
  setDivider((100 * (event.clientX - box.left)) / box.width);
}

function moveDividerByKey(event) {
  const now = Number(event.target.getAttribute("aria-valuenow"));
  const places = { ArrowLeft: now - 2, ArrowDown: now - 2, ArrowRight: now + 2, ArrowUp: now + 2, PageDown: now - 10, PageUp: now + 10, Home: 0, End: 100 };
  if (!(event.key in places)) return;
  event.preventDefault();
  event.stopPropagation();
  setDivider(places[event.key]);
}

function focusChange() {
  const { box, reason } = changeOf();
  if (!box) return say(reason);
  const isMarked = viewer.classList.toggle("marked");
  part("focus").setAttribute("aria-pressed", String(isMarked));
  if (!isMarked) return fit();
  ["left", "top", "width", "height"].forEach((name, at) => viewer.style.setProperty(`--mark-${name}`, `${100 * box[at]}%`));
  zoomToBox(box);
}

function toggleAccept() {
  if (content.accept) part("accept").setAttribute("aria-pressed", String(content.accept.toggle()));
}

function toggleMask() {
  const off = viewer.classList.toggle("no-mask");
  part("mask").setAttribute("aria-pressed", String(!off));
}

function toggleHelp() {
  part("keys").hidden = !part("keys").hidden;
  part("help").setAttribute("aria-expanded", String(!part("keys").hidden));
}

function setDetails(isOpen) {
  part("details").hidden = !isOpen;
  part("info").setAttribute("aria-expanded", String(isOpen));
}

const toggleDetails = () => setDetails(part("details").hidden);

function toggleHeat() {
  if (viewer.dataset.mode !== "difference") return chooseMode("difference");
  part("heat").checked = !part("heat").checked;
  showLevels();
}

function stepSeed(step) {
  const place = content.seeds.indexOf(content.seed);
  const { length } = content.seeds;
  content.onSeed(content.seeds[(place + step + length) % length]);
}

const keys = {
  ArrowRight: () => content.onStep(1),
  ArrowLeft: () => content.onStep(-1),
  j: () => content.onStep(1),
  k: () => content.onStep(-1),
  ArrowDown: () => stepSeed(1),
  ArrowUp: () => stepSeed(-1),
  1: () => chooseMode("side"),
  2: () => chooseMode("slider"),
  3: () => chooseMode("blend"),
  4: () => chooseMode("blink"),
  d: () => chooseMode(viewer.dataset.mode === "difference" ? "side" : "difference"),
  h: toggleHeat,
  f: focusChange,
  i: toggleDetails,
  " ": toggleUpper,
  "+": () => zoomStep(1),
  "=": () => zoomStep(1),
  "-": () => zoomStep(-1),
  0: fit,
  m: toggleMask,
  a: toggleAccept,
  "?": toggleHelp,
};
const moves = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

function onKey(event) {
  if (!viewer.open || event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
  const on = event.target;
  const choosing = event.key in moves && on.matches("[type=range], #v-details, #v-keys, #v-prompt");
  const pressing = event.key === " " && on.matches("button, input, a");
  if (choosing || pressing || on.matches("select, [type=search], [type=text], textarea")) return;
  event.preventDefault();
  if (event.key in moves && isEnlarged()) moveBy(...moves[event.key].map((step, axis) => step * 0.15 * (axis ? room.height : room.width)));
  else keys[event.key]();
}
