"""The CLIP model that metrics share: images of a batch are encoded once for all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from sdeval.metrics.features import clip as module
from sdeval.metrics.features.clip import Clip, load_clip


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images were encoded, call by call."""
    counts: list[int] = []
    real = Clip._features

    def counting(self: Clip, images: Sequence[Image.Image]) -> np.ndarray:
        counts.append(len(images))
        return real(self, images)

    monkeypatch.setattr(Clip, "_features", counting)
    return counts


def fresh() -> Clip:
    """One that has not encoded anything."""
    return load_clip.__wrapped__("shapes", "cpu")


def colours(*levels: int) -> list[Image.Image]:
    return [Image.new("RGB", (64, 64), (level, 0, 0)) for level in levels]


def test_the_same_images_are_encoded_once(encoded: list[int]) -> None:
    clip, images = fresh(), colours(10, 200)
    assert np.array_equal(clip.images(images), clip.images(list(images)))
    assert encoded == [2]


@pytest.mark.parametrize("others", [colours(10, 200), colours(10)])
def test_other_images_are_encoded_whatever_they_show(encoded: list[int], others: list[Image.Image]) -> None:
    clip = fresh()
    clip.images(colours(10, 200))
    clip.images(others)
    assert encoded == [2, len(others)]


def test_images_are_not_kept_in_memory(encoded: list[int]) -> None:
    clip, images = fresh(), colours(10, 200)
    expected = clip.images(images)
    del images
    assert all(reference() is None for reference in clip._last)
    assert np.array_equal(clip.images(colours(10, 200)), expected)
    assert encoded == [2, 2]


@pytest.mark.parametrize(("name", "quick_gelu"), [("ViT-B-32/openai", True), ("ViT-B-32/laion2b_s34b_b79k", False)])
def test_weights_that_were_trained_with_quickgelu_get_it(
    name: str, quick_gelu: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_must_be_cached", lambda *_: None)
    located = module._locate(name)
    assert located.quick_gelu == quick_gelu
    assert located.version == (f"{name} quickgelu" if quick_gelu else name)
