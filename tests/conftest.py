"""What tests share: small runs, small images, and a small diffusers checkpoint built on the spot."""

from __future__ import annotations

import os

# Before torch comes in: idle threads sleep, and nothing looks for a hub.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ["HF_HUB_OFFLINE"] = "1"

import contextlib
import hashlib
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from sdeval.imaging.io import pixel_hash
from sdeval.results.records import MetricRecord, SampleResult, SetScore
from sdeval.results.run import Run

if TYPE_CHECKING:
    from sdeval.engines.diffusers_engine import LoadedTarget

# torchmetrics imports matplotlib where that is installed. pytester forgets what is first imported inside it, and a
# matplotlib that is imported twice does not know its own classes.
with contextlib.suppress(ImportError):
    import matplotlib.figure  # noqa: F401

# What tests cache is not found by sessions of this machine, nor the other way round.
_CACHES = tempfile.TemporaryDirectory(prefix="sdeval-caches-")
os.environ["SDEVAL_CACHE"] = _CACHES.name

pytest_plugins = ["pytester", "tests.stores.s3"]

ROOT = Path(__file__).parent.parent

CLIP_SCORE = MetricRecord(
    version="1", unit="points", higher_is_better=True, scope="sample", tolerance=0.5, tolerance_is_relative=False
)
FRECHET = MetricRecord(
    version="1", unit="", higher_is_better=False, scope="set", tolerance=0.1, tolerance_is_relative=True
)


IMAGES: dict[str, Image.Image] = {}
"""Images of runs that `make_run` has made, by the hash of their pixels."""


def image_with(value: float, size: int = 32) -> Image.Image:
    """An image of one colour, another one for every value."""
    colour = hashlib.sha256(repr(float(value)).encode()).digest()[:3]
    return Image.new("RGB", (size, size), tuple(colour))


def hash_with(value: float, size: int = 32) -> str:
    """The hash of the pixels of `image_with`, which `on_disk` can write from then on."""
    image = image_with(value, size)
    digest = pixel_hash(image)
    IMAGES[digest] = image
    return digest


def make_run(scores: np.ndarray, **changes: object) -> Run:
    """A run with CLIP scores `[cases, seeds]`."""
    samples = tuple(
        SampleResult(
            case=f"case-{case}",
            seed=seed,
            prompt=f"prompt {case}",
            fingerprint=f"asked-{case}-{seed}",
            sha256=hash_with(value),
            image=f"images/case-{case}@{seed}.png",
            scores={"clip_score": None if np.isnan(value) else float(value)},
            reasons={"clip_score": "it failed"} if np.isnan(value) else {},
        )
        for case, row in enumerate(scores)
        for seed, value in enumerate(row)
    )
    seeds = list(range(scores.shape[1]))
    run = Run(
        suite="animals",
        task="text2img",
        target="tiny",
        request={
            "cases": len(scores),
            "seeds": (seeds := list(range(scores.shape[1]))),
            "rounds": [seeds],
            "settings": {},
            "unscored": {},
        },
        generated_by={"model": "tiny"},
        metrics={"clip_score": CLIP_SCORE},
        samples=samples,
        complete=True,
    )
    return replace(run, **changes)


def with_features(run: Run, features: np.ndarray, value: float, reference: str = "real") -> Run:
    """The run with a Fréchet distance."""
    return replace(
        run,
        metrics={**run.metrics, "frechet_distance": FRECHET},
        features={"clip": features.astype(np.float32)},
        set_scores={
            "frechet_distance": SetScore(
                value=value, n=len(run.samples), extractor="clip", reference=reference, reference_n=9
            )
        },
    )


@pytest.fixture(autouse=True)
def _by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions behave as on a laptop, also where these tests run in CI: what is new passes, no summary is written.

    Nor do they share devices with other workers, where workers of pytest-xdist run these tests.
    """
    outside = ("CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT")
    for name in outside:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def image(rng: np.random.Generator) -> Image.Image:
    """A smooth, healthy 32x32 image."""
    rows, columns = np.mgrid[0:32, 0:32] / 31
    return Image.fromarray((np.stack([rows, columns, rows * columns], axis=-1) * 255).astype(np.uint8))


@pytest.fixture(scope="session")
def loaded() -> LoadedTarget:
    """The embedded model."""
    from sdeval.config.target_registry import shipped_targets
    from sdeval.engines.diffusers_engine import LoadedTarget

    return LoadedTarget(shipped_targets()["shapes"])


@pytest.fixture(scope="session")
def generated(loaded: LoadedTarget, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    """A run of `generated.plan()` and its folder."""
    from sdeval.evaluation.evaluate import evaluate
    from tests.generated import plan

    folder = tmp_path_factory.mktemp("run")
    return evaluate(plan(), loaded, folder), folder
