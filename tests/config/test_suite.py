from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sdeval import SdevalError
from tests.config.animals import CAT, DOG, suite


def test_samples_are_every_case_with_every_seed() -> None:
    assert [sample.name for sample in suite(seeds=(3, 5)).samples] == ["cat@3", "cat@5", "dog@3", "dog@5"]


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


def test_lists_ranges_and_generators_are_kept_as_tuples() -> None:
    found = suite(cases=[CAT, DOG], seeds=range(3), metrics=(name for name in ("noise",)), targets=["shapes"])
    assert (found.cases, found.seeds, found.metrics, found.targets) == ((CAT, DOG), (0, 1, 2), ("noise",), ("shapes",))


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
