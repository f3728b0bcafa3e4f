"""The page of a comparison: what each setting costs and loses, the front of both, and the same samples in rows."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sdeval._utils.files import write_text
from sdeval._utils.formatting import number, with_sign
from sdeval.comparison.matrix import Matrix, Row
from sdeval.comparison.names import letters
from sdeval.report.comparison import Compared, session_of
from sdeval.report.comparison_table import (
    broken_share,
    choice,
    reference_warnings,
    speed_up,
    time_notes,
)
from sdeval.report.html.comparison_facts import facts_of
from sdeval.report.html.front_plot import FrontPlot, front_plot
from sdeval.report.html.render import rendered
from sdeval.report.html.sample_rows import SampleRow, rows_of
from sdeval.report.titles import short_title, unit_of
from sdeval.report.words import SYMBOLS
from sdeval.results.session_folder import PAGE, run_folders


@dataclass(frozen=True, slots=True)
class Cell:
    """One metric of one setting."""

    kind: str
    symbol: str
    value: str
    change: str
    interval: str
    reason: str
    """Why there is no verdict; empty where there is one."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: a line of the table, and a column of images."""

    letter: str
    name: str
    is_reference: bool
    link: str
    """To what its own session found; empty where there is no page of it."""
    seconds: str
    p90: str
    speed_up: str
    obstacle: str
    """Why its speed is not compared; empty where it is."""
    on_front: bool
    broken: str
    """How many of its images are broken; empty where none is."""
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True, slots=True)
class Metric:
    """A column of the table."""

    name: str
    title: str
    arrow: str
    """Which way is better."""


@dataclass(frozen=True, slots=True)
class SuiteComparison:
    """One suite on several settings."""

    id: str
    suite: str
    task: str
    reference: str
    warnings: tuple[str, ...]
    choice: str
    notes: tuple[str, ...]
    metrics: tuple[Metric, ...]
    settings: tuple[Setting, ...]
    plot: FrontPlot | None
    commands: Mapping[str, str]
    """By the name of every other setting: the command that compares with that one."""
    rows: tuple[SampleRow, ...]
    facts: Mapping[str, object]
    """What the script of the page needs of it, as JSON."""


def write_comparison(page: Path, compared: Sequence[Compared]) -> Path:
    """Write the page. Images that do not lie beside it are copied there."""
    comparisons = [_suite_comparison(f"c{place}", comparison, page) for place, comparison in enumerate(compared)]
    back = PAGE if page.name != PAGE and (page.parent / PAGE).is_file() else ""
    facts = {comparison.id: comparison.facts for comparison in comparisons}
    write_text(page, rendered("comparison.html", comparisons=comparisons, facts=facts, back=back))
    return page


def _suite_comparison(name: str, compared: Compared, page: Path) -> SuiteComparison:
    matrix = compared.matrix
    run = compared.stored[matrix.reference].run
    metrics, rows = matrix.metrics, rows_of(compared, page.parent)
    return SuiteComparison(
        id=name,
        suite=matrix.suite,
        task=run.task,
        reference=matrix.reference,
        warnings=tuple(reference_warnings(compared)),
        choice=choice(matrix),
        notes=(*matrix.notes, *time_notes(matrix)),
        metrics=tuple(Metric(name, short_title(name, run), _arrow(matrix, name)) for name in metrics),
        settings=tuple(_settings(compared, metrics, page)),
        plot=front_plot(matrix, short_title(metrics[0], run), unit_of(metrics[0], run)) if metrics else None,
        commands={
            row.name: compared.command(row.name, page)
            for row in matrix.rows
            if row is not matrix.base and compared.folders
        },
        rows=tuple(rows),
        facts=facts_of(compared, rows),
    )


def _arrow(matrix: Matrix, metric: str) -> str:
    verdict = matrix.base.verdict(metric)
    return "↑" if verdict is None or verdict.higher_is_better else "↓"


def _settings(compared: Compared, metrics: Sequence[str], page: Path) -> list[Setting]:
    matrix = compared.matrix
    return [
        Setting(
            letter=letter,
            name=row.name,
            is_reference=row is matrix.base,
            link=_link(compared.stored[row.name].folder, page),
            seconds=number(row.seconds.median if row.seconds else None),
            p90=number(row.seconds.p90 if row.seconds else None),
            speed_up=speed_up(row, matrix),
            obstacle=row.time_obstacle,
            on_front=row.on_front,
            broken=broken_share(row),
            cells=tuple(_cell(row, metric) for metric in metrics),
        )
        for letter, row in zip(letters(len(matrix.rows)), matrix.rows, strict=True)
    ]


def _link(folder: Path, page: Path) -> str:
    """Where the page of its session shows a run; empty where there is no such page."""
    run_folder, home = folder.resolve(), page.parent.resolve()
    session = session_of(run_folder)
    if session is None or not (there := session / PAGE).is_file() or there == home / page.name:
        return ""
    folders = run_folders(session)
    return f"{quote(Path(os.path.relpath(there, home)).as_posix())}#r{folders.index(run_folder)}"


def _cell(row: Row, metric: str) -> Cell | None:
    verdict = row.verdict(metric)
    if verdict is None:
        return None
    is_bounded = verdict.low is not None and verdict.high is not None
    return Cell(
        kind=verdict.verdict,
        symbol=SYMBOLS[verdict.verdict],
        value=number(verdict.current),
        change=with_sign(verdict.change) if verdict.change is not None else "",
        interval=f"{with_sign(verdict.low)} to {with_sign(verdict.high)}" if is_bounded else "",
        reason=verdict.reason if verdict.verdict in ("unscored", "not_comparable") else "",
    )
