// Which part of the images is seen: one view for all panels. A panel shows its image in a room that clips it, so that
// every panel stays in sight however large its image is.
const largestScale = 32;
const scales = [0.125, 0.25, 0.5, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32];
const view = { scale: 0, x: 0.5, y: 0.5 }; // scale 0: as large as fits; x and y: what is in the middle, 0 to 1
let shape = { width: 64, height: 64 }; // of the images, in pixels
let room = { width: 1, height: 1 }; // of a panel, in CSS pixels

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const fittingScale = () => Math.min(room.width / shape.width, room.height / shape.height) || 1;
const scaleNow = () => view.scale || fittingScale();
const isEnlarged = () => scaleNow() > fittingScale() * 1.001;

// Where a pointer is in its room, in CSS pixels from the middle.
function fromMiddle(event) {
  const box = (event.target.closest(".room") ?? part("stage").querySelector(".room")).getBoundingClientRect();
  return { x: event.clientX - box.left - box.width / 2, y: event.clientY - box.top - box.height / 2 };
}

// What is under a point stays there.
function zoomTo(scale, at = { x: 0, y: 0 }) {
  const before = scaleNow();
  const after = clamp(scale, Math.min(1, fittingScale()), Math.max(largestScale, fittingScale()));
  view.x += at.x / (shape.width * before) - at.x / (shape.width * after);
  view.y += at.y / (shape.height * before) - at.y / (shape.height * after);
  view.scale = after;
  showView();
}

function zoomStep(step) {
  const now = scaleNow();
  const sizes = step > 0 ? scales.filter((scale) => scale > now * 1.01) : scales.filter((scale) => scale < now * 0.99).reverse();
  // One step smaller than what fits, an image that is larger than its panel fits.
  if (sizes.length) zoomTo(sizes[0]);
}

function fit() {
  Object.assign(view, { scale: 0, x: 0.5, y: 0.5 });
  showView();
}

function moveBy(x, y) {
  if (!isEnlarged()) return;
  view.x -= x / (shape.width * scaleNow());
  view.y -= y / (shape.height * scaleNow());
  showView();
}

// A part of the images, given in fractions of them, as large as fits with some of what is around it.
function zoomToBox([left, top, width, height]) {
  Object.assign(view, { x: left + width / 2, y: top + height / 2 });
  const scale = 0.6 * Math.min(room.width / (width * shape.width), room.height / (height * shape.height));
  view.scale = clamp(scale, fittingScale(), Math.max(largestScale / 2, fittingScale()));
  showView();
}

function showView() {
  if (!isEnlarged()) Object.assign(view, { x: 0.5, y: 0.5 });
  view.x = clamp(view.x, 0, 1);
  view.y = clamp(view.y, 0, 1);
  const scale = scaleNow();
  const [width, height] = [shape.width * scale, shape.height * scale];
  const place = { width, height, left: room.width / 2 - view.x * width, top: room.height / 2 - view.y * height };
  for (const [name, value] of Object.entries(place)) viewer.style.setProperty(`--${name}`, `${value}px`);
  // Pixels are squares where they are enlarged; made smaller like that, edges would be jagged.
  viewer.classList.toggle("enlarged", scale > 1);
  viewer.classList.toggle("movable", isEnlarged());
  part("zoom").textContent = view.scale ? `${Number(scale.toFixed(2))}×` : "fit";
}

// As many columns as make the images largest.
function arrangePanels() {
  const stage = part("stage");
  const panels = stage.children.length;
  if (!panels) return;
  const [across, down] = [stage.clientWidth, stage.clientHeight];
  const scaleWith = (columns) => Math.min(across / columns / shape.width, (down / Math.ceil(panels / columns) - 30) / shape.height);
  const columns = Array.from({ length: panels }, (_, index) => index + 1);
  stage.style.setProperty("--columns", columns.reduce((best, count) => (scaleWith(count) > scaleWith(best) ? count : best)));
  const { clientWidth, clientHeight } = stage.querySelector(".room");
  room = { width: clientWidth, height: clientHeight };
  showView();
}

// Pointers that are down: one moves the images, two zoom and move them.
const pointers = new Map();

function startZoom(stage) {
  stage.addEventListener("wheel", onWheel, { passive: false });
  stage.addEventListener("dblclick", onDoubleClick);
  stage.addEventListener("pointerdown", onPointerDown);
  stage.addEventListener("pointermove", onPointerMove);
  for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, (event) => pointers.delete(event.pointerId));
  new ResizeObserver(arrangePanels).observe(stage);
}

function onWheel(event) {
  event.preventDefault();
  // Lines and pages of some mice, as pixels; a pinch on a touchpad comes as small steps with ctrl.
  const pixels = event.deltaY * [1, 16, 400][event.deltaMode];
  zoomTo(scaleNow() * Math.exp(clamp(-pixels, -240, 240) * (event.ctrlKey ? 0.01 : 0.0025)), fromMiddle(event));
}

function onDoubleClick(event) {
  if (event.target.closest("#v-handle, a, button")) return;
  if (view.scale && isEnlarged()) fit();
  // What fits enlarged already becomes larger still.
  else zoomTo(fittingScale() < 1 ? 1 : 4 * fittingScale(), fromMiddle(event));
}

function onPointerDown(event) {
  if (event.button || event.target.closest("a, button")) return;
  const room = event.target.closest(".room");
  if (!room) return;
  pointers.set(event.pointerId, event);
  room.setPointerCapture(event.pointerId);
  const isHandle = event.target.closest("#v-handle");
  dividing = pointers.size === 1 && viewer.dataset.mode === "slider" && (isHandle || !isEnlarged());
  if (isHandle) isHandle.focus();
  if (dividing) moveDivider(event);
}

function onPointerMove(event) {
  const last = pointers.get(event.pointerId);
  if (!last) return;
  const other = [...pointers.values()].find((pointer) => pointer.pointerId !== event.pointerId);
  pointers.set(event.pointerId, event);
  if (other) {
    const distance = (pointer) => Math.hypot(pointer.clientX - other.clientX, pointer.clientY - other.clientY) || 1;
    const middle = { target: event.target, clientX: (event.clientX + other.clientX) / 2, clientY: (event.clientY + other.clientY) / 2 };
    zoomTo((scaleNow() * distance(event)) / distance(last), fromMiddle(middle));
    moveBy((event.clientX - last.clientX) / 2, (event.clientY - last.clientY) / 2);
  } else if (dividing) moveDivider(event);
  else moveBy(event.clientX - last.clientX, event.clientY - last.clientY);
}
