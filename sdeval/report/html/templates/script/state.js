// What is shown stays in the address, so that a link can be passed on.
const state = { q: "", sort: "worst", order: "", size: "medium", view: "cards", open: "", seed: "", mode: "side" };
const usual = { ...state };

function readState() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const name of Object.keys(state)) state[name] = given.get(name) ?? usual[name];
}

function writeState(changes) {
  Object.assign(state, changes);
  const parameters = new URLSearchParams();
  for (const name of Object.keys(state)) if (state[name] !== usual[name]) parameters.set(name, state[name]);
  // Replaced, not pushed: going back leaves the page instead of undoing every letter of a search.
  history.replaceState(null, "", "#" + parameters);
}

const byId = (id) => document.getElementById(id);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

function decoded(hash) {
  try {
    return decodeURIComponent(hash.slice(1));
  } catch {
    return "";
  }
}

function start() {
  // A link of the page itself names an element; what it names is shown.
  const named = location.hash && !location.hash.includes("=") ? byId(decoded(location.hash)) : null;
  if (!named) readState();
  startFilters();
  startViewer();
  startApprovals();
  applyFilters();
  if (named) reveal(named);
  if (state.open) openFromState();
  addEventListener("hashchange", () => {
    if (!location.hash.includes("=") && location.hash.length > 1) return;
    readState();
    applyFilters();
    openFromState();
  });
}
