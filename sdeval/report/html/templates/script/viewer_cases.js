// Opens the viewer for a sample of a case. The page shows thumbnails: only the viewer loads images in full size.
let card = null;
let opener = null; // what was pressed to open it

function startViewer() {
  imageViewer.start();
  document.addEventListener("click", (event) => {
    const shot = event.target.closest(".shot");
    if (!shot) return;
    opener = shot;
    openShot(shot.closest("article") ?? byId(shot.dataset.card), shot.dataset.seed);
  });
  document.addEventListener("keydown", openByKey);
}

function openShot(article, seed) {
  card = article;
  writeState({ open: article.id, seed });
  imageViewer.open(contentOf(chosenShot()));
}

function openFromState() {
  const article = state.open ? byId(state.open) : null;
  if (article?.matches("article")) openShot(article, state.seed);
  else if (imageViewer.isOpen()) imageViewer.close();
}

function chosenShot() {
  const shots = all(".shot", card);
  return shots.find((shot) => shot.dataset.seed === state.seed) ?? shots[0];
}

function contentOf(shot) {
  const { seed } = shot.dataset;
  const shown = shownCards();
  const tick = card.querySelector("[data-accept]");
  const run = samples[card.closest(".run").id];
  const sample = sampleOf(run, card.dataset.case, seed);
  return {
    title: card.dataset.case,
    place: shown.includes(card) ? `${shown.indexOf(card) + 1} of ${shown.length}` : "",
    chip: card.querySelector(".chip").cloneNode(true),
    prompt: card.querySelector(".prompt").textContent,
    mode: state.mode,
    images: [imageOf(shot, "baseline", run.baseline || "baseline"), imageOf(shot, "current", "current")].filter(Boolean),
    seeds: all(".shot", card).map((other) => other.dataset.seed),
    seed,
    ...sample,
    accept: tick && { checked: tick.checked, toggle: () => (tick.click(), tick.checked) },
    onMode: (mode) => writeState({ mode }),
    onStep: openOther,
    onSeed: (other) => openShot(card, other),
    onClose,
  };
}

function imageOf(shot, side, label) {
  const img = shot.querySelector(`img.${side}`);
  if (img) return { label, source: img.dataset.full ?? img.getAttribute("src"), isThumbnail: "thumbnail" in img.dataset, note: "" };
  return side === "current" ? { label, source: "", isLost: shot.querySelector(".gone").textContent } : null;
}

function openOther(step) {
  const shown = shownCards();
  if (!shown.length) return;
  const place = card ? shown.indexOf(card) : -1;
  const next = shown[Math.min(shown.length - 1, Math.max(0, place + step))];
  openShot(next, next.querySelector(".shot").dataset.seed);
}

function onClose() {
  const last = card;
  writeState({ open: "", seed: "" });
  // Back to where it was opened; or, where others were looked at, to the last of them.
  const same = opener && (opener.closest("article") ?? byId(opener.dataset.card)) === last;
  const back = same ? opener : last?.querySelector(".shot");
  opener = null;
  back?.focus({ preventScroll: true });
  back?.scrollIntoView({ block: "nearest" });
}

// Outside the viewer, arrows go on scrolling the page.
function openByKey(event) {
  if (imageViewer.isOpen() || event.ctrlKey || event.metaKey || event.altKey || !["j", "k", "?"].includes(event.key)) return;
  if (event.target.matches("input:not([type=checkbox], [type=range]), select, textarea")) return;
  event.preventDefault();
  // The viewer hears of this key as well, once it is open.
  event.stopImmediatePropagation();
  openOther(event.key === "j" || !card ? 1 : event.key === "k" ? -1 : 0);
  if (event.key === "?" && byId("v-keys").hidden) imageViewer.toggleHelp();
}

// What the page knows of a sample: its scores and facts are those of `sdeval show`, and the usual ones are stored once.
function sampleOf(run, name, seed) {
  const ofCase = run.cases[name];
  const sample = ofCase.samples[seed];
  const { command, ...facts } = { ...run.facts, ...ofCase.facts, ...sample.facts };
  const numbers = (sample.numbers ?? []).map((value, place) => [run.numbers[place][0], value + run.numbers[place][1]]);
  const box = sample.box?.map((value) => value / 1000) ?? null;
  const reason = numbers.length ? "the images are identical" : run.unknown;
  const at = `${name}@${seed}`;
  const generate = command ? [{ label: "command that generates it", text: `sdeval generate ${at} ${command}` }] : [];
  return {
    inputs: ofCase.inputs ?? [],
    outline: ofCase.outline ?? "",
    table: { head: run.head, rows: sample.scores.map((line, place) => rowOf(run, run.metrics[place], line.split(" "))) },
    facts: { seed, ...facts, difference: numbers.map((words) => words.join(" ")).join(", ") || "unknown" },
    difference: () => ({ numbers, box, reason }),
    commands: [{ label: "command that shows it", text: `sdeval show ${at} ${run.show}` }, ...generate],
  };
}

function rowOf(run, metric, [verdict, baseline, current, change, tolerance = metric.tolerance]) {
  const [text, tone] = run.verdicts[verdict];
  const name = `${metric.name} ${metric.arrow}`;
  return { cells: [name, baseline, current, change, tolerance, text], unit: metric.unit, tone, hint: metric.hint };
}
