from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sdeval import SdevalError
from tests.config.animals import CAT, DOG, suite


@pytest.mark.parametrize(
    ("image", "mask", "strength", "message"),
    [
        ("none.png", "mask.png", None, "image: no such file"),
        ("text.png", "mask.png", None, "image: not an image that can be opened"),
        ("odd.png", "odd.png", None, "image: is 12x16 pixels; both edges must be multiples of 8"),
        ("image.png", "small.png", None, "mask: is 8x16 pixels but the image is 16x16"),
        ("image.png", "mask.png", 1.5, "strength: must be above 0 and at most 1, got 1.5"),
    ],
)
def test_wrong_images_are_refused(images: Path, image: str, mask: str, strength: float | None, message: str) -> None:
    case = replace(CAT, image=images / image, mask=images / mask, strength=strength, origin="cases.yaml:3")
    with pytest.raises(SdevalError) as error:
        suite(task="inpainting", cases=(case,))
    assert str(error.value).startswith("cases.yaml:3: ")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "image: is missing; edit needs one, or several as images"),
        (
            {"image": "image.png", "images": ("small.png",)},
            "images: image is there too; list all input images in images",
        ),
        ({"image": "image.png", "mask": "mask.png"}, "mask: edit takes none; remove it"),
        ({"image": "image.png", "strength": 0.5}, "strength: edit takes none; remove it"),
        ({"images": ("odd.png", "image.png")}, "images: is 12x16 pixels; both edges must be multiples of 8"),
        ({"images": ("image.png", "none.png")}, "images: no such file"),
        ({"images": ("image.png", "text.png")}, "images: not an image that can be opened"),
    ],
)
def test_wrong_edits_are_refused(images: Path, changes: dict[str, Any], message: str) -> None:
    paths: dict[str, Any] = {name: images / value for name, value in changes.items() if isinstance(value, str)}
    lists = {
        name: [str(images / part) for part in value] for name, value in changes.items() if isinstance(value, tuple)
    }
    case = replace(CAT, **{**changes, **paths, **lists}, origin="cases.yaml:3")
    with pytest.raises(SdevalError) as error:
        suite(task="edit", cases=(case,))
    assert str(error.value).startswith("cases.yaml:3: ")
    assert message in str(error.value)


@pytest.mark.parametrize("name", ["region_prompt", "image_prompt", "edited_prompt"])
def test_a_blank_text_that_metrics_would_compare_with_is_refused(images: Path, name: str) -> None:
    case = replace(CAT, image=images / "image.png", **{name: " "})
    with pytest.raises(SdevalError, match=f"{name}: is blank; say what is to be seen, or leave it out"):
        suite(task="edit", cases=(case,))


def test_a_control_image_is_as_large_as_the_image_that_is_edited(images: Path) -> None:
    case = replace(CAT, images=(images / "image.png",), control_image=images / "small.png")
    with pytest.raises(SdevalError, match=r"control_image: is .* pixels but the image is .*; make them the same size"):
        suite(task="edit", cases=(case,))


def test_an_edit_has_one_input_image_or_several_of_any_size(images: Path) -> None:
    one = replace(CAT, image=images / "image.png")
    several = replace(DOG, images=(images / "image.png", images / "odd.png"), edited_prompt="a dog with a hat")
    suite(task="edit", cases=(one, several))
    assert one.inputs == (images / "image.png",)
    assert several.inputs == (images / "image.png", images / "odd.png")
    assert (one.caption, several.caption) == (CAT.prompt, "a dog with a hat")


@pytest.mark.parametrize("name", ["images", "edited_prompt"])
def test_what_only_edits_have_is_refused_elsewhere(images: Path, name: str) -> None:
    changes = {"images": (images / "image.png",), "edited_prompt": "a dog"}
    with pytest.raises(SdevalError, match=f"{name}: text2img takes none; remove it"):
        suite(cases=(replace(CAT, **{name: changes[name]}),))


@pytest.mark.parametrize("name", ["Cat", "big_cat", "Big_Cat-2", "2"])
def test_ids_hold_capitals_and_underscores(name: str) -> None:
    assert suite(cases=(replace(CAT, id=name),)).cases[0].id == name
