"""The LAION head on made-up weights, and on the published file where it is at hand."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from sdeval import Case, NotAvailable, SdevalError
from sdeval.metrics import GeneratedImage, MetricOptions, create
from sdeval.metrics import aesthetic as module
from sdeval.metrics.aesthetic import HEAD, Aesthetic, aesthetic, read_head
from sdeval.metrics.features.clip import load_clip
from sdeval.metrics.features.weights import Published

PUBLISHED = Path(os.environ.get("SDEVAL_AESTHETIC_HEAD", "nowhere"))


def head(width: int) -> nn.Sequential:
    """The architecture of the published program, narrower."""
    torch.manual_seed(0)
    sizes = (width, 8, 6, 5, 4)
    return nn.Sequential(
        nn.Linear(sizes[0], sizes[1]),
        nn.Dropout(0.2),
        nn.Linear(sizes[1], sizes[2]),
        nn.Dropout(0.2),
        nn.Linear(sizes[2], sizes[3]),
        nn.Dropout(0.1),
        nn.Linear(sizes[3], sizes[4]),
        nn.Linear(sizes[4], 1),
    ).eval()


def saved(layers: nn.Sequential, path: Path) -> Published:

    torch.save({f"layers.{name}": value for name, value in layers.state_dict().items()}, path)
    return Published(
        what="head", source="https://example.org/head.pth", sha256=hashlib.sha256(path.read_bytes()).hexdigest()
    )


def test_the_formula_is_that_of_torch_on_normalised_features(tmp_path: Path, rng: np.random.Generator) -> None:
    layers, features = head(16), rng.normal(size=(5, 16)).astype(np.float32)
    published = saved(layers, tmp_path / "head.pth")
    with torch.inference_mode():
        expected = layers(nn.functional.normalize(torch.from_numpy(features)))[:, 0]
    assert aesthetic(features, read_head(tmp_path / "head.pth", published)) == pytest.approx(
        expected.tolist(), abs=1e-5
    )


def test_it_scores_the_features_of_clip(tmp_path: Path) -> None:
    image = Image.new("RGB", (64, 64), (200, 30, 30))
    clip = load_clip("shapes", "cpu")
    (features,) = clip.images([image])
    layers = read_head(tmp_path / "head.pth", saved(head(len(features)), tmp_path / "head.pth"))
    metric = Aesthetic(clip, layers)
    assert metric.score([GeneratedImage(image, Case(id="red", prompt="red"))]) == aesthetic(features[None], layers)
    assert metric.version.endswith(f"head {HEAD.sha256[:12]}")


def test_a_missing_head_says_how_to_get_it(tmp_path: Path) -> None:
    path = tmp_path / "head.pth"
    with pytest.raises(NotAvailable, match=rf"get them with: curl -L --create-dirs -o {path} https://github.com/"):
        create("aesthetic", MetricOptions(aesthetic_weights=str(path)))


def test_another_file_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "head.pth").write_bytes(b"anything")
    with pytest.raises(SdevalError, match="is not the published LAION aesthetic head"):
        create("aesthetic", MetricOptions(aesthetic_weights=str(tmp_path / "head.pth")))


def test_a_file_of_other_layers_is_one_line(tmp_path: Path) -> None:
    published = saved(head(16)[:3], tmp_path / "head.pth")
    with pytest.raises(SdevalError, match=r"aesthetic_weights .*: does not load: 'layers.4.weight'"):
        read_head(tmp_path / "head.pth", published)


def test_the_clip_is_that_of_the_head_whatever_the_suite_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []
    monkeypatch.setattr(module, "HEAD", saved(head(16), tmp_path / "head.pth"))
    monkeypatch.setattr(module, "read_head", lambda path: [])
    monkeypatch.setattr(module, "load_clip", lambda name, device: names.append(name))
    create("aesthetic", MetricOptions(clip_model="shapes", aesthetic_weights=str(tmp_path / "head.pth")))
    assert names == ["ViT-L-14/openai"]


@pytest.mark.skipif(not PUBLISHED.is_file(), reason="SDEVAL_AESTHETIC_HEAD names no file")
def test_the_published_head_takes_features_of_clip_vit_l14() -> None:
    layers = read_head(PUBLISHED)
    assert [weights.shape for weights, _ in layers] == [(1024, 768), (128, 1024), (64, 128), (16, 64), (1, 16)]
    features = np.random.default_rng(0).normal(size=(64, 768)).astype(np.float32)
    # Features that are no image's lie near the mean of all ratings.
    assert 0 < np.mean(aesthetic(features, layers)) < 10
