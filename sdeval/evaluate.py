"""Draws what a plan asks, has it scored, and leaves a run on disk. Drawing knows no scores."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sdeval import environment, health
from sdeval import run as runs
from sdeval.images import open_rgb, pixel_hash, to_pixels, write_png
from sdeval.pipelines.draw import Drawn, batches, draw
from sdeval.pipelines.load import LoadedTarget
from sdeval.run import Run, SampleResult, Stored
from sdeval.score import score
from sdeval.suite import Sample, Suite, fingerprint
from sdeval.target import Target

Progress = Callable[[int], None]
"""Told how many more pictures are done."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be drawn: some or all samples of a suite, by one target."""

    suite: Suite
    target: Target
    samples: tuple[Sample, ...]
    settings: Mapping[str, Any]
    """Arguments of the pipeline call."""
    unscored: Mapping[str, str] = field(default_factory=dict)
    """Metrics of the suite that cannot be computed on this machine, and why."""

    @property
    def complete(self) -> bool:
        """Whether the plan is the whole suite."""
        return len(self.samples) == len(self.suite.samples)

    def size(self, sample: Sample) -> tuple[int, int] | None:
        """Width and height asked of a sample: the settings', or the init image's."""
        width, height = self.settings.get("width"), self.settings.get("height")
        if width and height:
            return (width, height)
        return open_rgb(sample.case.image).size if sample.case.image else None


def evaluate(
    plan: Plan, loaded: LoadedTarget, folder: Path, baseline: Stored | None = None, progress: Progress = lambda _: None
) -> Run:
    """Draw and score a plan, and write the run into `folder`.

    Scores and features of pictures that are the baseline's to the last bit are taken from it.
    """
    drawn = draw_samples(plan, loaded, folder, progress)
    run = score(drawn, plan.suite, plan.samples, folder, loaded.device, baseline)
    runs.write(run, folder)
    return run


def draw_samples(plan: Plan, loaded: LoadedTarget, folder: Path, progress: Progress) -> Run:
    """Draw every sample of a plan into `folder`: a run without scores, in the order of the suite."""
    pipeline = loaded.pipeline(plan.suite.task)
    # Its settings are among what is asked, together with the suite's.
    drawn_by = {**plan.target.describe(), **loaded.describe(plan.suite.task)}
    del drawn_by["settings"]
    results: dict[Sample, SampleResult] = {}
    seconds: dict[tuple[str, int], float] = {}
    for batch in batches(plan.samples, plan.target.batch_size):
        for each in draw(pipeline, batch, plan.settings):
            results[each.sample] = _result(plan, each, folder)
            seconds[results[each.sample].key] = each.seconds
        progress(len(batch))
    return Run(
        suite=plan.suite.name,
        task=plan.suite.task,
        target=plan.target.name,
        asked={
            "cases": len(plan.suite.cases),
            "seeds": list(plan.suite.seeds),
            "settings": dict(plan.settings),
            "unscored": dict(plan.unscored),
        },
        drawn_by=drawn_by,
        metrics={},
        samples=tuple(results[sample] for sample in plan.samples),
        complete=plan.complete,
        environment=environment.describe(),
        seconds=seconds,
        peak_memory_bytes=peak_memory_bytes(),
    )


def _result(plan: Plan, drawn: Drawn, folder: Path) -> SampleResult:
    sample = drawn.sample
    image = f"images/{sample.name}.png"
    write_png(folder / image, drawn.picture)
    size = plan.size(sample)
    finding = health.examine(to_pixels(drawn.picture), finite=drawn.finite, flagged=drawn.flagged, size=size)
    return SampleResult(
        case=sample.case.id,
        seed=sample.seed,
        prompt=sample.case.prompt,
        fingerprint=fingerprint(sample, *(size or (None, None))),
        sha256=pixel_hash(drawn.picture),
        image=image,
        health=finding.defect if finding else "ok",
        detail=finding.detail if finding else "",
    )


def peak_memory_bytes() -> int:
    """Largest memory this process has held: on the accelerator if there is one, otherwise resident."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
