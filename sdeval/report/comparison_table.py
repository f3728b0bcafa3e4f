"""Comparison, for the terminal."""

from __future__ import annotations

from sdeval._utils.formatting import number, with_sign
from sdeval._utils.tables import Column, Table, lines
from sdeval._utils.tables import Row as Line
from sdeval.comparison.matrix import Matrix, Row
from sdeval.comparison.speed import LatencyStats
from sdeval.errors import escaped
from sdeval.report.words import SYMBOLS
from sdeval.results.verdict import Verdict


def matrix_lines(matrix: Matrix, width: int, *, colour: bool = False) -> list[str]:
    """A table of settings, and the fastest of them that is not worse.

    Args:
        matrix: what to show.
        width: in characters.
        colour: whether lines hold the escape sequences of colours.
    """
    base = next(row for row in matrix.rows if row.name == matrix.reference)
    metrics = judged_metrics(matrix)
    columns = [
        Column("setting"),
        *(Column(name, numeric=True) for name in ("s an image", "as fast", *metrics, "front")),
    ]
    rows = [Line(_cells(row, base, metrics), colour="red" if row.worse else "") for row in matrix.rows]
    table = Table(columns, rows, title=f"{matrix.suite}, compared with {matrix.reference}")
    further = [*_broken(matrix), *matrix.notes, choice(matrix, base)]
    return [*lines(table, width, colour=colour), *map(escaped, further)]


def _cells(row: Row, base: Row, metrics: list[str]) -> list[str]:
    return [row.name, _time(row.seconds), speed_of(row, base), *_metrics(row, metrics), _front(row)]


def _time(seconds: LatencyStats | None) -> str:
    return f"{number(seconds.median)}\np90 {number(seconds.p90)}" if seconds else "–"


def judged_metrics(matrix: Matrix) -> list[str]:
    """Metrics that any setting was judged by, in the order of the suite."""
    base = next(row for row in matrix.rows if row.name == matrix.reference)
    return [verdict.metric for verdict in base.verdicts if any(_judged(row, verdict.metric) for row in matrix.rows)]


def speed_of(row: Row, base: Row) -> str:
    """How many times as fast as another; times from different machines are not compared."""
    if row.seconds is None or base.seconds is None or row.hardware != base.hardware or not row.seconds.median:
        return "–"
    return number(base.seconds.median / row.seconds.median)


def _judged(row: Row, metric: str) -> bool:
    return any(verdict.metric == metric and verdict.verdict != "informational" for verdict in row.verdicts)


def _metrics(row: Row, metrics: list[str]) -> list[str]:
    by_metric = {verdict.metric: verdict for verdict in row.verdicts}
    return [_metric(by_metric[name], interval=name == metrics[0]) if name in by_metric else "–" for name in metrics]


def _metric(verdict: Verdict, *, interval: bool) -> str:
    """The verdict and the value, and by how much it changed; for the first metric, the bounds of the change."""
    lines = [f"{SYMBOLS[verdict.verdict]} {number(verdict.current)}"]
    if interval and verdict.low is not None and verdict.high is not None:
        lines.append(f"{with_sign(verdict.low)} to {with_sign(verdict.high)}")
    elif verdict.change is not None:
        lines.append(with_sign(verdict.change))
    return "\n".join(lines)


def _front(row: Row) -> str:
    return "●" if row.on_front else ""


def _broken(matrix: Matrix) -> list[str]:
    return [f"{row.name}: {row.broken} broken images" for row in matrix.rows if row.broken]


def choice(matrix: Matrix, base: Row) -> str:
    """The cheapest setting that is not worse, in a sentence."""
    cheapest = matrix.cheapest
    if cheapest is None:
        return "times are of different machines: nothing is said of which setting is the cheapest"
    if cheapest.name == matrix.reference:
        return f"the cheapest setting that is not worse than {matrix.reference} is itself"
    times = speed_of(cheapest, base)
    return f"the cheapest setting that is not worse than {matrix.reference}: {cheapest.name}, {times} times as fast"
