"""The extractor against torch-fidelity's own run over the same pictures, with random weights."""

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
from sdeval.metrics.base import Reference
from sdeval.metrics.frechet_distance import frechet_distance
from sdeval.metrics.inception import WEIGHTS, Inception
from sdeval.metrics.weights import Published


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights that the extractor accepts."""
    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    torch.manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda self, state: None)
        patch.setattr("torch_fidelity.feature_extractor_inceptionv3.load_state_dict_from_url", lambda *_, **__: {})
        torch.save(FeatureExtractorInceptionV3("random", ["2048"]).state_dict(), path)
    return path


def pictures(rng: np.random.Generator, count: int) -> list[Image.Image]:
    return [Image.fromarray(rng.integers(0, 256, size=(40, 48, 3), dtype=np.uint8)) for _ in range(count)]


def published(path: Path) -> Published:
    return replace(WEIGHTS, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def test_features_and_distance_are_torch_fidelitys(weights: Path, rng: np.random.Generator, tmp_path: Path) -> None:
    from torch_fidelity import calculate_metrics

    sets = (
        pictures(rng, 4),
        [picture.transpose(Image.Transpose.ROTATE_90).resize((48, 40)) for picture in pictures(rng, 5)],
    )
    for name, group in zip(("a", "b"), sets, strict=True):
        (tmp_path / name).mkdir()
        for number, picture in enumerate(group):
            picture.save(tmp_path / name / f"{number}.png")
    expected = calculate_metrics(
        input1=str(tmp_path / "a"),
        input2=str(tmp_path / "b"),
        fid=True,
        cuda=False,
        cache=False,
        verbose=False,
        feature_extractor_weights_path=str(weights),
    )["frechet_inception_distance"]
    inception = Inception("cpu", published(weights), weights)
    one, other = (inception.images(group) for group in sets)
    assert one.shape == (4, 2048)
    assert frechet_distance(one, Reference.of(other)) == pytest.approx(expected, rel=1e-4)


def test_weights_that_are_not_the_published_ones_are_never_opened(weights: Path) -> None:
    with pytest.raises(SdevalError, match="is not the published InceptionV3"):
        Inception("cpu", path=weights)


def test_missing_weights_say_where_they_belong(tmp_path: Path) -> None:
    with pytest.raises(NotAvailable, match="InceptionV3 weights are not on this machine; put https://"):
        WEIGHTS.check(tmp_path / "none.pth")
