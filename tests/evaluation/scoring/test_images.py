"""Images are decoded once for all metrics, a batch at a time, and forgotten."""

from __future__ import annotations

import weakref
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from sdeval.errors import SdevalError
from sdeval.evaluation.scoring import images
from sdeval.evaluation.scoring.images import LazyImages, RunImages, Wanted
from sdeval.imaging.io import write_png
from sdeval.metrics import GeneratedImage
from tests.evaluation.scoring.mosaics import ByHand, BySummary, Generated, generate, mosaic, scores, use


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Counter[Path]:
    """How often each file has been decoded."""
    counts: Counter[Path] = Counter()
    real = images.open_rgb

    def counting(path: Path) -> Image.Image:
        counts[path] += 1
        return real(path)

    monkeypatch.setattr(images, "open_rgb", counting)
    return counts


@pytest.fixture
def run_of_20(tmp_path: Path) -> Generated:
    return generate(tmp_path / "run", cases=10)


def test_each_image_is_decoded_once_for_all_metrics(run_of_20: Generated, decoded: Counter[Path]) -> None:
    run_of_20.score("clip_score", "sharpness", "diversity", "duplicates", "noise")
    assert sorted(decoded) == sorted(run_of_20.folder / sample.image for sample in run_of_20.run.samples)
    assert set(decoded.values()) == {1}


@pytest.mark.parametrize("batch", [1, 3, 7])
def test_scores_do_not_depend_on_how_many_images_are_decoded_together(
    run_of_20: Generated, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    metrics = ("clip_score", "sharpness", "diversity", "duplicates")
    expected = run_of_20.score(*metrics)
    monkeypatch.setattr(images, "BATCH", batch)
    batched = run_of_20.score(*metrics)
    for name in metrics:
        # CLIP adds in another order for another number of images: the last decimal may differ.
        assert scores(batched, name) == pytest.approx(scores(expected, name), abs=1.1e-4)


@pytest.mark.parametrize("kind", ["alone", "summaries", "one sequence"])
def test_no_more_than_two_batches_are_in_memory(
    run_of_20: Generated, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(images, "BATCH", 2)
    seen: list[weakref.ref[Image.Image]] = []
    counts: list[int] = []

    def look(image: GeneratedImage) -> float:
        seen.append(weakref.ref(image.image))
        counts.append(sum(reference() is not None for reference in seen))
        return 1.0

    metrics = {"alone": ByHand(look), "summaries": BySummary(look), "one sequence": ByHand(look, alone=False)}
    use(monkeypatch, metrics[kind])
    run_of_20.score("clip_score")
    assert len(counts) == 20
    assert max(counts) <= 4


def test_large_images_make_small_batches(run_of_20: Generated, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "BATCH_PIXELS", 3 * 32 * 32)
    run_images = RunImages(run_of_20.run, run_of_20.samples, run_of_20.folder)
    assert [len(batch) for batch in run_images.batches(Wanted(range(8)))] == [3, 3, 2]
    monkeypatch.setattr(images, "BATCH_PIXELS", 10)
    assert [len(batch) for batch in run_images.batches(Wanted(range(3)))] == [1, 1, 1]


def test_an_init_image_is_decoded_once_for_all_seeds_of_a_batch(tmp_path: Path, decoded: Counter[Path]) -> None:
    init = tmp_path / "init.png"
    write_png(init, mosaic(99, 0))
    generate(tmp_path / "run", cases=4, seeds=4, init=init).score("init_similarity", "sharpness")
    assert decoded[init] == 1


def test_a_batch_whose_images_wait_for_more_init_images_than_there_are_threads(tmp_path: Path) -> None:
    inits = [tmp_path / f"{n}.png" for n in range(12)]
    for number, path in enumerate(inits):
        write_png(path, mosaic(number, 7))
    run = generate(tmp_path / "run", cases=12, seeds=1, init=inits[0])
    cases = [replace_init(sample, path) for sample, path in zip(run.samples, inits, strict=True)]
    (batch,) = RunImages(run.run, cases, run.folder).batches(Wanted(range(12)))
    assert [decoded.generated.init for decoded in batch] == [mosaic(number, 7) for number in range(12)]


def replace_init(sample: object, path: Path) -> object:
    from dataclasses import replace

    return replace(sample, case=replace(sample.case, image=path))


def test_an_image_that_cannot_be_decoded_is_named(run_of_20: Generated) -> None:
    path = run_of_20.folder / run_of_20.run.samples[3].image
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(SdevalError, match=f"cannot be decoded: {path}"):
        run_of_20.score("sharpness")


def test_images_in_one_sequence_are_decoded_when_they_are_looked_at(
    run_of_20: Generated, decoded: Counter[Path]
) -> None:
    lazy = LazyImages(RunImages(run_of_20.run, run_of_20.samples, run_of_20.folder), range(4, 10))
    assert len(lazy) == 6
    assert not decoded
    first = lazy[0]
    assert (first.case.id, first.seed, first.image) == ("case-2", 0, mosaic(2, 0))
    assert [image.image for image in lazy[-2:]] == [mosaic(4, 0), mosaic(4, 1)]
    assert sum(decoded.values()) == 3
