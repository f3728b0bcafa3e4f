from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sdeval import Case, Sample, SdevalError, Suite
from sdeval.config.suite import fingerprint, sample_key

CAT, DOG = Case(id="cat", prompt="a cat"), Case(id="dog", prompt="a dog")


def suite(**changes: Any) -> Suite:
    return Suite(**{"name": "animals", "task": "text2img", "cases": (CAT, DOG), **changes})


def test_samples_are_every_case_with_every_seed() -> None:
    assert [sample.name for sample in suite(seeds=(3, 5)).samples] == ["cat@3", "cat@5", "dog@3", "dog@5"]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    Image.new("RGB", (16, 16)).save(tmp_path / "image.png")
    for name, width in {"mask": 16, "small": 8, "odd": 12}.items():
        mask = Image.new("L", (width, 16))
        mask.paste(255, (0, 0, 4, 4))
        mask.save(tmp_path / f"{name}.png")
    (tmp_path / "text.png").write_text("no image")
    return tmp_path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "My Suite"}, "suite name 'My Suite' must be lower-case"),
        ({"task": "img2image"}, "unknown task 'img2image'; did you mean img2img?"),
        ({"seeds": ()}, "seeds must be distinct and at least one"),
        ({"seeds": (1, 1)}, "seeds must be distinct"),
        ({"tolerances": {"clip_scor": 1}}, "unknown metric 'clip_scor'; did you mean clip_score?"),
        ({"tolerances": {"clip_score": 0}}, "clip_score must be above 0, got 0"),
        ({"cases": ()}, "no cases; give it at least one"),
        ({"cases": (CAT, CAT)}, "case 'cat': id: 'cat' is taken already"),
        ({"cases": (CAT, replace(CAT, id="Cat"))}, "case 'Cat': id: 'Cat' is taken already but for capitals, by 'cat'"),
        ({"cases": (replace(CAT, id="clip_score"),)}, "id: 'clip_score' is the name of a metric of the suite"),
        *(
            ({"cases": (replace(CAT, id=wrong),)}, f"id: {wrong!r} must be words and digits joined by hyphens or")
            for wrong in ("Big Cat", "cat__2", "_cat", "cat/2", "cat@2", "Käthe", "cat.png")
        ),
        ({"cases": (replace(CAT, prompt=" "),)}, "prompt: is empty"),
        ({"cases": (replace(CAT, strength=0.5),)}, "strength: text2img takes none"),
        ({"cases": (replace(CAT, image=Path("x.png")),)}, "image: text2img takes none"),
        ({"task": "img2img"}, "image: is missing; img2img needs one"),
        ({"seeds": range(10**12)}, "seeds: must be at most 100000 seeds"),
        ({"seeds": itertools.count()}, "seeds: must be at most 100000 seeds"),
        ({"max_seeds": 2**70}, "max_seeds: must be at most 100000 seeds"),
        ({"references": "long" * 1000}, "references: no .png images in longlong"),
        ({"references": Path("/nowhere")}, "references: no .png images in /nowhere"),
    ],
)
def test_what_cannot_be_right_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SdevalError) as error:
        suite(**changes)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": 3}, "suite 3: name: must be text, got 3"),
        ({"task": None}, "suite animals: unknown task 'None'. Known: edit, img2img, inpainting, text2img"),
        ({"seeds": "x"}, "seeds: must be a list of whole numbers, got 'x'"),
        ({"seeds": 3.5}, "seeds: must be a list of whole numbers, got 3.5"),
        ({"seeds": (1, "a")}, "seeds[1]: must be a whole number, got 'a'"),
        ({"seeds": {0, 1}}, "seeds: must be a list of whole numbers, got {0, 1}"),
        ({"seeds": (2**64,)}, "seeds must fit into 64 bits, got [18446744073709551616]"),
        ({"max_seeds": "8"}, "max_seeds: must be a whole number or None, got '8'"),
        ({"metrics": "clip_score"}, "metrics: must be a list of texts, got 'clip_score'; write ['clip_score']"),
        ({"metrics": ("noise", "noise")}, "metrics must be distinct"),
        ({"targets": "shapes"}, "targets: must be a list of texts, got 'shapes'; write ['shapes']"),
        ({"targets": ()}, "targets must be distinct and at least one, got []"),
        ({"tolerances": [1.0]}, "tolerances: must be a mapping, got [1.0]"),
        ({"tolerances": {"clip_score": "1"}}, "tolerances: clip_score: must be a number, got '1'"),
        ({"tolerances": {"clip_score": float("nan")}}, "tolerances: clip_score: must be a finite number, got nan"),
        ({"tolerances": {"clip_score": -1}}, "tolerances: clip_score must be above 0, got -1"),
        ({"settings": ["width"]}, "settings: must be a mapping, got ['width']"),
        (
            {"settings": {"callback": print}},
            "settings: callback: must be text, a number, true or false, None, or lists",
        ),
        ({"settings": {"guidance_scale": float("inf")}}, "settings: guidance_scale: must be a finite number, got inf"),
        ({"metric_options": "shapes"}, "metric_options: must be a mapping, got 'shapes'"),
        ({"references": 3}, "references: must be a path or None, got 3"),
        ({"cases": Path("cases.yaml")}, "cases: must be a list of Case, got PosixPath('cases.yaml'); load_cases(PATH)"),
        ({"cases": "cases.yaml"}, "cases: must be a list of Case, got 'cases.yaml'; load_cases(PATH) reads a file"),
        ({"cases": CAT}, "cases: must be a list of Case, got Case(id='cat'"),
        ({"cases": (CAT, {"id": "dog"})}, "cases[1]: must be a Case, got {'id': 'dog'}"),
    ],
)
def test_what_is_of_the_wrong_kind_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SdevalError) as error:
        suite(**changes)
    assert str(error.value).startswith(f"suite {changes.get('name', 'animals')}: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": 3}, "case 3: id: must be text, got 3"),
        ({"prompt": None}, "case 'cat': prompt: must be text, got None"),
        ({"prompt": "a \ud800"}, "case 'cat': prompt: must be text that UTF-8 can hold"),
        ({"strength": "0.5"}, "case 'cat': strength: must be a number or None, got '0.5'"),
        ({"image": 3}, "case 'cat': image: must be a path or None, got 3"),
        ({"tags": "round"}, "case 'cat': tags: must be a list of texts, got 'round'; write ['round']"),
    ],
)
def test_a_case_of_the_wrong_kind_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SdevalError) as error:
        replace(CAT, **changes)
    assert message in str(error.value)


def test_lists_ranges_and_generators_are_kept_as_tuples() -> None:
    found = suite(cases=[CAT, DOG], seeds=range(3), metrics=(name for name in ("noise",)), targets=["shapes"])
    assert (found.cases, found.seeds, found.metrics, found.targets) == ((CAT, DOG), (0, 1, 2), ("noise",), ("shapes",))


def test_images_of_a_case_may_be_text() -> None:
    assert replace(CAT, image="a.png", tags=["x"]) == replace(CAT, image=Path("a.png"), tags=("x",))


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


def test_the_fingerprint_of_an_edit_follows_its_images_and_their_order(images: Path) -> None:
    first, second = images / "image.png", images / "small.png"
    lists = ((first,), (first, second), (second, first))
    prints = [fingerprint(Sample(replace(CAT, images=paths), 0), 16, 16) for paths in lists]
    assert len(set(prints)) == 3
    # How a single one is written changes nothing.
    assert prints[0] == fingerprint(Sample(replace(CAT, image=first), 0), 16, 16)


@pytest.mark.parametrize(
    "changes",
    [{"prompt": "another"}, {"negative_prompt": "dogs"}, {"strength": 0.4}, {"region_prompt": "a cat's head"}],
)
def test_the_fingerprint_follows_what_is_request(changes: dict[str, Any]) -> None:
    request = fingerprint(Sample(CAT, 0), 64, 64)
    assert fingerprint(Sample(replace(CAT, **changes), 0), 64, 64) != request


def test_the_fingerprint_follows_seed_and_size() -> None:
    prints = {fingerprint(Sample(CAT, seed), width, 64) for seed in (0, 1) for width in (64, 32)}
    assert len(prints) == 4


def test_the_fingerprint_follows_pixels_and_not_names(images: Path) -> None:
    (images / "copy.png").write_bytes((images / "image.png").read_bytes())
    one, other, third = (
        fingerprint(Sample(replace(CAT, image=images / name), 0), 16, 16)
        for name in ("image.png", "copy.png", "small.png")
    )
    assert one == other != third


def test_ids_names_and_tags_do_not_change_the_fingerprint() -> None:
    renamed = replace(CAT, id="kitty", tags=("pet",), origin="x:1")
    assert fingerprint(Sample(renamed, 0), 64, 64) == fingerprint(Sample(CAT, 0), 64, 64)


@pytest.mark.parametrize(
    ("seeds", "most", "rounds"),
    [
        ((0, 1), None, [(0, 1)]),
        ((0, 1), 2, [(0, 1)]),
        ((0, 1), 6, [(0, 1), (0, 1, 2, 3), (0, 1, 2, 3, 4, 5)]),
        ((31,), 3, [(31,), (31, 32), (31, 32, 33)]),
    ],
)
def test_rounds_double_up_to_the_most(seeds: tuple[int, ...], most: int | None, rounds: list[tuple[int, ...]]) -> None:
    assert list(suite(seeds=seeds, max_seeds=most).rounds) == rounds


def test_fewer_seeds_at_most_than_at_first_are_refused() -> None:
    with pytest.raises(SdevalError, match="max_seeds must be at least 2, got 1"):
        suite(seeds=(0, 1), max_seeds=1)


def test_references_may_be_text(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    assert suite(references=str(tmp_path)).references == tmp_path


@pytest.mark.parametrize(("name", "key"), [("black-cat@3", ("black-cat", 3)), ("cat@-1", ("cat", -1))])
def test_the_name_of_a_sample_is_read(name: str, key: tuple[str, int]) -> None:
    assert sample_key(name) == key


@pytest.mark.parametrize("name", ["", "cat", "@1", "cat@", "cat@one", "cat@1.0", "cat@" + 9999 * "1", "cat@\u0661"])
def test_what_is_no_name_of_a_sample_is_refused(name: str) -> None:
    with pytest.raises(SdevalError, match="must be CASE@SEED, such as black-cat@0"):
        sample_key(name)


@pytest.mark.parametrize("name", ["Cat", "big_cat", "Big_Cat-2", "2"])
def test_ids_hold_capitals_and_underscores(name: str) -> None:
    assert suite(cases=(replace(CAT, id=name),)).cases[0].id == name
