"""The history as a page: one HTML file with a plot for every figure, which needs no network and no script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from sdeval.files import write_text
from sdeval.report.history_plot import plot_series
from sdeval.report.history_table import how_sure
from sdeval.slow_drift import Watched


@dataclass(frozen=True, slots=True)
class Plot:
    """One figure."""

    title: str
    said: str
    svg: str


def write_history(page: Path, watched: Sequence[Watched]) -> None:
    """Draw the page of a history."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sdeval.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    groups = groupby(watched, key=lambda each: (each.suite, each.target))
    sections = [(suite, target, [_plot(each) for each in figures]) for (suite, target), figures in groups]
    write_text(page, environment.get_template("history.html").render(sections=sections, how_sure=how_sure(watched)))


def _plot(watched: Watched) -> Plot:
    series, drift = watched.series, watched.drift
    title = f"{series.metric}: {series.title}" if series.title else series.metric
    return Plot(title, drift.sentence if drift else "", plot_series(series, drift))
