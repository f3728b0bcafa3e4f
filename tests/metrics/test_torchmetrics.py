"""Classes of torchmetrics by dotted name, against themselves called directly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torchmetrics.image
from PIL import Image

from sdeval import Case, NotAvailable, SdevalError
from sdeval.evaluation.score import score
from sdeval.metrics import GeneratedImage, MetricOptions, create, info
from sdeval.results.run import Run, Stored
from tests.generated import plan

CASE = Case(id="a", prompt="a circle")
IMAGE = "torchmetrics.image"


def random_image(rng: np.random.Generator) -> Image.Image:
    return Image.fromarray(rng.integers(0, 256, size=(24, 32, 3), dtype=np.uint8))


def tensor(image: Image.Image) -> torch.Tensor:
    return torch.tensor(np.asarray(image)).permute(2, 0, 1)[None] / 255


def test_a_metric_of_one_image_scores_each(rng: np.random.Generator) -> None:
    images = [random_image(rng) for _ in range(3)]
    expected = [float(torchmetrics.image.TotalVariation()(tensor(each))) for each in images]
    metric = create(f"{IMAGE}.TotalVariation", MetricOptions())
    assert metric.score([GeneratedImage(each, CASE) for each in images]) == pytest.approx(expected)
    assert (metric.info.gating, metric.info.higher_is_better, metric.info.needs) == (True, False, ())


@pytest.mark.parametrize("name", ["PeakSignalNoiseRatio", "StructuralSimilarityIndexMeasure"])
def test_a_metric_of_two_images_compares_with_the_baseline(rng: np.random.Generator, name: str) -> None:
    pairs = [(random_image(rng), random_image(rng)) for _ in range(3)]
    kind = getattr(torchmetrics.image, name)
    expected = [float(kind(data_range=1.0)(tensor(now), tensor(before))) for before, now in pairs]
    metric = create(f"{IMAGE}.{name}", MetricOptions())
    assert metric.score([GeneratedImage(now, CASE, pair=(before, now)) for before, now in pairs]) == pytest.approx(
        expected
    )
    assert (metric.info.gating, metric.info.higher_is_better, metric.info.needs) == (False, True, ("baseline",))


def test_a_comparison_without_a_baseline_is_refused(image: Image.Image) -> None:
    with pytest.raises(ValueError, match="case a has no image in the baseline"):
        create(f"{IMAGE}.PeakSignalNoiseRatio", MetricOptions()).score([GeneratedImage(image, CASE)])


def test_a_suite_can_be_scored_by_them(generated: tuple[Run, Path]) -> None:
    run, folder = generated
    names = (f"{IMAGE}.TotalVariation", f"{IMAGE}.StructuralSimilarityIndexMeasure", f"{IMAGE}.PeakSignalNoiseRatio")
    few = plan(metrics=names)
    scored = score(replace(run, metrics={}), few.suite, few.samples, folder, "cpu", Stored(run, folder))
    for sample in scored.samples:
        assert sample.scores[names[0]] > 0
        assert sample.scores[names[1]] == pytest.approx(1)
        # Identical images have no finite ratio.
        assert sample.scores[names[2]] is None
        assert sample.reasons[names[2]].startswith("the score is inf")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("FrechetInceptionDistance", "takes imgs, real; only metrics that take img or preds, target can be used"),
        ("InceptionScore", "takes imgs; only metrics that take img or preds, target can be used"),
        ("PerceptualPathLength", "takes generator; only metrics"),
        ("LearnedPerceptualImagePatchSimilarity", "takes img1, img2; only metrics"),
        ("TotalVariations", f"did you mean {IMAGE}.TotalVariation"),
        ("PSNR", f"did you mean {IMAGE}.PeakSignalNoiseRatio"),
        ("functional", f"unknown metric '{IMAGE}.functional'"),
    ],
)
def test_a_class_that_scores_no_images_is_refused(name: str, message: str) -> None:
    with pytest.raises(SdevalError) as found:
        info(f"{IMAGE}.{name}")
    assert message in str(found.value)


@pytest.mark.parametrize("name", ["torchmetrics.no_such_room.Metric", "torchmetrics.image.TotalVariation.update"])
def test_what_is_no_module_is_refused(name: str) -> None:
    with pytest.raises(SdevalError, match=f"metric {name}: No module named"):
        info(name)


def test_a_class_that_does_not_say_which_way_is_better_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Undecided(torchmetrics.image.TotalVariation):
        higher_is_better = None

    monkeypatch.setattr(torchmetrics.image, "Undecided", Undecided, raising=False)
    with pytest.raises(SdevalError, match="does not say which way is better"):
        info(f"{IMAGE}.Undecided")


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (OSError("no route to the weights\nmore"), NotAvailable, "no route to the weights"),
        (ImportError("pip install another"), NotAvailable, "pip install another"),
        (ValueError("classes?"), SdevalError, "cannot be made with its own defaults: classes?"),
    ],
)
def test_a_class_that_cannot_be_made_says_why(
    monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[SdevalError], message: str
) -> None:
    def fail(self: object) -> None:
        raise error

    monkeypatch.setattr(torchmetrics.image.TotalVariation, "__init__", fail)
    with pytest.raises(kind) as found:
        create(f"{IMAGE}.TotalVariation", MetricOptions())
    assert str(found.value) == f"metric {IMAGE}.TotalVariation: {message}"
