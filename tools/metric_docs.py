"""Writes the chapters of docs/metrics.md from the descriptions of the metrics: `python -m tools.metric_docs`.

What stands between the two marks of the file is replaced; everything else is written by hand.
"""

from __future__ import annotations

import math
from pathlib import Path

from sdeval import metrics
from sdeval.config.suite import TASKS
from sdeval.metrics.base import MetricInfo
from sdeval.report.titles import as_sentence

DOCUMENT = Path(__file__).parent.parent / "docs" / "metrics.md"
BEGIN = "<!-- begin: written by python -m tools.metric_docs -->"
END = "<!-- end -->"


def main() -> None:
    """Write the chapters."""
    DOCUMENT.write_text(with_chapters(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")


def with_chapters(text: str) -> str:
    """The text of the document with its chapters as the descriptions have them."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    infos = metrics.documented()
    chapters = "\n".join([_table(infos), *map(chapter, infos)])
    return f"{before}{BEGIN}\n\n{chapters}\n{END}{after}"


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
    }
    lines = [f"- {name}: {fact}" for name, fact in facts.items() if fact]
    head = f"**{info.title}** ({_better(info)} is better; tolerance: {_tolerance(info)}; tasks: {_tasks(info)})"
    return "\n".join([f"### `{info.name}`", "", f"{head}  ", as_sentence(info.explanation), "", *lines, ""])


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
