"""The extractor against torch-fidelity and torchmetrics over the same images, with random weights."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from sdeval import NotAvailable, SdevalError
from sdeval.imaging.io import open_rgb, to_pixels
from sdeval.metrics.base import Features, Reference
from sdeval.metrics.features.inception import WEIGHTS, Inception
from sdeval.metrics.features.weights import Published
from sdeval.metrics.sets.frechet_distance import frechet_distance
from sdeval.metrics.sets.kernel_distance import kernel_distance
from sdeval.metrics.sets.prdc import precision, recall


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights that the extractor accepts."""
    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    torch.manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda self, state: None)
        patch.setattr("torch_fidelity.feature_extractor_inceptionv3.load_state_dict_from_url", lambda *_, **__: {})
        model = FeatureExtractorInceptionV3("random", ["2048"])
    for each in model.parameters():
        if each.dim() == 4:
            # As the class starts them, features are as small as 1e-8 and any two distances are "equal".
            torch.nn.init.kaiming_normal_(each)
    torch.save(model.state_dict(), path)
    return path


def published(path: Path) -> Published:
    return replace(WEIGHTS, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two sets of eight images: noise, and darker noise."""
    rng, folders = np.random.default_rng(0), (tmp_path_factory.mktemp("a"), tmp_path_factory.mktemp("b"))
    for folder, most in zip(folders, (256, 244), strict=True):
        for number in range(8):
            noise = rng.integers(0, most - number, size=(40, 48, 3), dtype=np.uint8)
            Image.fromarray(noise).save(folder / f"{number}.png")
    return folders


@pytest.fixture(scope="module")
def features(weights: Path, folders: tuple[Path, Path]) -> list[Features]:
    inception = Inception("cpu", published(weights), weights)
    return [inception.images([open_rgb(path) for path in sorted(folder.glob("*.png"))]) for folder in folders]


def pixels(folder: Path) -> torch.Tensor:
    """`[n, 3, height, width]` uint8."""
    return torch.stack([torch.tensor(to_pixels(open_rgb(path))) for path in sorted(folder.glob("*.png"))]).movedim(3, 1)


def test_features_are_torch_fidelitys_to_the_last_bit(
    weights: Path, folders: tuple[Path, Path], features: list[Features]
) -> None:
    extractor = FeatureExtractorInceptionV3("theirs", ["2048"], feature_extractor_weights_path=str(weights)).eval()
    with torch.inference_mode():
        (expected,) = extractor(pixels(folders[0]))
    assert features[0].shape == (8, 2048)
    assert features[0].std() > 0.01
    assert np.array_equal(features[0], expected.numpy())


def test_features_are_torchmetrics_to_the_last_bit_without_antialiasing(
    weights: Path, folders: tuple[Path, Path], features: list[Features]
) -> None:
    from torchmetrics.image.fid import NoTrainInceptionV3

    def theirs(antialias: bool) -> Features:
        model = NoTrainInceptionV3("theirs", ["2048"], str(weights), antialias=antialias)
        with torch.inference_mode():
            return np.asarray(model(pixels(folders[0])).numpy())

    assert np.array_equal(features[0], theirs(antialias=False))
    # Their default is another resize: its distances cannot be compared with ours.
    assert not np.allclose(features[0], theirs(antialias=True), atol=1e-3)


def test_values_of_images_are_torch_fidelitys(
    weights: Path, folders: tuple[Path, Path], features: list[Features]
) -> None:
    from torch_fidelity import calculate_metrics

    expected = calculate_metrics(
        input1=str(folders[0]),
        input2=str(folders[1]),
        fid=True,
        kid=True,
        kid_subsets=1,
        kid_subset_size=8,
        prc=True,
        prc_neighborhood=5,
        feature_extractor="inception-v3-compat",
        feature_layer_prc="2048",
        cuda=False,
        cache=False,
        save_cpu_ram=True,
        verbose=False,
        feature_extractor_weights_path=str(weights),
    )
    assert 0 < expected["precision"] < 1
    one, reference = features[0], Reference.of(features[1])
    assert frechet_distance(one, reference) == pytest.approx(expected["frechet_inception_distance"], rel=1e-4)
    mean = expected["kernel_inception_distance_mean"]
    assert kernel_distance(one, reference) == pytest.approx(1000 * mean, rel=1e-3)
    assert precision.measure(one, reference) == pytest.approx(100 * expected["precision"], abs=1e-3)
    assert recall.measure(one, reference) == pytest.approx(100 * expected["recall"], abs=1e-3)


def test_values_of_images_are_torchmetrics(weights: Path, folders: tuple[Path, Path], features: list[Features]) -> None:
    from torchmetrics.image.fid import FrechetInceptionDistance
    from torchmetrics.image.kid import KernelInceptionDistance

    fid = FrechetInceptionDistance(antialias=False, feature_extractor_weights_path=str(weights))
    kid = KernelInceptionDistance(fid.inception, subsets=1, subset_size=8)
    for metric in (fid, kid):
        metric.update(pixels(folders[1]), real=True)
        metric.update(pixels(folders[0]), real=False)
    reference = Reference.of(features[1])
    assert frechet_distance(features[0], reference) == pytest.approx(float(fid.compute()), rel=1e-4)
    assert kernel_distance(features[0], reference) == pytest.approx(1000 * float(kid.compute()[0]), rel=1e-3)


def test_weights_that_are_not_the_published_ones_are_never_opened(weights: Path) -> None:
    with pytest.raises(SdevalError, match="is not the published InceptionV3"):
        Inception("cpu", path=weights)


def test_missing_weights_say_where_they_belong(tmp_path: Path) -> None:
    with pytest.raises(NotAvailable, match="InceptionV3 weights are not on this machine; get them with: curl -L"):
        WEIGHTS.check(tmp_path / "none.pth")
