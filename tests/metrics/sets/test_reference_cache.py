"""Features of reference images are computed once on a machine, and again where anything about them changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sdeval.config.image_store import CACHE
from sdeval.errors import SdevalError
from sdeval.imaging.io import write_png
from sdeval.metrics.base import Features, Reference
from sdeval.metrics.sets import reference_cache
from sdeval.metrics.sets.reference_cache import Loaded, load_or_compute


class Extractor:
    """Stands for one of a name, a version and a way to resize."""

    name, resize = "levels", "none"

    def __init__(self, version: str = "1") -> None:
        self.version = version

    def images(self, images: list[Image.Image]) -> Features:
        raise NotImplementedError


class Computation:
    """Counts how often it is asked."""

    def __init__(self, kept_rows: int = 100) -> None:
        self.count = 0
        rows = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
        self.loaded = Loaded("0123456789abcdef", Reference.of_chunks([rows], kept_rows))

    def __call__(self) -> Loaded:
        self.count += 1
        return self.loaded


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    return tmp_path / "cache" / "references"


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{colour}.png" for colour in ("red", "blue")]
    for path in paths:
        write_png(path, Image.new("RGB", (8, 8), path.stem))
    return paths


@pytest.mark.parametrize("kept_rows", [100, 5], ids=["all rows", "moments only"])
def test_what_was_computed_is_read_the_next_time(cache: Path, images: list[Path], kept_rows: int) -> None:
    compute = Computation(kept_rows)
    load_or_compute(images, Extractor(), compute)
    again = load_or_compute(images, Extractor(), compute)
    assert compute.count == 1
    assert again == compute.loaded
    assert (again.reference.rows is None) == (compute.loaded.reference.rows is None)


@pytest.mark.parametrize("change", ["an image", "the order", "the weights", "a library"])
def test_what_features_depend_on_is_never_ignored(
    cache: Path, images: list[Path], change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute = Computation()
    load_or_compute(images, Extractor(), compute)
    if change == "an image":
        write_png(images[0], Image.new("RGB", (8, 8), "green"))
    if change == "a library":
        monkeypatch.setattr(reference_cache, "package_version", lambda name: "0")
    extractor = Extractor("2" if change == "the weights" else "1")
    load_or_compute(images[::-1] if change == "the order" else images, extractor, compute)
    assert compute.count == 2


def half(content: bytes, loaded: Loaded) -> bytes:
    return content[: len(content) // 2]


def another_mean(content: bytes, loaded: Loaded) -> bytes:
    return content.replace(loaded.reference.mean.tobytes(), loaded.reference.mean[::-1].tobytes())


def nothing(content: bytes, loaded: Loaded) -> bytes:
    return b""


@pytest.mark.parametrize("damage", [nothing, half, another_mean])
def test_a_damaged_file_is_computed_again(
    cache: Path, images: list[Path], damage: Callable[[bytes, Loaded], bytes]
) -> None:
    compute = Computation()
    load_or_compute(images, Extractor(), compute)
    (path,) = cache.iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage(whole, compute.loaded))
    assert path.read_bytes() != whole
    assert load_or_compute(images, Extractor(), compute) == compute.loaded
    assert compute.count == 2
    assert path.read_bytes() == whole


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(
    tmp_path: Path, images: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.joinpath("file").touch()
    monkeypatch.setenv(CACHE, str(tmp_path / "file"))
    compute = Computation()
    assert load_or_compute(images, Extractor(), compute) == compute.loaded


def test_an_image_that_cannot_be_read_is_named(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(SdevalError, match=r"gone\.png: no such file"):
        load_or_compute([tmp_path / "gone.png"], Extractor(), Computation())
