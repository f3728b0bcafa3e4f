"""Reference images in chunks are what they are at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sdeval.config.image_store import CACHE
from sdeval.imaging.io import write_png
from sdeval.metrics.base import Features, Reference
from sdeval.metrics.sets import references
from sdeval.metrics.sets.frechet_distance import FrechetDistance


@pytest.mark.parametrize("size", [1, 7, 40, 100])
def test_chunks_have_the_moments_of_the_whole(rng: np.random.Generator, size: int) -> None:
    values = rng.normal(size=(40, 6)).astype(np.float32)
    found = Reference.of_chunks(values[at : at + size] for at in range(0, 40, size))
    assert found.count == 40
    assert found.mean == pytest.approx(values.mean(axis=0, dtype=np.float64), rel=1e-12, abs=1e-15)
    assert found.covariance == pytest.approx(np.cov(values.astype(np.float64), rowvar=False), rel=1e-10, abs=1e-12)
    assert np.array_equal(found.all_rows(), values)


def test_features_far_from_zero_keep_their_spread() -> None:
    # Sums of squares would lose it: the offset squared is 1e16 times the variance.
    values = 1e8 + np.arange(8.0)[:, None] % 2
    found = Reference.of_chunks(values[at : at + 3] for at in (0, 3, 6))  # type: ignore[misc]
    assert found.covariance == pytest.approx(np.var(np.arange(8) % 2, ddof=1), rel=1e-7)


def test_rows_beyond_what_is_kept_are_let_go(rng: np.random.Generator) -> None:
    values = rng.normal(size=(10, 3)).astype(np.float32)
    chunks = [values[:4], values[4:8], values[8:]]
    assert Reference.of_chunks(chunks, kept_rows=10).rows is not None
    found = Reference.of_chunks(chunks, kept_rows=9)
    assert found.rows is None
    assert found.covariance == pytest.approx(Reference.of(values).covariance)
    with pytest.raises(ValueError, match="of 10 only mean and covariance are kept, use at most 20000"):
        found.all_rows()


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ([], "at least 2 images, got 0"),
        ([np.ones((1, 3))], "at least 2 images, got 1"),
        ([np.ones((2, 3)), np.full((1, 3), np.nan)], "no numbers"),
        ([np.ones((2, 3)), np.ones((2, 4))], "have 4 dimensions, the reference has 3"),
        ([np.ones(3)], "rows of numbers"),
    ],
)
def test_what_is_no_reference_is_refused(chunks: list[Features], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Reference.of_chunks(chunks)


class Levels:
    """An extractor that counts how many images it sees at once."""

    name = version = resize = "levels"

    def __init__(self) -> None:
        self.batches: list[int] = []

    def images(self, images: list[Image.Image]) -> Features:
        self.batches.append(len(images))
        return np.array([np.asarray(each).mean(axis=(0, 1)) for each in images], dtype=np.float32)


def test_a_folder_is_read_by_chunks(tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        write_png(tmp_path / f"{number}.png", Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)))
    whole = references.load(tmp_path, FrechetDistance(Levels()))
    monkeypatch.setattr(references, "CHUNK", 2)
    monkeypatch.setattr(references, "_cache", {})
    monkeypatch.setenv(CACHE, str(tmp_path / "another"))
    levels = Levels()
    found = references.load(tmp_path, FrechetDistance(levels))
    assert levels.batches == [2, 2, 1]
    assert found.fingerprint == whole.fingerprint
    assert np.array_equal(found.reference.all_rows(), whole.reference.all_rows())
    references.load(tmp_path, FrechetDistance(levels))
    assert len(levels.batches) == 3


def test_a_folder_named_alike_elsewhere_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for place, colours in (("a", ("red", "blue")), ("b", ("red", "green"))):
        for colour in colours:
            (tmp_path / place / "real").mkdir(parents=True, exist_ok=True)
            write_png(tmp_path / place / "real" / f"{colour}.png", Image.new("RGB", (8, 8), colour))
        monkeypatch.chdir(tmp_path / place)
        found.append(references.load(Path("real"), FrechetDistance(Levels())).fingerprint)
    assert found[0] != found[1]
