// On paper every case shows one image, also of those out of sight, which were not loaded yet.
function startPrint() {
  window.addEventListener("beforeprint", () => {
    for (const shots of all("article .shots")) {
      const shot = shots.querySelector(".shot[data-lead]") ?? shots.querySelector(".shot");
      for (const img of shot ? all("img", shot) : []) img.loading = "eager";
    }
  });
}
