"""Quality against time, as a plot: Pareto-optimal settings have another shape than those that another setting beats."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sdeval.comparison.matrix import Matrix, Row
from sdeval.comparison.names import letters
from sdeval.report.plots.svg import ACCENT, FAINT, INK, STYLE, inline_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_front(matrix: Matrix, title: str, unit: str) -> str:
    """Every setting by its seconds and its first metric, with intervals; empty where fewer than two can be compared.

    Bars to the side reach from the median to the 90th percentile; upright ones are the 95% interval of the change
    compared with the reference.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    by_letter = {
        letter: row
        for letter, row in zip(letters(len(matrix.rows)), matrix.rows, strict=True)
        if row.comparable_seconds is not None and row.verdicts and row.verdicts[0].current is not None
    }
    rows = list(by_letter.values())
    if len(rows) < 2:
        return ""
    with rc_context(dict(STYLE)):
        figure = Figure(figsize=(8.2, 4.2), layout="constrained")
        axes = figure.add_subplot()
        for letter, row in by_letter.items():
            _point(axes, row, letter)
        _front(axes, [row for row in rows if row.on_front])
        axes.set_xlabel("s/image (median; the bar reaches to the 90th percentile)")
        better = "higher is better" if rows[0].verdicts[0].higher_is_better else "lower is better"
        axes.set_ylabel(f"{title}{f' ({unit})' if unit else ''}, {better}")
        axes.grid(linewidth=0.6)
        axes.margins(0.14)
        axes.spines[["top", "right"]].set_visible(False)
        return inline_svg(figure, f"{title} against s/image, for {len(rows)} settings")


def _values(row: Row) -> tuple[float, float]:
    value = row.verdicts[0].current
    assert row.seconds is not None
    assert value is not None
    return row.seconds.median, value


def _point(axes: Axes, row: Row, letter: str) -> None:
    (seconds, value), verdict = _values(row), row.verdicts[0]
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
    axes.annotate(letter, (seconds, value), (7, 7), textcoords="offset points", color=INK, fontsize=12)


def _front(axes: Axes, rows: list[Row]) -> None:
    points = sorted(map(_values, rows))
    axes.plot([x for x, _ in points], [y for _, y in points], color=ACCENT, linewidth=1, linestyle="--", zorder=2)
