"use strict";
// Shows one kind of verdict at a time; the choice stays in the address, so that a link can be passed on.
const buttons = document.querySelectorAll("[data-show]");
function show(kind) {
  for (const button of buttons) {
    const on = button.dataset.show === kind;
    button.classList.toggle("on", on);
    button.setAttribute("aria-pressed", String(on));
  }
  for (const element of document.querySelectorAll("tr[data-kind], article[data-kind]")) {
    element.hidden = kind !== "" && element.dataset.kind !== kind;
  }
}
for (const button of buttons) {
  button.addEventListener("click", () => {
    location.hash = encodeURIComponent(button.dataset.show);
    show(button.dataset.show);
  });
}
show(decodeURIComponent(location.hash.slice(1)));
