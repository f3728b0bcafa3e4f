"""LPIPS against its definition written out, on random AlexNet weights and the published linear heads."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torchmetrics.functional.image.lpips as heads
import torchvision
from PIL import Image

from sdeval import Case, NotAvailable, SdevalError
from sdeval.metrics import GeneratedImage
from sdeval.metrics.features.weights import Published
from sdeval.metrics.lpips import ALEXNET, Lpips

CASE = Case(id="a", prompt="a circle")
LAYERS = (1, 4, 7, 9, 11)
"""Those of AlexNet behind each rectifier."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A torch home with an AlexNet whose convolutions are random; what follows them is not used, and small on disk."""
    folder = tmp_path_factory.mktemp("torch")
    torch.manual_seed(0)
    with torch.device("meta"):
        shapes = {name: each.shape for name, each in torchvision.models.alexnet().state_dict().items()}
    state = {
        name: torch.randn(shape) * 0.03 if name.startswith("features") else torch.zeros(1).expand(shape)
        for name, shape in shapes.items()
    }
    path = folder / "hub" / "checkpoints" / "alexnet-owt-7be5be79.pth"
    path.parent.mkdir(parents=True)
    torch.save(state, path)
    return folder


@pytest.fixture
def backbone(home: Path, monkeypatch: pytest.MonkeyPatch) -> Published:
    """The published file, with the digest of the random weights."""
    monkeypatch.setenv("TORCH_HOME", str(home))
    return replace(ALEXNET, sha256=hashlib.sha256(ALEXNET.path.read_bytes()).hexdigest())


def written_out(one: np.ndarray, other: np.ndarray, weights: Path) -> float:
    """Zhang et al. 2018, equation 1."""
    network = torchvision.models.alexnet()
    network.load_state_dict(torch.load(weights))
    linear = torch.load(Path(heads.__file__).parent / "lpips_models" / "alex.pth", map_location="cpu")
    mean, deviation = (torch.tensor(each).view(3, 1, 1) for each in ((-0.03, -0.088, -0.188), (0.458, 0.448, 0.45)))
    values = [(torch.tensor(each).permute(2, 0, 1) / 127.5 - 1 - mean)[None] / deviation for each in (one, other)]
    total = 0.0
    for number, layer in enumerate(network.features[: LAYERS[-1] + 1]):
        with torch.no_grad():
            values = [layer(each) for each in values]
        if number in LAYERS:
            a, b = (each[0].numpy() / np.sqrt((each[0].numpy() ** 2).sum(axis=0) + 1e-8) for each in values)
            weight = linear[f"lin{LAYERS.index(number)}.model.1.weight"].numpy().reshape(-1, 1, 1)
            total += float((weight * (a - b) ** 2).sum(axis=0).mean())
    return total


def pixels(rng: np.random.Generator, height: int = 48, width: int = 64) -> np.ndarray:
    return rng.integers(0, 256, size=(height, width, 3), dtype=np.uint8)


def test_it_is_the_definition_written_out(backbone: Published, rng: np.random.Generator) -> None:
    one, other = pixels(rng), pixels(rng)
    expected = written_out(one, other, backbone.path)
    assert expected > 0.01
    pair = (Image.fromarray(one), Image.fromarray(other))
    metric = Lpips("cpu", backbone)
    assert metric.score([GeneratedImage(pair[0], CASE, pair=pair)] * 2) == pytest.approx([expected] * 2, rel=1e-4)


def test_identical_images_are_at_no_distance(backbone: Published, rng: np.random.Generator) -> None:
    one = pixels(rng, 31, 31)
    assert Lpips("cpu", backbone).distance(one, one) == 0


@pytest.mark.parametrize(
    ("size", "message"), [((64, 48), "sizes differ"), ((48, 30), "30x48 pixels are too few; LPIPS takes 31 each way")]
)
def test_what_has_no_distance_is_refused(
    backbone: Published, rng: np.random.Generator, size: tuple[int, int], message: str
) -> None:
    one = pixels(rng) if message == "sizes differ" else pixels(rng, *size)
    with pytest.raises(ValueError, match=message):
        Lpips("cpu", backbone).distance(one, pixels(rng, *size))


def test_missing_weights_say_where_they_belong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(NotAvailable) as found:
        Lpips("cpu")
    assert str(found.value) == (
        "AlexNet weights are not on this machine; get them with: curl -L --create-dirs -o "
        f"{tmp_path}/hub/checkpoints/alexnet-owt-7be5be79.pth"
        " https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"
    )


def test_weights_that_are_not_the_published_ones_are_never_opened(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(home))
    with pytest.raises(SdevalError, match="is not the published AlexNet"):
        Lpips("cpu")
