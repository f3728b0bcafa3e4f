from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdeval.health import examine, neighbour_agreement
from sdeval.shapes import world


def found(pixels: np.ndarray, **changes: object) -> str | None:
    finding = examine(pixels, **{"finite": True, "flagged": False, "size": None, **changes})
    return finding.defect if finding else None


@given(st.integers(0, 2**32))
def test_every_drawn_picture_is_healthy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    assert found(np.asarray(world.draw(world.random_scene(rng), rng))) is None


@pytest.mark.parametrize(("level", "defect"), [(0, "black"), (8, "black"), (9, "flat"), (127, "flat"), (255, "flat")])
def test_one_level_everywhere(level: int, defect: str) -> None:
    assert found(np.full((32, 32, 3), level, dtype=np.uint8)) == defect


def test_one_colour_everywhere_is_flat(rng: np.random.Generator) -> None:
    pixels = np.tile(np.array([220, 40, 40]), (32, 32, 1)) + rng.integers(0, 3, size=(32, 32, 1))
    assert found(pixels.astype(np.uint8)) == "flat"


def test_pure_noise_is_noise(rng: np.random.Generator) -> None:
    assert found(rng.integers(0, 256, size=(64, 64, 3), dtype=np.uint8)) == "noise"


def test_grain_on_a_picture_is_not_noise(rng: np.random.Generator) -> None:
    pixels = np.asarray(world.draw(world.random_scene(rng), rng)) + rng.normal(0, 12, size=(64, 64, 3))
    assert found(np.clip(pixels, 0, 255).astype(np.uint8)) is None


def test_the_wrong_size_is_named() -> None:
    finding = examine(np.zeros((32, 48, 3), dtype=np.uint8), finite=True, flagged=False, size=(64, 32))
    assert finding is not None
    assert finding.detail == "48x32 instead of 64x32"


def test_the_cause_comes_before_the_look() -> None:
    black = np.zeros((8, 8, 3), dtype=np.uint8)
    assert found(black, finite=False, flagged=True) == "not finite"
    assert found(black, flagged=True) == "safety checker"


def test_agreement_of_a_constant_picture_is_not_a_number_of_noise() -> None:
    assert neighbour_agreement(np.zeros((8, 8, 3), dtype=np.uint8)) == 1.0
