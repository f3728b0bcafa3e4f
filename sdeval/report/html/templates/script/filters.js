// Shows what fits the filter, in the order chosen. Rows of tables have no prompt: a search leaves them alone.
const wordsOf = (card) => all(".case, .prompt, .tags", card).map((each) => each.textContent).join(" ").toLowerCase();
const items = all("[data-item]").map((element) => ({
  element,
  kinds: [element.dataset.kind, element.dataset.change],
  text: element.matches("article") ? wordsOf(element) : null,
}));
const cards = all("article");
const boxes = all(".cards").map((box) => ({ chunks: all(".chunk", box), cards: all("article", box) }));
const chunkSize = 12;
const orders = {
  worst: () => 0,
  moved: (a, b) => b.dataset.worst - a.dataset.worst,
  suite: (a, b) => a.dataset.place - b.dataset.place,
  name: (a, b) => a.dataset.case.localeCompare(b.dataset.case),
};

function startFilters() {
  for (const button of all("[data-show]")) {
    button.addEventListener("click", () => {
      writeState({ show: button.dataset.show });
      applyFilters();
    });
  }
  byId("search").addEventListener("input", (event) => {
    writeState({ q: event.target.value });
    applyFilters();
  });
  byId("sort").addEventListener("change", (event) => {
    writeState({ sort: event.target.value });
    applyFilters();
  });
  for (const link of all(".worst a")) {
    link.addEventListener("click", (event) => {
      // The address keeps the filters: the link scrolls, and is not followed.
      event.preventDefault();
      reveal(byId(decoded(link.hash)));
    });
  }
}

function reveal(element) {
  if (element.hidden || element.closest(".run").hidden) {
    writeState({ show: "", q: "" });
    applyFilters();
  }
  all(".revealed").forEach((each) => each.classList.remove("revealed"));
  element.classList.add("revealed");
  element.scrollIntoView({ block: "start" });
}

function applyFilters() {
  const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const { element, kinds, text } of items) {
    const fits = state.show === "" || kinds.includes(state.show);
    const named = text === null ? words.length === 0 : words.every((word) => text.includes(word));
    element.hidden = !(fits && named);
    if (text !== null && !element.hidden) found += 1;
  }
  for (const button of all("[data-show]")) button.setAttribute("aria-pressed", String(button.dataset.show === state.show));
  if (document.activeElement !== byId("search")) byId("search").value = state.q;
  byId("sort").value = state.sort in orders ? state.sort : "worst";
  arrange(byId("sort").value);
  for (const run of all(".run")) {
    const rows = all("tbody tr[data-item]", run);
    if (rows.length) rows[0].closest("table").hidden = rows.every((row) => row.hidden);
    run.hidden = all("[data-item]", run).every((item) => item.hidden);
  }
  byId("found").textContent = `${found} of ${cards.length} cases`;
  byId("nothing").hidden = items.some(({ element }) => !element.hidden);
}

// Those that are shown come first, so that every chunk is full but for the last.
function arrange(order) {
  for (const { chunks, cards } of boxes) {
    const ordered = [...cards].sort((a, b) => a.hidden - b.hidden || orders[order](a, b));
    chunks.forEach((chunk, place) => {
      const inside = ordered.slice(place * chunkSize, (place + 1) * chunkSize);
      if (inside.some((card, at) => chunk.children[at] !== card)) chunk.append(...inside);
      chunk.hidden = inside.every((card) => card.hidden);
    });
  }
}

const shownCards = () => all("article:not([hidden])").filter((card) => !card.closest(".run").hidden);
