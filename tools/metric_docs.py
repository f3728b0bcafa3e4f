"""Writes the chapters of docs/metrics.md, and its tables of faults: `python -m tools.metric_docs`.

The chapters are made of the descriptions of the metrics, the tables of what `python -m benchmarks.metric_faults`
measured last. What stands between the marks of the file is replaced; everything else is written by hand.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

from sdeval import metrics
from sdeval.config.case import TASKS
from sdeval.diagnostics import known_faults
from sdeval.diagnostics.known_faults import Loss, Measured
from sdeval.metrics.base import MetricInfo
from sdeval.report.titles import as_sentence

DOCUMENT = Path(__file__).parent.parent / "docs" / "metrics.md"
BEGIN = "<!-- begin: written by python -m tools.metric_docs -->"
END = "<!-- end -->"
BEGIN_FAULTS = "<!-- begin: measured by python -m benchmarks.metric_faults -->"


def main() -> None:
    """Write the chapters."""
    DOCUMENT.write_text(with_chapters(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")


def with_chapters(text: str) -> str:
    """The text of the document with its chapters as the descriptions have them, and its tables as measured."""
    infos = metrics.documented()
    chapters = "\n".join([_table(infos), *map(chapter, infos)])
    return _between(BEGIN_FAULTS, fault_tables(), _between(BEGIN, chapters, text))


def _between(mark: str, part: str, text: str) -> str:
    before, _, rest = text.partition(mark)
    _, _, after = rest.partition(END)
    return f"{before}{mark}\n\n{part}\n{END}{after}"


def fault_tables() -> str:
    """A table of faults and metrics for each kind of images, and what was not measured."""
    known = known_faults.load()
    order = [info.name for info in metrics.documented()]
    in_order = sorted(known.measured.items(), key=lambda item: order.index(item[0]))
    kinds = dict.fromkeys(measured.images for _, measured in in_order)
    groups = [{name: measured for name, measured in in_order if measured.images == kind} for kind in kinds]
    with_others = {name: measured.measured_with for name, measured in in_order if measured.measured_with}
    others = [
        f"- {_names(name for name, other in with_others.items() if other == stand_in)}: with {stand_in}"
        for stand_in in dict.fromkeys(with_others.values())
    ]
    missing = [f"- {_names(_with_reason(known.not_measured, reason))}: {reason}" for reason in _reasons(known)]
    tables = "\n".join(_fault_table(group, known.faults) for group in groups)
    return "\n".join(
        [tables, "What stood in for a part of a metric:", "", *others, "", "Not measured here:", "", *missing, ""]
    )


def _reasons(known: known_faults.MetricFaults) -> list[str]:
    return list(dict.fromkeys(known.not_measured.values()))


def _with_reason(not_measured: Mapping[str, str], reason: str) -> list[str]:
    return [name for name, other in not_measured.items() if other == reason]


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _fault_table(group: Mapping[str, Measured], says: Mapping[str, str]) -> str:
    first = next(iter(group.values()))
    count = next(iter(first.losses.values())).n
    unit = "sets" if "sets" in first.images else "cases"
    heads = [f"`{name}` ({_allowed(measured)})" for name, measured in group.items()]
    rows = [
        f"| `{fault}`: {says[fault]} | {' | '.join(_cell(measured.losses[fault]) for measured in group.values())} |"
        for fault in sorted(first.losses, key=lambda fault: (fault == "another-seed", fault))
    ]
    title = as_sentence(first.images).removesuffix(".")
    return "\n".join(
        [
            f"{title} ({unit}: {count}):",
            "",
            f"| fault | {' | '.join(heads)} |",
            f"|---|{'---|' * len(heads)}",
            *rows,
            "",
        ]
    )


def _allowed(measured: Measured) -> str:
    unit = f" {measured.unit}" if measured.unit else ""
    return f"tolerance {measured.tolerance:.3g}{unit}" if measured.tolerance else f"reported only,{unit or ' no unit'}"


def _cell(loss: Loss) -> str:
    mark = {True: "✓ ", False: "", None: "? "}[loss.seen]
    return f"{mark}{_short(loss.loss)} ± {_short(loss.high - loss.loss)}"


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _table(infos: tuple[MetricInfo, ...]) -> str:
    rows = [
        f"| [`{info.name}`](#{info.name}) | {info.title} | {_better(info)} | {_tolerance(info)} | {_tasks(info)} |"
        for info in infos
    ]
    return "\n".join(["| name | title | better | tolerance | tasks |", "|---|---|---|---|---|", *rows, ""])


def chapter(info: MetricInfo) -> str:
    """Everything about one metric."""
    facts = {
        "Formula": info.formula,
        "Source": info.paper,
        "Range": _range(info),
        "Weights": info.weights,
        "Licence": info.licence,
        "Cannot see": info.blind_to,
        "Sees of planted faults": _seen(info.name),
    }
    lines = [f"- {name}: {fact}" for name, fact in facts.items() if fact]
    head = f"**{info.title}** ({_better(info)} is better; tolerance: {_tolerance(info)}; tasks: {_tasks(info)})"
    return "\n".join([f"### `{info.name}`", "", f"{head}  ", as_sentence(info.explanation), "", *lines, ""])


def _seen(name: str) -> str:
    """The faults that the metric was measured to see; empty where it was not measured, or is reported only."""
    measured = known_faults.load().measured.get(name)
    return _names(measured.faults(seen=True)) if measured and measured.tolerance else ""


def _better(info: MetricInfo) -> str:
    return "higher" if info.higher_is_better else "lower"


def _tasks(info: MetricInfo) -> str:
    return "all" if info.tasks == TASKS else ", ".join(info.tasks)


def _tolerance(info: MetricInfo) -> str:
    if not info.gating:
        return "none, reported only"
    return f"{100 * info.tolerance:g}% of the baseline" if info.tolerance_is_relative else _with_unit(info)


def _with_unit(info: MetricInfo) -> str:
    unit = info.unit.removesuffix("s") if info.tolerance == 1 else info.unit
    return f"{info.tolerance:g}{'' if unit == '%' else ' '}{unit}".strip()


def _range(info: MetricInfo) -> str:
    low, high = (_end(value) for value in info.range)
    unit = f", in {info.unit}" if info.unit else ""
    return f"{low} to {high}{unit}"


def _end(value: float) -> str:
    return f"{value:g}" if math.isfinite(value) else ("∞" if value > 0 else "-∞")


if __name__ == "__main__":
    main()
