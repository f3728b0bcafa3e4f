// The difference of two images: the browser blends them, and a filter looks every level up in a table. Nothing here
// reads pixels, for a browser keeps those of files from disk to itself; the numbers come from the session.
const heat = [
  [0, 0, 0],
  [66, 20, 116],
  [188, 48, 84],
  [246, 138, 32],
  [255, 246, 172],
];

function heatColour(share) {
  const place = share * (heat.length - 1);
  const low = Math.min(heat.length - 2, Math.floor(place));
  return heat[low].map((value, channel) => Math.round(value + (place - low) * (heat[low + 1][channel] - value)));
}

// The colour of each of the 256 levels of difference.
function levelColours() {
  const [gain, threshold] = [Number(part("gain").value), Number(part("threshold").value)];
  return Array.from({ length: 256 }, (_, level) => {
    const share = level <= threshold ? 0 : Math.min(1, (gain * level) / 255);
    return part("heat").checked ? heatColour(share) : Array(3).fill(Math.round(255 * share));
  });
}

function showLevels() {
  const colours = levelColours();
  ["feFuncR", "feFuncG", "feFuncB"].forEach((name, channel) => {
    const table = colours.map((colour) => (colour[channel] / 255).toFixed(4)).join(" ");
    viewer.querySelector(name).setAttribute("tableValues", table);
  });
  const [gain, threshold] = [Number(part("gain").value), Number(part("threshold").value)];
  const highest = Math.ceil(255 / gain);
  const steps = Array.from({ length: 33 }, (_, step) => `rgb(${colours[Math.round((highest * step) / 32)].join(" ")})`);
  const [, end] = part("legend").querySelectorAll("span");
  part("legend").querySelector("i").style.background = `linear-gradient(to right, ${steps.join(", ")})`;
  end.textContent = `${highest}${highest < 255 ? " or more" : ""} of 255 levels, in the channel that differs most`;
  part("threshold-text").textContent = threshold ? `${threshold} levels and less are black` : "none";
}

function showNumbers(difference) {
  const numbers = difference.numbers.map(([name, text]) => `${name} ${text}`);
  part("numbers").textContent = numbers.join(" · ") || difference.reason;
}

function startDifference() {
  for (const name of ["gain", "threshold", "heat"]) part(name).addEventListener("input", showLevels);
  showLevels();
}
