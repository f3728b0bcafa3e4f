// Opens the viewer for a sample, with the images of all settings. Rows show thumbnails: only the viewer loads images in
// full size.
let opener = null; // what was pressed to open it

function startViewer() {
  imageViewer.start();
  document.addEventListener("click", (event) => {
    const shot = event.target.closest(".shot");
    if (!shot) return;
    opener = shot;
    openRow(shot.closest("article"), Number(shot.dataset.setting));
  });
  document.addEventListener("keydown", openByKey);
}

const shownRows = () => all("article:not([hidden])").filter((article) => !article.closest(".run").hidden);

function openRow(article, setting = null) {
  writeState({ open: article.id });
  imageViewer.open(contentOf(article, setting));
}

function openFromState() {
  const article = byId(state.open);
  if (article?.matches("article")) openRow(article);
  else if (imageViewer.isOpen()) imageViewer.close();
}

function contentOf(article, setting) {
  const section = sections.find(({ element }) => element.contains(article));
  const row = section.rows.find((one) => one.article === article);
  const seeds = section.rows.filter((one) => one.article.dataset.case === article.dataset.case);
  const shown = shownRows();
  const { case: name, seed } = article.dataset;
  const other = section.reference ? 0 : Math.min(1, section.settings.length - 1);
  return {
    title: article.dataset.case,
    place: shown.includes(article) ? `${shown.indexOf(article) + 1} of ${shown.length}` : "",
    chip: null,
    prompt: article.querySelector(".prompt").textContent,
    mode: state.mode,
    images: row.cells.map((cell, place) => imageOf(section, row, cell, place)),
    // What was pressed is compared with the reference.
    pair: [section.reference, setting === null || setting === section.reference ? other : setting],
    inputs: section.inputs[name] ?? [],
    outline: section.outlines[name] ?? "",
    seeds: seeds.map((one) => one.article.dataset.seed),
    seed,
    table: tableOf(section, row),
    facts: factsOf(section, row),
    difference: (left, right) => differenceOf(section, row, left, right),
    commands: commandsOf(section, article.dataset),
    accept: null,
    onMode: (mode) => writeState({ mode }),
    onStep: (step) => openOther(article, step),
    onSeed: (next) => openRow(seeds.find((one) => one.article.dataset.seed === next).article),
    onClose: () => closed(article),
  };
}

function imageOf(section, row, cell, setting) {
  const img = cell.querySelector("img");
  const { defect } = cell.dataset;
  const label = `${section.letters[setting]} ${section.settings[setting]}`;
  if (!img) return { label, source: "", isThumbnail: false, note: "", isLost: cell.querySelector(".gone").textContent.trim() };
  const metric = metricOf(section);
  const score = scoreTexts(section, row, setting, metric);
  const note = [defect, score && `${metric} ${score}`].filter(Boolean).join(" · ");
  return { label, source: img.dataset.full ?? img.getAttribute("src"), isThumbnail: "thumbnail" in img.dataset, note, isLost: "" };
}

// In numbers, for pairs with the reference.
function differenceOf(section, row, left, right) {
  const { reference } = section;
  const without = (reason) => ({ numbers: [], box: null, reason });
  if (left !== reference && right !== reference) return without(`numbers are known only of pairs with ${section.letters[reference]}, the reference`);
  const difference = section.differences[row.place][left === reference ? right : left];
  if (!difference) return without("the difference was not measured: that takes two images of the same full size, in a comparison that is not too large");
  const [values, box] = difference;
  const numbers = values.map((value, place) => [section.numbers[place][0], value + section.numbers[place][1]]);
  return { numbers, box: box?.map((value) => value / 1000) ?? null, reason: values[1] === "0" ? "the images are identical" : "the size of the images was not recorded" };
}

// A row for every metric; the last column names the settings that moved beyond the tolerance.
function tableOf(section, row) {
  const places = section.settings.map((_, setting) => setting);
  const rows = Object.values(section.metrics).map((metric) => {
    const gains = places.map((setting) => scoreOf(section, row, setting, metric.name).gain);
    const [worse, better] = [-1, 1].map((sign) => places.filter((setting) => sign * gains[setting] > 1).map((setting) => section.letters[setting]));
    const words = [worse.length && `worse: ${worse.join(", ")}`, better.length && `better: ${better.join(", ")}`].filter(Boolean);
    const cells = places.map((setting) => scoreTexts(section, row, setting, metric.name) || "–");
    return {
      cells: [`${metric.name} ${metric.higher ? "↑" : "↓"}`, ...cells, words.join("; ") || "none"],
      tone: worse.length ? "bad" : better.length ? "good" : "",
      unit: metric.unit,
      hint: metric.title,
    };
  });
  return { head: ["metric", ...section.letters, "beyond tolerance"], rows };
}

function scoreTexts(section, row, setting, metric) {
  const { value, change } = scoreOf(section, row, setting, metric);
  if (value === null) return "";
  return change === null ? number(value) : `${number(value)} (${signed(change)})`;
}

function factsOf(section, row) {
  const { dataset } = row.article;
  const negative = row.article.querySelector(".negative")?.textContent ?? "";
  const settings = section.settings.map((name, setting) => {
    const defect = row.cells[setting].dataset.defect ? `, ${row.cells[setting].dataset.defect}` : "";
    return [section.letters[setting], `${name}${setting === section.reference ? ", reference" : ""}${defect}`];
  });
  const expected = Object.entries(section.expected[dataset.case] ?? {});
  const readings = (section.readings[row.place] ?? []).flatMap((read, setting) =>
    Object.entries(read).map(([name, text]) => [`${section.letters[setting]}, ${name} read`, text]),
  );
  return Object.fromEntries([["suite", section.suite], ["seed", dataset.seed], ...(negative ? [["negative prompt", negative]] : []), ...expected, ...readings, ...settings]);
}

function commandsOf(section, dataset) {
  return section.shows
    .map((show, setting) => ({ label: `command that shows ${section.letters[setting]}`, text: show && `sdeval show ${dataset.case}@${dataset.seed} ${show}` }))
    .filter((command) => command.text);
}

function openOther(article, step) {
  const shown = shownRows();
  if (!shown.length) return;
  const place = shown.indexOf(article);
  openRow(shown[Math.min(shown.length - 1, Math.max(0, place + step))]);
}

function closed(article) {
  writeState({ open: "" });
  // Back to where it was opened; or, where others were looked at, to the last of them.
  const back = opener?.closest("article") === article ? opener : article.querySelector(".shot");
  opener = null;
  article.scrollIntoView({ block: "nearest" });
  back?.focus({ preventScroll: true });
}

// Outside the viewer, arrows go on scrolling the page.
function openByKey(event) {
  if (imageViewer.isOpen() || event.ctrlKey || event.metaKey || event.altKey || !["j", "k", "?"].includes(event.key)) return;
  if (event.target.matches("input:not([type=range]), select, textarea")) return;
  const rows = shownRows();
  if (!rows.length) return;
  event.preventDefault();
  // The viewer hears of this key as well, once it is open.
  event.stopImmediatePropagation();
  openRow(event.target.closest?.("article") ?? rows[0]);
  if (event.key === "?" && byId("v-keys").hidden) imageViewer.toggleHelp();
}
