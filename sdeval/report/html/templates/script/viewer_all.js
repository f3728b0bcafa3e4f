// The viewer keeps its names to itself: a page uses `imageViewer.start()`, `open(content)`, `close()` and `isOpen()`.
const imageViewer = (() => {
{% include "script/viewer.js" %}
{% include "script/viewer_zoom.js" %}
{% include "script/viewer_difference.js" %}
{% include "script/viewer_details.js" %}
return { start: startViewer, open: openViewer, close: () => viewer.close(), isOpen: () => viewer.open, toggleHelp };
})();
