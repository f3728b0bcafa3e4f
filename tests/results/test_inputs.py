"""Which init images and masks a run keeps, and what it writes down of each case."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from sdeval.config.case import Case
from sdeval.results.inputs import LARGEST, keep_inputs
from sdeval.results.records import CaseRecord
from tests.conftest import image_with


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """An inpainting case with all there is to say of one."""
    image_with(1.0).save(tmp_path / "image.png")
    Image.new("L", (32, 32), 255).save(tmp_path / "mask.png")
    return Case(
        id="cat",
        prompt="a cat",
        negative_prompt="blurry",
        image=tmp_path / "image.png",
        mask=tmp_path / "mask.png",
        strength=0.5,
        region_prompt="its hat",
        image_prompt="a dog",
        text=("Open",),
        tags=("hats",),
    )


def test_everything_that_was_asked_of_a_case_is_written_down(case: Case, tmp_path: Path) -> None:
    record = keep_inputs([case], tmp_path / "run")["cat"]
    assert replace(record, image="", mask="") == CaseRecord(
        case="cat",
        negative_prompt="blurry",
        strength=0.5,
        region_prompt="its hat",
        image_prompt="a dog",
        text=("Open",),
        tags=("hats",),
    )


def test_image_and_mask_are_kept_as_they_are(case: Case, tmp_path: Path) -> None:
    record = keep_inputs([case], tmp_path / "run")["cat"]
    with Image.open(tmp_path / "run" / record.image) as image, Image.open(tmp_path / "run" / record.mask) as mask:
        assert image.tobytes() == image_with(1.0).tobytes()
        assert mask.convert("L").getextrema() == (255, 255)


def test_a_case_without_images_keeps_none(tmp_path: Path) -> None:
    record = keep_inputs([Case(id="cat", prompt="a cat")], tmp_path / "run")["cat"]
    assert (record.image, record.mask) == ("", "")
    assert not (tmp_path / "run").exists()


def test_the_same_image_of_two_cases_is_kept_once(case: Case, tmp_path: Path) -> None:
    records = keep_inputs([case, replace(case, id="dog")], tmp_path / "run")
    assert records["cat"].image == records["dog"].image
    assert len(list((tmp_path / "run/inputs").iterdir())) == 2


def test_a_large_image_is_kept_smaller_in_its_proportions(case: Case, tmp_path: Path) -> None:
    image_with(1.0).resize((2 * LARGEST, LARGEST)).save(tmp_path / "image.png")
    record = keep_inputs([case], tmp_path / "run")["cat"]
    with Image.open(tmp_path / "run" / record.image) as image:
        assert image.size == (LARGEST, LARGEST // 2)


def test_all_input_images_of_an_edit_are_kept_in_their_order(tmp_path: Path) -> None:
    paths = []
    for value in (0.2, 0.8):
        paths.append(tmp_path / f"{value}.png")
        image_with(value).save(paths[-1])
    case = Case(id="cat", prompt="add a hat", images=tuple(paths), edited_prompt="a cat with a hat")
    record = keep_inputs([case], tmp_path / "run")["cat"]
    kept = [Image.open(tmp_path / "run" / name).tobytes() for name in record.inputs]
    assert kept == [image_with(value).tobytes() for value in (0.2, 0.8)]
    assert (record.image, record.edited_prompt) == ("", "a cat with a hat")
