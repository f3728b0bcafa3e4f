"""Quality against time, as a plot: Pareto-optimal settings have another shape than those that another setting beats."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdeval.comparison.matrix import Matrix, Row
from sdeval.comparison.names import letters
from sdeval.report.plots.svg import ACCENT, FAINT, INK, STYLE, inline_svg
from sdeval.results.verdict import Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_front(matrix: Matrix, title: str, unit: str) -> str:
    """Every setting by its seconds and the first judged metric, with intervals; empty for fewer than two of them.

    Bars to the side reach from the median to the 90th percentile; upright ones are the 95% interval of the change
    compared with the reference.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    points = _points(matrix)
    if len(points) < 2:
        return ""
    with rc_context(dict(STYLE)):
        figure = Figure(figsize=(8.2, 4.2), layout="constrained")
        axes = figure.add_subplot()
        for point in points:
            _plot_point(axes, point)
        _front(axes, [point for point in points if point.row.on_front])
        axes.set_xlabel("s/image (median; the bar reaches to the 90th percentile)")
        better = "higher is better" if points[0].verdict.higher_is_better else "lower is better"
        axes.set_ylabel(f"{title}{f' ({unit})' if unit else ''}, {better}")
        axes.grid(linewidth=0.6)
        axes.margins(0.14)
        axes.spines[["top", "right"]].set_visible(False)
        return inline_svg(figure, f"{title} against s/image, for {len(points)} settings")


@dataclass(frozen=True, slots=True)
class _Point:
    """A setting in the plot."""

    letter: str
    row: Row
    verdict: Verdict
    seconds: float
    value: float


def _points(matrix: Matrix) -> list[_Point]:
    """Settings whose times are compared, and that have a value."""
    points = []
    for letter, row in zip(letters(len(matrix.rows)), matrix.rows, strict=True):
        seconds, verdict = row.comparable_seconds, row.verdict(matrix.metrics[0]) if matrix.metrics else None
        if seconds is not None and verdict is not None and verdict.current is not None:
            points.append(_Point(letter, row, verdict, seconds, verdict.current))
    return points


def _plot_point(axes: Axes, point: _Point) -> None:
    seconds, value, row, verdict = point.seconds, point.value, point.row, point.verdict
    upper_tail = [[0.0], [max(0.0, (row.seconds.p90 if row.seconds else seconds) - seconds)]]
    spread = None
    if None not in (verdict.low, verdict.high, verdict.change):
        low, high, change = (float(number or 0.0) for number in (verdict.low, verdict.high, verdict.change))
        spread = [[max(0.0, change - low)], [max(0.0, high - change)]] if math.isfinite(low + high) else None
    axes.errorbar([seconds], [value], xerr=upper_tail, yerr=spread, color=FAINT, alpha=0.6, elinewidth=1.4, zorder=1)
    marker: dict[str, Any] = (
        {"marker": "o", "s": 64, "color": ACCENT} if row.on_front else {"marker": "x", "s": 44, "color": FAINT}
    )
    axes.scatter([seconds], [value], zorder=3, **marker)
    axes.annotate(point.letter, (seconds, value), (7, 7), textcoords="offset points", color=INK, fontsize=12)


def _front(axes: Axes, points: list[_Point]) -> None:
    line = sorted((point.seconds, point.value) for point in points)
    axes.plot([x for x, _ in line], [y for _, y in line], color=ACCENT, linewidth=1, linestyle="--", zorder=2)
