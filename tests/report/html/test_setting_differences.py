from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from sdeval.imaging.difference import IDENTICAL
from sdeval.imaging.io import open_rgb, to_pixels, write_png
from sdeval.imaging.similarity import image_difference
from sdeval.report.html import setting_differences
from sdeval.report.html.setting_differences import measure_differences
from sdeval.results.run import Run, Stored
from tests.report.pages import two_settings

KEYS = [("case-0", 0), ("case-1", 1)]


@pytest.fixture
def stored(tmp_path: Path) -> list[Stored]:
    """Two settings, whose first images differ; all others are identical."""
    reference, other = two_settings(tmp_path).stored.values()
    changed = Image.new("RGB", (32, 32), (9, 9, 9))
    write_png(other.folder / other.run.samples[0].image, changed)
    samples = (replace(other.run.samples[0], sha256="another"), *other.run.samples[1:])
    return [reference, Stored(replace(other.run, samples=samples), other.folder)]


def with_first(stored: Stored, **changes: object) -> Stored:
    first, *others = stored.run.samples
    run: Run = replace(stored.run, samples=(replace(first, **changes), *others))
    return Stored(run, stored.folder)


def test_every_setting_is_measured_against_the_reference(stored: list[Stored]) -> None:
    images = [to_pixels(open_rgb(item.folder / item.run.samples[0].image)) for item in stored]
    assert measure_differences(stored, 0, KEYS) == [[None, image_difference(*images)], [None, IDENTICAL]]
    assert measure_differences(stored, 1, KEYS) == [[image_difference(*reversed(images)), None], [IDENTICAL, None]]


@pytest.mark.parametrize("changes", [{"image": ""}, {"image": "images/thumbnail.webp"}, {"case": "another"}])
@pytest.mark.parametrize("place", [0, 1])
def test_what_has_no_full_image_on_both_sides_is_not_measured(
    stored: list[Stored], changes: dict[str, str], place: int
) -> None:
    stored[place] = with_first(stored[place], **changes)
    assert measure_differences(stored, 0, KEYS) == [[None, None], [None, IDENTICAL]]


def test_images_of_two_sizes_are_not_measured(stored: list[Stored]) -> None:
    write_png(stored[1].folder / stored[1].run.samples[0].image, Image.new("RGB", (16, 32)))
    assert measure_differences(stored, 0, KEYS[:1]) == [[None, None]]


@pytest.mark.parametrize("place", [0, 1])
def test_a_corrupt_image_is_not_measured(stored: list[Stored], place: int) -> None:
    (stored[place].folder / stored[place].run.samples[0].image).write_bytes(b"nothing")
    assert measure_differences(stored, 0, KEYS) == [[None, None], [None, IDENTICAL]]


def test_of_a_large_comparison_nothing_is_measured(stored: list[Stored], monkeypatch: pytest.MonkeyPatch) -> None:
    images = sum(len(item.run.samples) for item in stored)
    monkeypatch.setattr(setting_differences, "MOST_PIXELS", images * 32 * 32)
    assert measure_differences(stored, 0, KEYS)[1] == [None, IDENTICAL]
    monkeypatch.setattr(setting_differences, "MOST_PIXELS", images * 32 * 32 - 1)
    assert measure_differences(stored, 0, KEYS) == [[None, None], [None, None]]
