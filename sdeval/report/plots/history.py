"""A metric session after session, as a plot. Failed sessions and accepted baselines have shapes of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdeval._utils.formatting import number
from sdeval.history.store import Series
from sdeval.history.trends import Trend
from sdeval.report.plots import svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INCHES = (6.4, 2.4)
"""Narrow, so that its words can be read on a phone."""
TICKS = 5
"""Sessions that are named below the plot."""


def plot_series(series: Series, trend: Trend | None = None) -> str:
    """One line over the sessions, as an inline SVG.

    Args:
        series: what to show.
        trend: the trend of the metric, if it has one; where it began is marked.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(dict(svg.STYLE)):
        figure = Figure(figsize=INCHES, layout="constrained")
        axes = figure.add_subplot()
        _line(axes, series)
        _marks(axes, series)
        _since(axes, series, trend)
        _frame(axes, series)
        return svg.inline_svg(figure, label(series, trend))


def label(series: Series, trend: Trend | None) -> str:
    """The plot in words.

    Example: `clip_score over 14 sessions, 31.20 to 30.90; 1 failed; 2 times another baseline was accepted`
    """
    first, last = series.points[0].value, series.points[-1].value
    failed = sum(point.failed for point in series.points)
    accepted = sum(point.baseline_changed for point in series.points)
    parts = [f"{series.metric} over {len(series.points)} sessions, {number(first)} to {number(last)}"]
    parts += [f"{failed} failed"] if failed else []
    parts += [f"{accepted} times another baseline was accepted"] if accepted else []
    return "; ".join(parts + ([trend.sentence] if trend else []))


def _line(axes: Axes, series: Series) -> None:
    values = [point.value for point in series.points]
    axes.plot(values, color=svg.ACCENT, linewidth=1.4, marker="o", markersize=3.5, zorder=2)


def _marks(axes: Axes, series: Series) -> None:
    """Crosses on sessions that failed; dashes where another baseline had been accepted."""
    failed = [at for at, point in enumerate(series.points) if point.failed]
    if failed:
        values = [series.points[at].value for at in failed]
        axes.scatter(failed, values, marker="X", s=64, color=svg.BAD, zorder=3, label="failed")
    changed = [at for at, point in enumerate(series.points) if point.baseline_changed]
    for at in changed:
        once = "baseline accepted" if at == changed[0] else None
        axes.axvline(at - 0.5, color=svg.FAINT, linewidth=1, linestyle=(0, (4, 3)), zorder=1, label=once)


def _since(axes: Axes, series: Series, trend: Trend | None) -> None:
    """A shade over the sessions in which it has a trend."""
    names = [point.session for point in series.points]
    if trend is not None and trend.since in names:
        start = names.index(trend.since) - 0.5
        axes.axvspan(start, len(names) - 0.5, color=svg.WARN, alpha=0.14, linewidth=0, zorder=0, label="has a trend")


def _frame(axes: Axes, series: Series) -> None:
    count = len(series.points)
    places = sorted({round(step * (count - 1) / max(1, TICKS - 1)) for step in range(TICKS)})
    axes.set_xticks(places, [_short(series.points[at].session) for at in places])
    axes.set_xlim(-0.7, count - 0.3)
    better = "higher is better" if series.higher_is_better else "lower is better"
    axes.set_ylabel(", ".join(part for part in (series.unit, better) if part))
    axes.set_title(series.title or series.metric.replace("_", " "), loc="left", fontsize=11)
    axes.ticklabel_format(axis="y", useOffset=False)
    _show_tolerance(axes, series)
    axes.grid(axis="y", linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, labelcolor=svg.FAINT, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3)


def _show_tolerance(axes: Axes, series: Series) -> None:
    """Let the axis cover the tolerance to both sides, so that small changes look small."""
    last = series.points[-1]
    if last.tolerance:
        low, high = axes.get_ylim()
        axes.set_ylim(min(low, last.value - 1.2 * last.tolerance), max(high, last.value + 1.2 * last.tolerance))


def _short(session: str) -> str:
    """Day and time of a session's name, `11-21 14:15`; another name as it is, cut."""
    day, _, rest = session.partition("-")
    whole = len(day) == 8 and day.isdigit() and rest[:4].isdigit()
    return f"{day[4:6]}-{day[6:]} {rest[:2]}:{rest[2:4]}" if whole else session[:12]
