"""What was put into a run, kept in its folder: a page has to show it where suites and photographs are not at hand."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from sdeval.config.case import Case
from sdeval.imaging.io import open_mask, open_rgb, pixel_hash, png_bytes
from sdeval.results.image_pool import write_shared
from sdeval.results.records import CaseRecord

LARGEST = 1024
"""Longest edge, in pixels, of what is kept."""


def keep_inputs(cases: Iterable[Case], folder: Path, pool: Path | None = None) -> dict[str, CaseRecord]:
    """Keep the images that cases bring along in a run folder, equal ones once.

    Args:
        cases: whose images are kept.
        folder: of the run.
        pool: folder in which sessions share them; None where they share nothing.

    Returns:
        What was asked of each case, by its id.
    """
    return {case.id: _record(case, folder, pool) for case in cases}


def _record(case: Case, folder: Path, pool: Path | None) -> CaseRecord:
    return CaseRecord(
        case=case.id,
        image=_image(open_rgb(case.image), folder, pool) if case.image else "",
        images=tuple(_image(open_rgb(path), folder, pool) for path in case.images),
        mask=_image(open_mask(case.mask), folder, pool) if case.mask else "",
        control_image=_image(open_rgb(case.control_image), folder, pool) if case.control_image else "",
        reference_image=_image(open_rgb(case.reference_image), folder, pool) if case.reference_image else "",
        negative_prompt=case.negative_prompt,
        strength=case.strength,
        region_prompt=case.region_prompt,
        image_prompt=case.image_prompt,
        edited_prompt=case.edited_prompt,
        text=case.text,
        objects=case.objects,
        questions=case.questions,
        tags=case.tags,
    )


def _image(image: Image.Image, folder: Path, pool: Path | None) -> str:
    name = f"inputs/{pixel_hash(image)[:16]}.png"
    if not (folder / name).exists():
        small = image.copy()
        small.thumbnail((LARGEST, LARGEST))
        write_shared(folder / name, png_bytes(small), pool)
    return name
