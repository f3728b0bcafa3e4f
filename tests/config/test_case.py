from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sdeval import Sample, SdevalError
from sdeval.config.case import fingerprint, sample_key
from tests.config.animals import CAT


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


def test_images_of_a_case_may_be_text() -> None:
    assert replace(CAT, image="a.png", tags=["x"]) == replace(CAT, image=Path("a.png"), tags=("x",))


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


@pytest.mark.parametrize(("name", "key"), [("black-cat@3", ("black-cat", 3)), ("cat@-1", ("cat", -1))])
def test_the_name_of_a_sample_is_read(name: str, key: tuple[str, int]) -> None:
    assert sample_key(name) == key


@pytest.mark.parametrize("name", ["", "cat", "@1", "cat@", "cat@one", "cat@1.0", "cat@" + 9999 * "1", "cat@\u0661"])
def test_what_is_no_name_of_a_sample_is_refused(name: str) -> None:
    with pytest.raises(SdevalError, match="must be CASE@SEED, such as black-cat@0"):
        sample_key(name)
