"""What was put into a run, kept in its folder: a page has to show it where suites and photographs are not at hand."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from sdeval.config.suite import Case
from sdeval.imaging.io import open_mask, open_rgb, pixel_hash, write_png
from sdeval.results.records import CaseRecord

LARGEST = 1024
"""Longest edge, in pixels, of what is kept."""


def keep_inputs(cases: Iterable[Case], folder: Path) -> dict[str, CaseRecord]:
    """Keep init images and masks of cases in a run folder, equal ones once; return what was asked of each case."""
    return {case.id: _record(case, folder) for case in cases}


def _record(case: Case, folder: Path) -> CaseRecord:
    return CaseRecord(
        case=case.id,
        image=_image(open_rgb(case.image), folder) if case.image else "",
        mask=_image(open_mask(case.mask), folder) if case.mask else "",
        negative_prompt=case.negative_prompt,
        strength=case.strength,
        region_prompt=case.region_prompt,
        image_prompt=case.image_prompt,
        tags=case.tags,
    )


def _image(image: Image.Image, folder: Path) -> str:
    name = f"inputs/{pixel_hash(image)[:16]}.png"
    if not (folder / name).exists():
        small = image.copy()
        small.thumbnail((LARGEST, LARGEST))
        write_png(folder / name, small)
    return name
