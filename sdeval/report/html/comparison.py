"""The page of a comparison: what each setting costs and loses, the front of both, and the same samples in rows."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sdeval._utils.files import short, write_text
from sdeval._utils.formatting import number, with_sign
from sdeval.comparison.matrix import Matrix, Row
from sdeval.comparison.names import letters
from sdeval.imaging.difference import ImageDifference
from sdeval.report.comparison import Compared
from sdeval.report.comparison_table import (
    broken_share,
    choice,
    reference_warnings,
    speed_up,
    time_notes,
)
from sdeval.report.html.front_plot import FrontPlot, front_plot
from sdeval.report.html.image_sources import Linked
from sdeval.report.html.render import rendered
from sdeval.report.html.setting_differences import measure_differences
from sdeval.report.sample import NUMBERS
from sdeval.report.titles import short_title, unit_of
from sdeval.report.words import SYMBOLS
from sdeval.results.records import CaseRecord, SampleResult, thumbnail_of
from sdeval.results.run import Run, Stored
from sdeval.results.session_folder import PAGE, run_folders


@dataclass(frozen=True, slots=True)
class Cell:
    """One metric of one setting."""

    kind: str
    symbol: str
    value: str
    change: str
    interval: str


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
class SampleImage:
    """The image of one setting; empty where it has none."""

    small: str = ""
    """Source of what is shown in a row."""
    full: str = ""
    """Source of the image itself."""
    is_thumbnail: bool = False
    """Whether the image itself is not kept: baselines have thumbnails of large images."""
    defect: str = ""
    """What is wrong with it, as a label; empty where nothing is."""
    missing: str = ""
    """Why there is no image; empty where there is one."""


@dataclass(frozen=True, slots=True)
class SampleRow:
    """One sample on every setting."""

    case: str
    seed: int
    prompt: str
    negative_prompt: str
    tags: tuple[str, ...]
    init: str
    """Source of the init image; empty where there is none."""
    mask: str
    outline: str
    images: tuple[SampleImage, ...]
    """One for each setting."""


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
    metrics, rows = matrix.metrics, _rows(compared, page.parent)
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
        facts=_facts(compared, rows),
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


def _session_of(folder: Path) -> Path | None:
    """The session that a run was generated in; None where its folder is in no session."""
    run_folder = folder.resolve()
    session = run_folder.parent.parent
    return session if run_folder in run_folders(session) else None


def _show(stored: Stored) -> str:
    """The rest of the command that shows a sample of a run; empty where its folder is in no session."""
    session, run = _session_of(stored.folder), stored.run
    return shlex.join([str(short(session)), "--suite", run.suite, "--target", run.target]) if session else ""


def _link(folder: Path, page: Path) -> str:
    """Where the page of its session shows a run; empty where there is no such page."""
    run_folder, home = folder.resolve(), page.parent.resolve()
    session = _session_of(run_folder)
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
    )


def _rows(compared: Compared, folder: Path) -> list[SampleRow]:
    """Every sample that any setting generated, in the order of the reference."""
    matrix = compared.matrix
    stored = [compared.stored[row.name] for row in matrix.rows]
    by_key = [{sample.key: sample for sample in item.run.samples} for item in stored]
    reference = compared.stored[matrix.reference].run
    keys = dict.fromkeys(sample.key for run in (reference, *(item.run for item in stored)) for sample in run.samples)
    sources = Linked(folder)
    inputs: dict[str, _Inputs] = {}
    rows = []
    for case, seed in keys:
        samples = [samples.get((case, seed)) for samples in by_key]
        if case not in inputs:
            inputs[case] = _inputs(case, stored, folder)
        record = inputs[case].record
        rows.append(
            SampleRow(
                case=case,
                seed=seed,
                prompt=next(sample.prompt for sample in samples if sample),
                negative_prompt=record.negative_prompt,
                tags=tuple(record.tags),
                init=inputs[case].init,
                mask=inputs[case].mask,
                outline=inputs[case].outline,
                images=tuple(_image(item, sample, sources) for item, sample in zip(stored, samples, strict=True)),
            )
        )
    return rows


@dataclass(frozen=True, slots=True)
class _Inputs:
    """What a case was asked with, and where its images are."""

    record: CaseRecord
    init: str = ""
    mask: str = ""
    outline: str = ""


def _inputs(case: str, stored: Sequence[Stored], folder: Path) -> _Inputs:
    """Of the first setting that has them; all of them were asked the same."""
    sources = Linked(folder)
    for item in stored:
        record = item.run.cases.get(case)
        if record is not None:
            # Their names are hashes: inputs of several runs may lie in the same folder.
            init, mask = (
                sources.beside(item.folder / name, name) if name else "" for name in (record.image, record.mask)
            )
            return _Inputs(record, init, mask, sources.outline(folder / mask) if mask else "")
    return _Inputs(CaseRecord(case=case))


def _image(stored: Stored, sample: SampleResult | None, sources: Linked) -> SampleImage:
    if sample is None:
        return SampleImage(missing="no such sample")
    if not sample.image:
        return SampleImage(defect="broken: no image", missing=sample.failure or "no image")
    # Named by what is in it: pages of other runs may lie in the same folder.
    copy = f"images/{sample.sha256[:16]}{Path(sample.image).suffix}"
    full = sources.beside(stored.folder / sample.image, copy)
    small = sources.beside(stored.folder / sample.thumbnail, thumbnail_of(copy)) or full
    return SampleImage(
        small=small,
        full=full or small,
        is_thumbnail=sample.is_thumbnail or not full,
        defect=_defect_label(sample.defect),
        missing="" if small else "the image is gone",
    )


def _defect_label(defect: str) -> str:
    """A defect, so that nobody takes the image for a healthy one."""
    if not defect:
        return ""
    words = defect.replace("_", " ")
    return f"broken: {words} image" if defect in ("black", "uniform") else f"broken: {words}"


def _facts(compared: Compared, rows: Sequence[SampleRow]) -> dict[str, object]:
    """Settings, metrics of single images, and every score of every row."""
    matrix = compared.matrix
    runs = [compared.stored[row.name].run for row in matrix.rows]
    reference = compared.stored[matrix.reference].run
    names = [name for name, record in reference.metrics.items() if record.scope == "sample" and _is_shared(name, runs)]
    order = [verdict.metric for verdict in matrix.base.verdicts if verdict.metric in names]
    metrics = dict.fromkeys((*order, *names))
    by_key = [{sample.key: sample for sample in run.samples} for run in runs]
    place = [row.name for row in matrix.rows].index(matrix.reference)
    samples = [[samples.get((row.case, row.seed)) for samples in by_key] for row in rows]
    stored = [compared.stored[row.name] for row in matrix.rows]
    differences = measure_differences(stored, place, [(row.case, row.seed) for row in rows])
    return {
        "suite": matrix.suite,
        "reference": place,
        "settings": [row.name for row in matrix.rows],
        "letters": letters(len(matrix.rows)),
        "shows": [_show(item) for item in stored],
        "metrics": [_metric_facts(name, reference) for name in metrics],
        "scores": {name: [[_score(sample, name) for sample in row] for row in samples] for name in metrics},
        "numbers": list(NUMBERS.items())[:4],
        "differences": [
            [_difference_facts(*pair) for pair in zip(row, of_row, strict=True)]
            for row, of_row in zip(differences, samples, strict=True)
        ],
    }


def _difference_facts(difference: ImageDifference | None, sample: SampleResult | None) -> list[object] | None:
    """Its numbers in the order of `NUMBERS`, and the box of the largest change in thousandths."""
    if difference is None or sample is None:
        return None
    shares = (number(100 * difference.changed), number(difference.psnr))
    numbers = [number(difference.mean), str(difference.maximum), *shares]
    if difference.box is None or sample.size is None:
        return [numbers, None]
    return [numbers, [round(1000 * value / edge) for value, edge in zip(difference.box, 2 * sample.size, strict=True)]]


def _is_shared(metric: str, runs: Sequence[Run]) -> bool:
    """Whether two settings have scores of a metric: those that ask for a baseline may be known of one only."""
    have_scores = [any(sample.scores.get(metric) is not None for sample in run.samples) for run in runs]
    return sum(have_scores) > 1


def _metric_facts(name: str, run: Run) -> dict[str, object]:
    record = run.metrics[name]
    return {
        "name": name,
        "title": short_title(name, run),
        "unit": record.unit,
        "higher": record.higher_is_better,
        "tolerance": record.tolerance,
        "relative": record.tolerance_is_relative,
    }


def _score(sample: SampleResult | None, metric: str) -> float | None:
    score = sample.scores.get(metric) if sample else None
    return None if score is None else float(f"{score:.6g}")
