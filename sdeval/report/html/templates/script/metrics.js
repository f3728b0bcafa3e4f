// What a metric means: shown on hover, on focus and at a tap of its "?", until Escape, a second tap or a tap elsewhere.
for (const about of all(".about:has(.tip)")) {
  const button = about.querySelector("button");
  const tip = about.querySelector(".tip");
  let isPinned = false;
  const show = (visible) => {
    tip.hidden = !visible;
    button.setAttribute("aria-expanded", String(visible));
  };
  const hide = () => {
    isPinned = false;
    show(false);
  };
  about.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && show(true));
  about.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && show(isPinned));
  about.addEventListener("focusin", () => show(true));
  about.addEventListener("focusout", (event) => about.contains(event.relatedTarget) || hide());
  button.addEventListener("click", () => {
    isPinned = !isPinned;
    show(isPinned);
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  document.addEventListener("pointerdown", (event) => about.contains(event.target) || hide());
}
