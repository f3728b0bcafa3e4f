"""Runs of mosaics, which are generated in no time, for tests of scoring."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sdeval.config.case import Case, Sample
from sdeval.config.suite import Suite
from sdeval.evaluation.score import score
from sdeval.imaging.io import pixel_hash, write_png
from sdeval.metrics import GeneratedImage, MetricInfo
from sdeval.results.records import SampleResult
from sdeval.results.run import Run, Stored
from tests.conftest import make_run

INFO = MetricInfo(name="clip_score", title="by hand", unit="", higher_is_better=True, tolerance=1.0)


def mosaic(case: int, seed: int, size: int = 32, version: int = 0) -> Image.Image:
    """An image of its own for every case, seed and version."""
    cells = np.random.default_rng([case, seed]).integers(0, 240, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(cells + np.uint8(version)).resize((size, size), Image.Resampling.NEAREST)


@dataclass(frozen=True)
class Generated:
    """A run that was generated and not scored."""

    run: Run
    suite: Suite
    samples: Sequence[Sample]
    folder: Path

    def score(self, *metrics: str, baseline: Stored | None = None) -> Run:
        """The run, scored."""
        suite = replace(self.suite, metrics=metrics)
        return score(self.run, suite, self.samples, self.folder, "cpu", baseline)

    @property
    def stored(self) -> Stored:
        """The run as the baseline of another one."""
        return Stored(self.run, self.folder)


def generate(
    folder: Path,
    *,
    cases: int = 3,
    seeds: int = 2,
    size: int = 32,
    version: int = 0,
    init: Path | None = None,
    changed: Callable[[SampleResult], bool] = lambda _: True,
) -> Generated:
    """A run of mosaics.

    Args:
        folder: where images go.
        cases: how many.
        seeds: of each case.
        size: width and height in pixels.
        version: of the images.
        init: the init image of all cases, of an img2img suite.
        changed: the samples that are of this version; others are of version 0.
    """
    plain = make_run(np.zeros((cases, seeds)))
    results = []
    for sample in plain.samples:
        image = mosaic(int(sample.case[5:]), sample.seed, size, version if changed(sample) else 0)
        write_png(folder / sample.image, image)
        results.append(replace(sample, sha256=pixel_hash(image), width=size, height=size, scores={}))
    suite = Suite(
        name="animals",
        task="img2img" if init else "text2img",
        cases=tuple(Case(id=f"case-{n}", prompt=f"prompt {n}", image=init) for n in range(cases)),
        seeds=tuple(range(seeds)),
        metric_options={"clip_model": "shapes"},
    )
    run = replace(plain, samples=tuple(results), metrics={}, task=suite.task)
    return Generated(run, suite, suite.samples, folder)


class ByHand:
    """A metric whose `score` is a function of an image."""

    version = "1"

    def __init__(self, function: Callable[[GeneratedImage], float], **facts: object) -> None:
        self.info = replace(INFO, **facts)
        self._function = function

    def score(self, images: Sequence[GeneratedImage]) -> list[float]:
        return [self._function(image) for image in images]


class BySummary(ByHand):
    """A metric of which each image is summarised by a function, and the score is the number of summaries."""

    def __init__(self, function: Callable[[GeneratedImage], object]) -> None:
        super().__init__(lambda _: 0.0, alone=False)
        self._summary = function

    def summarise(self, images: Sequence[GeneratedImage]) -> list[object]:
        return [self._summary(image) for image in images]

    def score_summaries(self, summaries: Sequence[object], cases: Sequence[str]) -> list[float]:
        return [float(len(summaries))] * len(cases)


def use(monkeypatch: pytest.MonkeyPatch, metric: object) -> None:
    """Put a metric in the place of all."""
    monkeypatch.setattr("sdeval.evaluation.score.create", lambda name, options: metric)


def scores(run: Run, metric: str = "clip_score") -> list[float | None]:
    """The scores of a metric, sample by sample; None where there is none."""
    return [sample.scores.get(metric) for sample in run.samples]


def reasons(run: Run, metric: str = "clip_score") -> list[str]:
    """Why samples have no score; empty where they have one."""
    return [sample.reasons.get(metric, "") for sample in run.samples]
