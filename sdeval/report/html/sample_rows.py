"""Samples of a comparison, as rows of its page: what was asked, and the images of all settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sdeval.report.comparison import Compared
from sdeval.report.html.image_sources import Linked
from sdeval.report.html.inputs import Input, files_of, inputs_of
from sdeval.report.sample import expected_texts
from sdeval.results.records import CaseRecord, SampleResult, thumbnail_of
from sdeval.results.run import Stored


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
    inputs: tuple[Input, ...]
    outline: str
    """Source of the edge of its mask; empty without a mask."""
    expected: Mapping[str, str]
    """What metrics shall find in the images, by what it is called."""
    images: tuple[SampleImage, ...]
    """One for each setting."""


def rows_of(compared: Compared, folder: Path) -> list[SampleRow]:
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
                inputs=inputs[case].images,
                outline=inputs[case].outline,
                expected=expected_texts(record),
                images=tuple(_image(item, sample, sources) for item, sample in zip(stored, samples, strict=True)),
            )
        )
    return rows


@dataclass(frozen=True, slots=True)
class _Inputs:
    """What a case was asked with, and where its images are."""

    record: CaseRecord
    images: tuple[Input, ...] = ()
    outline: str = ""


def _inputs(case: str, stored: Sequence[Stored], folder: Path) -> _Inputs:
    """Of the first setting that has them; all of them were asked the same."""
    sources = Linked(folder)
    for item in stored:
        record = item.run.cases.get(case)
        if record is not None:
            return _Inputs(record, *_images(record, item, sources, folder))
    return _Inputs(CaseRecord(case=case))


def _images(record: CaseRecord, stored: Stored, sources: Linked, folder: Path) -> tuple[tuple[Input, ...], str]:
    """The images that a case brings along, and the edge of its mask."""
    # Their names are hashes: inputs of several runs may lie in the same folder.
    files = files_of(record, stored.run.task).values()
    places = {file: sources.beside(stored.folder / file, file) for file in files}
    mask = places.get(record.mask, "")
    images = inputs_of(record, stored.run.task, stored.folder, places.__getitem__)
    return images, sources.outline(folder / mask) if mask else ""


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
