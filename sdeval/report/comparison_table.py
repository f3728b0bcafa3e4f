"""Comparison, for the terminal; and its sentences, which the page has too.

Settings are columns, named by letters, so that names of metrics and of settings may be of any length.
"""

from __future__ import annotations

import math

from sdeval._utils.formatting import number, with_sign
from sdeval._utils.tables import Column, Table, lines
from sdeval._utils.tables import Row as Line
from sdeval.comparison.matrix import Matrix, Row
from sdeval.comparison.names import letters
from sdeval.errors import escaped, plural
from sdeval.report.comparison import Compared
from sdeval.report.words import SYMBOLS, counted, sentence, what
from sdeval.results.verdict import KINDS, Verdict, worst_first


def comparison_lines(compared: Compared, width: int, *, colour: bool = False) -> list[str]:
    """The settings, a table of their times and metrics, and the fastest of them that is not worse.

    Args:
        compared: what to show.
        width: in characters.
        colour: whether lines hold the escape sequences of colours.
    """
    matrix = compared.matrix
    names = letters(len(matrix.rows))
    settings = [
        Line([letter, row.name], remarks(row, matrix), "red" if row.worse else "")
        for letter, row in zip(names, matrix.rows, strict=True)
    ]
    title = f"{matrix.suite}, compared with {matrix.reference}"
    legend = Table([Column(), Column()], settings, title=title)
    columns = [Column(), *(Column(letter, numeric=True) for letter in names)]
    values = Table(columns, [*_times(matrix), *_metrics(matrix)])
    warnings = map(escaped, reference_warnings(compared))
    sentences = map(escaped, (*_symbols(matrix), *matrix.notes, *time_notes(matrix), choice(matrix)))
    head = [*lines(legend, width, colour=colour), *warnings, ""]
    return [*head, *lines(values, width, colour=colour), "", *sentences]


def reference_warnings(compared: Compared) -> list[str]:
    """Why the reference is no good yardstick: its own images are broken, or it is worse than its baseline."""
    base = compared.matrix.base
    broken = [f"{base.name}, the reference: {broken_share(base)}"] if base.broken else []
    verdicts = compared.verdicts.get(base.name, ())
    failing = worst_first([verdict for verdict in verdicts if verdict.verdict in ("broken", "regressed")])
    if not failing:
        return broken
    first = f"{what(failing[0])}: {sentence(failing[0])}" if failing[0].case else sentence(failing[0])
    return [*broken, f"{base.name}, the reference, is itself worse than its baseline: {counted(failing)}; {first}"]


def remarks(row: Row, matrix: Matrix) -> str:
    """What must be known of a setting before its values: whether it is the reference, and what of it is broken."""
    reference = "reference" if row is matrix.base else ""
    return "; ".join(filter(None, (reference, broken_share(row))))


def broken_share(row: Row) -> str:
    """How many images of a setting are broken or missing; empty where none is."""
    verb = "is" if row.images == 1 else "are"
    return f"{row.broken} of {plural(row.images, 'image')} {verb} broken" if row.broken else ""


def _times(matrix: Matrix) -> list[Line]:
    rows = matrix.rows
    seconds = [(number(row.seconds.median), number(row.seconds.p90)) if row.seconds else ("–", "–") for row in rows]
    return [
        Line(["s/image", *(median for median, _ in seconds)]),
        Line(["  90th percentile", *(p90 for _, p90 in seconds)]),
        Line(["speed-up (×)", *(speed_up(row, matrix) for row in rows)]),
        Line(["Pareto-optimal", *("●" if row.on_front else "–" for row in rows)]),
    ]


def speed_up(row: Row, matrix: Matrix) -> str:
    """How many times as fast as the reference; a dash where times are not compared."""
    factor = matrix.speed_up(row)
    return number(factor) if factor is not None else "–"


def _metrics(matrix: Matrix) -> list[Line]:
    return [
        Line([metric, *(_metric(row.verdict(metric), interval=metric == matrix.metrics[0]) for row in matrix.rows)])
        for metric in matrix.metrics
    ]


def _metric(verdict: Verdict | None, *, interval: bool) -> str:
    """The verdict and the value, and by how much it changed; for the first metric, the bounds of the change as well."""
    if verdict is None:
        return "–"
    texts = [f"{SYMBOLS[verdict.verdict]} {number(verdict.current)}"]
    if verdict.change is not None:
        texts.append(with_sign(verdict.change))
    if interval and verdict.low is not None and verdict.high is not None:
        texts.append(f"{with_sign(verdict.low)} to {with_sign(verdict.high)}")
    return "\n".join(texts)


def _symbols(matrix: Matrix) -> list[str]:
    """What the symbols of this table mean."""
    kinds = {verdict.verdict for row in matrix.rows for verdict in row.verdicts if verdict.metric in matrix.metrics}
    words = [
        f"{SYMBOLS[kind]} {'reference' if kind == 'informational' else kind.replace('_', ' ')}"
        for kind in KINDS
        if kind in kinds
    ]
    return [", ".join(words)] if words else []


def time_notes(matrix: Matrix) -> list[str]:
    """Why the speed of some settings is not compared, once for each reason."""
    names: dict[str, list[str]] = {}
    for row in matrix.rows:
        if row.time_obstacle:
            names.setdefault(row.time_obstacle, []).append(row.name)
    return [f"speed of {', '.join(settings)}: {obstacle}" for obstacle, settings in names.items()]


def choice(matrix: Matrix) -> str:
    """The fastest setting that is not worse than the reference, in a sentence."""
    reference, fastest = matrix.reference, matrix.fastest
    if matrix.base.broken:
        return f"the images of {reference} are broken: no setting is judged by it"
    if all(row.worse for row in matrix.rows if row is not matrix.base):
        return f"no faster setting is as good as {reference}"
    if fastest is None:
        return f"the fastest setting that is as good as {reference} is not known: times are not compared"
    if fastest is not matrix.base:
        factor = speed_up(fastest, matrix)
        return f"the fastest setting that is not worse than {reference}: {fastest.name}, speed-up {factor}×"
    # One whose time is not compared may be faster, too.
    undecided = [row.name for row in matrix.rows if not row.worse and (matrix.speed_up(row) or math.inf) > 1]
    if undecided:
        return f"no faster setting is shown to be as good as {reference}; undecided: {', '.join(undecided)}"
    return f"no faster setting is as good as {reference}"
