// What is ticked becomes a file for `sdeval accept`.
const ticks = all("input[data-accept], input[data-metric]");

function startApprovals() {
  for (const tick of ticks) tick.addEventListener("change", showTicked);
  byId("export").addEventListener("click", exportApprovals);
  byId("untick").addEventListener("click", () => {
    for (const tick of ticks) tick.checked = false;
    showTicked();
  });
  // A browser may remember ticks of a page that was reloaded.
  showTicked();
}

function showTicked() {
  const on = ticks.filter((tick) => tick.checked);
  const cases = on.filter((tick) => "accept" in tick.dataset).length;
  const metrics = on.length - cases;
  const parts = [cases && `${cases} case${cases > 1 ? "s" : ""}`, metrics && `${metrics} metric${metrics > 1 ? "s" : ""}`];
  byId("ticked").textContent = `${parts.filter(Boolean).join(", ")} to accept`;
  byId("approvals").hidden = on.length === 0;
}

function approvals() {
  const found = [];
  for (const run of all(".run")) {
    const { suite, target } = run.dataset;
    const cases = all("input[data-accept]:checked", run).map((tick) => tick.closest("article").dataset.case);
    const metrics = all("input[data-metric]:checked", run).map((tick) => tick.dataset.metric);
    if (cases.length) found.push({ suite, target, cases, metrics: "all" });
    if (metrics.length) found.push({ suite, target, cases: "all", metrics });
  }
  return { schema: 1, session: document.body.dataset.session, reason: byId("reason").value, approvals: found };
}

function exportApprovals() {
  const text = JSON.stringify(approvals(), null, 2) + "\n";
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = "approvals.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
