"""The history for the terminal: a table for every suite and target."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from sdeval._utils.tables import Column, Row, Table, lines
from sdeval.errors import escaped, plural
from sdeval.history.trends import Watched
from sdeval.report.row_numbers import RowNumbers
from sdeval.report.words import SYMBOLS
from sdeval.stats import cusum

BLOCKS = "▁▂▃▄▅▆▇█"
LAST = 30
"""Sessions in a sparkline."""


def history_lines(watched: Sequence[Watched], width: int, *, colour: bool = False) -> list[str]:
    """A table for every suite and target, the trends, and how often a trend is a false alarm.

    Args:
        watched: metrics, those of a suite and target one after the other.
        width: in characters.
        colour: whether lines hold the escape sequences of colours.
    """
    output = []
    for (suite, target), series in groupby(watched, key=lambda metric: (metric.suite, metric.target)):
        metrics = list(series)
        table = _table(f"{suite} on {target}", metrics)
        output += [
            *lines(table, width, colour=colour),
            *filter(None, [left_out_sessions(metrics)]),
            *(escaped(metric.trend.sentence) for metric in metrics if metric.trend),
            "",
        ]
    return [*output, how_sure(watched)]


def left_out_sessions(watched: Sequence[Watched]) -> str:
    """How many sessions of a suite and target are not in its history; empty where all are."""
    count = watched[0].series.left_out
    if not count:
        return ""
    verb = "is" if count == 1 else "are"
    return f"{plural(count, 'session')} with other cases, seeds or settings than the latest {verb} left out"


def how_sure(watched: Sequence[Watched]) -> str:
    """How many metrics have a trend, and how often one is reported where there is none."""
    judged, trending = (
        sum(metric.series.gating for metric in watched),
        sum(metric.trend is not None for metric in watched),
    )
    count = f"{trending} of {judged} metrics have a trend" if trending else f"none of {judged} metrics has a trend"
    return f"{count}; false-alarm rate: at most {cusum.FALSE_ALARMS:.0%} per {cusum.SESSIONS} sessions"


def sparkline(values: Sequence[float]) -> str:
    """A row of blocks, the lowest value the lowest; all alike where all values are.

    Example:
        >>> sparkline([1.0, 2.0, 3.0])
        '▁▅█'
    """
    low, high = min(values), max(values)
    if high == low:
        return BLOCKS[0] * len(values)
    # Divided first: the difference of huge values has no finite square or product.
    return "".join(BLOCKS[round((value / 2 - low / 2) / (high / 2 - low / 2) * (len(BLOCKS) - 1))] for value in values)


def _table(title: str, watched: Sequence[Watched]) -> Table:
    values = (Column(name, numeric=True) for name in ("first", "latest", "change"))
    columns = [Column("metric"), *values, Column("unit"), Column("sessions", numeric=True), Column(f"last {LAST}")]
    return Table(columns, list(map(_row, watched)), title)


def _row(watched: Watched) -> Row:
    points = watched.series.points
    first, latest = points[0].value, points[-1].value
    numbers = RowNumbers.fitting([first, latest], points[-1].tolerance, watched.series.unit)
    change = numbers.change(latest - first) if latest != first else "="
    blocks = sparkline([point.value for point in points[-LAST:]])
    values = (numbers.value(first), numbers.value(latest), change, numbers.unit)
    cells = (_name(watched), *values, str(len(points)), blocks)
    return Row(cells, colour="yellow" if watched.trend else "")


def _name(watched: Watched) -> str:
    """The metric, behind a mark where it has a trend, or is reported only."""
    mark = SYMBOLS["regressed"] if watched.trend else " " if watched.series.gating else SYMBOLS["informational"]
    return f"{mark} {watched.series.metric}"
