"""Draws what a plan asks, has it scored, and leaves a run on disk. Drawing knows no scores."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sdeval import environment, health, metrics
from sdeval import run as runs
from sdeval.drift import drift
from sdeval.images import open_rgb, pixel_hash, to_pixels, write_png
from sdeval.pipelines.draw import batches
from sdeval.pipelines.drawn import Drawn
from sdeval.pipelines.engines import Engine, fitting_settings
from sdeval.run import SELF_CHECK, Run, SampleResult, Stored, Timing
from sdeval.score import score
from sdeval.suite import Sample, Suite, added_seeds, fingerprint
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
    self_check: bool = True
    """Whether one sample is drawn again by itself, which costs as much as one picture more."""
    looks: tuple[tuple[int, ...], ...] = ()
    """Seeds of each look that the suite allows; the plan may be for one of the first."""
    notes: tuple[str, ...] = ()
    """What a reader of the verdicts must know besides."""

    @property
    def complete(self) -> bool:
        """Whether the plan is the whole suite."""
        return len(self.samples) == len(self.suite.samples)

    def batches(self, size: int, done: Collection[tuple[str, int]] = ()) -> Iterator[list[Sample]]:
        """Samples to draw together. Looks share no batch, so that pictures never depend on how many there are."""
        for seeds in added_seeds(self.looks or (self.suite.seeds,)):
            wanted = [s for s in self.samples if s.seed in seeds and (s.case.id, s.seed) not in done]
            yield from batches(wanted, size)

    def size(self, sample: Sample) -> tuple[int, int] | None:
        """Width and height asked of a sample: the settings', or the init image's."""
        width, height = self.settings.get("width"), self.settings.get("height")
        if width and height:
            return (width, height)
        return open_rgb(sample.case.image).size if sample.case.image else None

    def fingerprint(self, sample: Sample) -> str:
        """Hash of what is asked of a sample."""
        return fingerprint(sample, *(self.size(sample) or (None, None)))


def make_plan(
    suite: Suite,
    target: Target,
    *,
    cases: Collection[str] | None = None,
    seeds: tuple[int, ...] | None = None,
    missing: Mapping[str, Exception] = MappingProxyType({}),
) -> Plan:
    """What drawing a suite with a target comes to, once their settings are put together.

    Args:
        suite: what is asked; its strength is for cases that have none of their own.
        target: what draws; its strength is for all cases.
        cases: ids of those to draw; all where None.
        seeds: those to draw, one of the suite's looks or others; its first look where None.
        missing: metrics that cannot be computed here, and why.
    """
    overrides = fitting_settings(target, suite.task)
    strength = overrides.pop("strength", None)
    settings = {**suite.settings, **overrides}
    default = settings.pop("strength", None)
    reduced = replace(
        suite,
        seeds=seeds or suite.seeds,
        max_seeds=None,
        settings=settings,
        cases=tuple(replace(case, strength=_first(strength, case.strength, default)) for case in suite.cases),
        metrics=tuple(name for name in suite.metrics if name not in missing),
        tolerances={name: value for name, value in suite.tolerances.items() if name not in missing},
    )
    samples = tuple(sample for sample in reduced.samples if cases is None or sample.case.id in cases)
    unscored = {name: str(error) for name, error in missing.items() if metrics.info(name).judged}
    # Seeds that are none of the suite's own are looked at once.
    looks = suite.looks if reduced.seeds in suite.looks else (reduced.seeds,)
    return Plan(reduced, target, samples, settings, unscored, looks=looks)


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


def evaluate(
    plan: Plan,
    engine: Engine,
    folder: Path,
    baseline: Stored | None = None,
    progress: Progress = lambda _: None,
    earlier: Run | None = None,
) -> Run:
    """Draw and score a plan, and write the run into `folder`.

    Scores and features of pictures that are the baseline's to the last bit are taken from it.

    Args:
        plan: what to draw.
        engine: what draws.
        folder: where the run goes.
        baseline: what was accepted for this suite and target.
        progress: told how many more pictures are done.
        earlier: a run of some of these samples, in the same folder; they are not drawn again.
    """
    drawn = draw_samples(plan, engine, folder, progress, earlier)
    run = score(drawn, plan.suite, plan.samples, folder, engine.device, baseline)
    runs.write(run, folder)
    return run


def draw_samples(plan: Plan, engine: Engine, folder: Path, progress: Progress, earlier: Run | None = None) -> Run:
    """Draw every sample of a plan into `folder`: a run without scores, in the order of the suite."""
    # Its settings are among what is asked, together with the suite's.
    drawn_by = {**plan.target.describe(), **engine.describe(plan.suite.task)}
    del drawn_by["settings"]
    results = {each.key: replace(each, scores={}, reasons={}) for each in earlier.samples} if earlier else {}
    timings = dict(earlier.timings) if earlier else {}
    checked = {SELF_CHECK: earlier.environment[SELF_CHECK]} if earlier and SELF_CHECK in earlier.environment else {}
    reset_peak_memory()
    first = 1 + max((each.call for each in timings.values()), default=-1)
    for call, batch in enumerate(plan.batches(engine.batch_size, done=set(results)), first):
        drawn = engine.draw(plan.suite.task, batch, plan.settings)
        for each in drawn:
            result = _result(plan, each, folder)
            results[result.key] = result
            timings[result.key] = _timing(each, call, len(batch))
        progress(len(batch))
        if plan.self_check and not checked:
            checked = {SELF_CHECK: _drawn_alone(drawn[0], engine, plan)}
    return Run(
        suite=plan.suite.name,
        task=plan.suite.task,
        target=plan.target.name,
        asked={
            "cases": len(plan.suite.cases),
            "seeds": list(plan.suite.seeds),
            "looks": [list(seeds) for seeds in plan.looks or (plan.suite.seeds,)],
            "settings": dict(plan.settings),
            "unscored": dict(plan.unscored),
        },
        drawn_by=drawn_by,
        metrics={},
        samples=tuple(results[sample.case.id, sample.seed] for sample in plan.samples),
        complete=plan.complete,
        environment={**environment.describe(), **checked},
        timings=timings,
        load_seconds=engine.load_seconds,
        peak_memory_bytes=peak_memory_bytes(),
        peak_reserved_bytes=peak_reserved_bytes(),
        notes=plan.notes,
    )


def time_calls(plan: Plan, engine: Engine, calls: int) -> dict[tuple[str, int], Timing]:
    """Times of the first calls of a plan; nothing is kept of what they draw."""
    timings = {}
    for call, batch in zip(range(calls), plan.batches(engine.batch_size), strict=False):
        for drawn in engine.draw(plan.suite.task, batch, plan.settings):
            timings[drawn.sample.case.id, drawn.sample.seed] = _timing(drawn, call, len(batch))
    return timings


def _drawn_alone(drawn: Drawn, engine: Engine, plan: Plan) -> str:
    """One sample once more, by itself: whether pictures depend on their batch, or on chance."""
    again = engine.draw(plan.suite.task, [drawn.sample], plan.settings)[0]
    return drift(to_pixels(drawn.picture), to_pixels(again.picture))


def _result(plan: Plan, drawn: Drawn, folder: Path) -> SampleResult:
    sample = drawn.sample
    image = f"images/{sample.name}.png"
    write_png(folder / image, drawn.picture)
    finding = health.examine(
        to_pixels(drawn.picture), finite=drawn.finite, flagged=drawn.flagged, size=plan.size(sample)
    )
    return SampleResult(
        case=sample.case.id,
        seed=sample.seed,
        prompt=sample.case.prompt,
        fingerprint=plan.fingerprint(sample),
        sha256=pixel_hash(drawn.picture),
        image=image,
        width=drawn.picture.width,
        height=drawn.picture.height,
        health=finding.defect if finding else "ok",
        detail=finding.detail if finding else "",
    )


def _timing(drawn: Drawn, call: int, pictures: int) -> Timing:
    """A sample's share of its call."""
    stages = drawn.stages
    if stages is None:
        return Timing(call=call, seconds=drawn.seconds, warming=drawn.warming)
    return Timing(
        call=call,
        seconds=drawn.seconds,
        encode=stages.encode / pictures,
        denoise=stages.denoise / pictures,
        decode=stages.decode / pictures,
        steps=stages.steps,
        warming=drawn.warming,
    )


def reset_peak_memory() -> None:
    """Forget what earlier runs held on the accelerator; what a process held cannot be forgotten."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak_reserved_bytes() -> int:
    """Largest memory that was reserved on the accelerator, if there is one."""
    import torch

    return int(torch.cuda.max_memory_reserved()) if torch.cuda.is_available() else 0


def peak_memory_bytes() -> int:
    """Largest memory held: by tensors on the accelerator if there is one, otherwise by this process."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
