"""The history as a page: one HTML file with a plot for every metric, which needs no network and no script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from sdeval._utils.files import write_text
from sdeval.history.trends import Watched
from sdeval.report.history_table import how_sure
from sdeval.report.html.render import rendered
from sdeval.report.plots.history import plot_series


@dataclass(frozen=True, slots=True)
class Plot:
    """One metric."""

    said: str
    svg: str


def write_history(page: Path, watched: Sequence[Watched]) -> None:
    """Generate the page of a history."""
    groups = groupby(watched, key=lambda metric: (metric.suite, metric.target))
    sections = [(suite, target, [_plot(metric) for metric in series]) for (suite, target), series in groups]
    write_text(page, rendered("history.html", sections=sections, how_sure=how_sure(watched)))


def _plot(watched: Watched) -> Plot:
    series, trend = watched.series, watched.trend
    return Plot(trend.sentence if trend else "", plot_series(series, trend))
