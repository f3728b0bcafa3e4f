"""The page of comparison: what each costs and loses, the front of both, and the same prompts in rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sdeval._utils.files import write_text
from sdeval._utils.formatting import number, with_sign
from sdeval.comparison.matrix import Matrix, Row
from sdeval.report.comparison_table import choice, judged_metrics, speed_of
from sdeval.report.html.image_sources import Linked
from sdeval.report.html.render import rendered
from sdeval.report.plots.front import letters, plot_front
from sdeval.report.titles import short_title
from sdeval.report.words import SYMBOLS
from sdeval.results.records import SampleResult, thumbnail_of
from sdeval.results.run import Stored


@dataclass(frozen=True, slots=True)
class Compared:
    """Comparison, and where their runs are, by the names of the settings."""

    matrix: Matrix
    stored: Mapping[str, Stored]


@dataclass(frozen=True, slots=True)
class Cell:
    """One metric of one setting."""

    kind: str
    symbol: str
    value: str
    change: str
    interval: str


@dataclass(frozen=True, slots=True)
class Line:
    """One setting."""

    letter: str
    """What the plot calls it."""
    name: str
    reference: bool
    seconds: str
    p90: str
    speed: str
    on_front: bool
    broken: int
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True, slots=True)
class StripImage:
    """The image of one setting; empty where it has no such sample."""

    small: str = ""
    """Source of what is shown."""
    full: str = ""
    """Address of the image itself."""
    defect: str = ""


@dataclass(frozen=True, slots=True)
class Strip:
    """One sample of every setting, in a row."""

    case: str
    seed: int
    prompt: str
    images: tuple[StripImage, ...]
    """One for each setting."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One suite on several settings."""

    suite: str
    reference: str
    metrics: tuple[str, ...]
    lines: tuple[Line, ...]
    choice: str
    notes: tuple[str, ...]
    plot: str
    strips: tuple[Strip, ...]
    further: tuple[Strip, ...]
    """The other seeds."""


def write_sheets(page: Path, compared: Sequence[Compared]) -> Path:
    """Write the page. Images that do not lie beside it are copied there."""
    write_text(page, rendered("comparison.html", sheets=[_sheet(comparison, page.parent) for comparison in compared]))
    return page


def _sheet(compared: Compared, folder: Path) -> Sheet:
    matrix = compared.matrix
    base = next(row for row in matrix.rows if row.name == matrix.reference)
    run = compared.stored[matrix.reference].run
    metrics = judged_metrics(matrix)
    strips = _strips(compared, folder)
    settings = zip(matrix.rows, letters(matrix), strict=True)
    first = {strip.case: strip.seed for strip in reversed(strips)}
    return Sheet(
        suite=matrix.suite,
        reference=matrix.reference,
        metrics=tuple(short_title(name, run) for name in metrics),
        lines=tuple(_line(row, base, metrics, letter) for row, letter in settings),
        choice=choice(matrix, base),
        notes=matrix.notes,
        plot=plot_front(matrix, short_title(metrics[0], run), run.metrics[metrics[0]].unit) if metrics else "",
        strips=tuple(strip for strip in strips if first[strip.case] == strip.seed),
        further=tuple(strip for strip in strips if first[strip.case] != strip.seed),
    )


def _line(row: Row, base: Row, metrics: Sequence[str], letter: str) -> Line:
    judged = {verdict.metric: verdict for verdict in row.verdicts}
    return Line(
        letter=letter,
        name=row.name,
        reference=row is base,
        seconds=number(row.seconds.median if row.seconds else None),
        p90=number(row.seconds.p90 if row.seconds else None),
        speed=speed_of(row, base),
        on_front=row.on_front,
        broken=row.broken,
        cells=tuple(_cell(row, name) if name in judged else None for name in metrics),
    )


def _cell(row: Row, metric: str) -> Cell:
    verdict = next(verdict for verdict in row.verdicts if verdict.metric == metric)
    bounded = verdict.low is not None and verdict.high is not None
    return Cell(
        kind=verdict.verdict,
        symbol=SYMBOLS[verdict.verdict],
        value=number(verdict.current),
        change=with_sign(verdict.change) if verdict.change is not None else "",
        interval=f"{with_sign(verdict.low)} to {with_sign(verdict.high)}" if bounded else "",
    )


def _strips(compared: Compared, folder: Path) -> list[Strip]:
    """Every sample that any setting generated, in the order of the reference."""
    by_key = {name: {sample.key: sample for sample in stored.run.samples} for name, stored in compared.stored.items()}
    keys = dict.fromkeys(key for samples in by_key.values() for key in samples)
    sources = Linked(folder)
    strips = []
    for case, seed in keys:
        samples = {name: by_key[name].get((case, seed)) for name in by_key}
        images = tuple(_image(name, samples[name], compared, sources) for name in by_key)
        prompt = next(sample.prompt for sample in samples.values() if sample)
        strips.append(Strip(case, seed, prompt, images))
    return strips


def _image(name: str, sample: SampleResult | None, compared: Compared, sources: Linked) -> StripImage:
    if sample is None or not sample.image:
        return StripImage()
    folder = compared.stored[name].folder
    # Named by what is in it: pages of other runs may lie in the same folder.
    copy = f"images/{sample.sha256[:16]}{Path(sample.image).suffix}"
    full = sources.beside(folder / sample.image, copy)
    return StripImage(sources.beside(folder / sample.thumbnail, thumbnail_of(copy)) or full, full, sample.defect)
