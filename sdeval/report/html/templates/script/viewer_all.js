// The viewer keeps its names to itself: a page uses `imageViewer.start()`, `open(content)`, `close()` and `isOpen()`.
const imageViewer = (() => {
{% include "script/viewer.js" %}
{% include "script/viewer_zoom.js" %}
{% include "script/viewer_difference.js" %}
{% include "script/viewer_details.js" %}
return { start: startViewer, open: openViewer, close: () => viewer.close(), isOpen: () => viewer.open, toggleHelp };
})();

// What was put in, as the viewer shows it beside what came out: of an edit, all input images.
function inputsOf({ image, further, mask, painted }) {
  const sources = [image, ...JSON.parse(further ?? "[]")].filter(Boolean);
  const images = sources.map((source, place) => ({ label: sources.length > 1 ? `input ${place + 1}` : "input", source }));
  return mask ? [...images, { label: painted ? `mask: ${painted}% is painted` : "mask", source: mask }] : images;
}
