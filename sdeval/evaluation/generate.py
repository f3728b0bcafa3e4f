"""Generates the batches of a plan into a folder; what comes of it is a run without scores. Knows no metrics."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sdeval._utils.truncation import unread_note
from sdeval.config.suite import Sample
from sdeval.engines.engine import Engine, unread
from sdeval.engines.generated import Generated
from sdeval.evaluation.plan import Plan
from sdeval.imaging.defects import defect_of, measure
from sdeval.imaging.io import pixel_hash, to_pixels, write_png
from sdeval.imaging.similarity import image_change
from sdeval.results.inputs import keep_inputs
from sdeval.results.journal import Journal
from sdeval.results.records import SampleResult, Timing
from sdeval.results.run import BATCH_CONSISTENCY, PASSING, Run

ENCODERS = 4
"""Images that are encoded, hashed and written at a time, while an accelerator generates."""


def encoders(device: str) -> ThreadPoolExecutor | None:
    """Threads that encode images while the next ones are generated; none on a CPU, which they would only slow down."""
    return ThreadPoolExecutor(ENCODERS) if device != "cpu" else None


class Generation(AbstractContextManager["Generation"]):
    """A plan of which images are being generated; leaving it lets go of the threads that encode them.

    Args:
        plan: what to generate.
        engine: what generates.
        folder: where images go.
        earlier: a run of some of these samples, in the same folder; they are not generated again.
    """

    def __init__(self, plan: Plan, engine: Engine, folder: Path, earlier: Run | None = None) -> None:
        self._plan = plan
        self._engine = engine
        self._folder = folder
        done = earlier.samples if earlier else ()
        self._results = {each.key: replace(each, scores={}, reasons={}) for each in done}
        self._timings = dict(earlier.timings) if earlier else {}
        known = earlier.environment if earlier else {}
        self._checked: dict[str, Any] = (
            {BATCH_CONSISTENCY: known[BATCH_CONSISTENCY]} if BATCH_CONSISTENCY in known else {}
        )
        self._journal = Journal(folder, facts_of(plan, engine)) if plan.journal else None
        self._recall()
        self.resumed = len(self._results) - len(done)
        """Images that an interrupted session had generated."""
        self._call = 1 + max((each.call for each in self._timings.values()), default=-1)
        self._encoders = encoders(engine.device)
        self._encoded: list[Future[SampleResult]] = []
        reset_peak_memory()

    def __exit__(self, *_: object) -> None:
        """Wait for images that are being encoded; what is not begun is dropped."""
        if self._encoders is not None:
            self._encoders.shutdown(cancel_futures=True)

    def _recall(self) -> None:
        """Go on where a killed session stopped."""
        if self._journal is None:
            return
        request = {(each.case.id, each.seed): self._plan.fingerprint(each) for each in self._plan.samples}
        before = self._journal.recall(request)
        self._results = {**before.samples, **self._results}
        self._timings = {**before.timings, **self._timings}
        if before.self_check and not self._checked:
            self._checked = {BATCH_CONSISTENCY: before.self_check}

    def batches(self) -> Iterator[list[Sample]]:
        """Samples that are still to be generated, as many at a time as go into one call."""
        return self._plan.batches(self._engine.batch_size, done=set(self._results))

    def generate(self, batch: list[Sample]) -> None:
        """Generate one batch; on an accelerator its images are encoded while the next one is generated."""
        generated = self._engine.generate(self._plan.suite.task, batch, self._plan.settings)
        # At most two batches are in memory, however many there are.
        self._collect_encoded()
        for image in generated:
            self._timings[image.sample.case.id, image.sample.seed] = timing_of(image, self._call, len(batch))
        self._call += 1
        if self._encoders is None:
            self._record([self._written(image) for image in generated])
        else:
            self._encoded = [self._encoders.submit(self._written, image) for image in generated]
        if self._plan.self_check and not self._checked:
            self._checked = {BATCH_CONSISTENCY: self._generated_alone(generated[0])}
            if self._journal:
                self._journal.add_check(self._checked[BATCH_CONSISTENCY])

    def _collect_encoded(self) -> None:
        """Wait until the images of the batch before are on disk."""
        encoded, self._encoded = self._encoded, []
        self._record([future.result() for future in encoded])

    def _record(self, results: list[SampleResult]) -> None:
        self._results.update({result.key: result for result in results})
        if self._journal and results:
            self._journal.add(results, self._timings)

    def _written(self, generated: Generated) -> SampleResult:
        """The record of one image, once it is on disk."""
        sample, image = generated.sample, generated.image
        path = f"images/{sample.name}.png"
        write_png(self._folder / path, image)
        measures = measure(to_pixels(image))
        request = self._plan.size(sample)
        sizes = (image.size, request) if request else None
        finding = defect_of(measures, finite=generated.finite, flagged=generated.flagged, size=sizes)
        return SampleResult(
            case=sample.case.id,
            seed=sample.seed,
            prompt=sample.case.prompt,
            fingerprint=self._plan.fingerprint(sample),
            sha256=pixel_hash(image),
            image=path,
            width=image.width,
            height=image.height,
            defect=finding.defect if finding else "",
            detail=finding.detail if finding else "",
            measures=measures.as_dict(),
        )

    def _generated_alone(self, generated: Generated) -> str:
        """One sample once more, by itself: whether images depend on their batch, or on chance."""
        again = self._engine.generate(self._plan.suite.task, [generated.sample], self._plan.settings)[0]
        return image_change(to_pixels(generated.image), to_pixels(again.image))

    def _told(self) -> list[str]:
        """What a reader must know of the self-check."""
        if self._checked.get(BATCH_CONSISTENCY) != "changed":
            return []
        name = self._plan.target.name
        return [
            f"{self._plan.suite.name} on {name}: an image that was generated again alone came out different; images "
            f"depend on their batch, or on chance. To find out: sdeval doctor --target {name}"
        ]

    def _unread(self) -> list[str]:
        """What the model does not read of prompts that are too long for it."""
        plan, ids = self._plan, self._plan.cases
        texts = {case.id: case.prompt for case in plan.suite.cases if case.id in ids}
        texts |= {f"{each.id} (negative)": each.negative_prompt for each in plan.suite.cases if each.id in ids}
        parts = unread(self._engine, plan.suite.task, dict.fromkeys(texts.values()), plan.settings)
        cut = {name: parts[text] for name, text in texts.items() if text in parts}
        advice = "images do not depend on it: shorten them, or what matters comes first"
        return [unread_note(f"{plan.suite.name}: {plan.target.name}", cut, advice)] if cut else []

    def run(self) -> Run:
        """What was generated, in the order of the suite, without scores."""
        self._collect_encoded()
        plan, engine = self._plan, self._engine
        # Its settings are among what is asked, together with the suite's.
        generated_by = {**plan.target.describe(), **engine.describe(plan.suite.task)}
        del generated_by["settings"]
        cases = plan.cases
        return Run(
            suite=plan.suite.name,
            task=plan.suite.task,
            target=plan.target.name,
            request={
                "cases": len(plan.suite.cases),
                "seeds": list(plan.suite.seeds),
                "rounds": [list(seeds) for seeds in plan.rounds or (plan.suite.seeds,)],
                "settings": dict(plan.settings),
                "unscored": dict(plan.unscored),
            },
            generated_by=generated_by,
            metrics={},
            samples=tuple(self._results[sample.case.id, sample.seed] for sample in plan.samples),
            complete=plan.complete,
            environment={**engine.environment, **self._checked},
            timings=self._timings,
            load_seconds=engine.load_seconds,
            peak_memory_bytes=peak_memory_bytes(),
            peak_reserved_bytes=peak_reserved_bytes(),
            notes=(*plan.notes, *self._told(), *self._unread()),
            cases=keep_inputs((case for case in plan.suite.cases if case.id in cases), self._folder),
        )


def facts_of(plan: Plan, engine: Engine) -> dict[str, Any]:
    """What images depend on besides cases and seeds: target, digests of its files, settings, versions and hardware."""
    environment = {name: value for name, value in engine.environment.items() if name not in PASSING}
    return {
        "target": plan.target.describe(),
        "generated_by": engine.describe(plan.suite.task),
        "settings": dict(plan.settings),
        "environment": environment,
    }


def time_calls(plan: Plan, engine: Engine, calls: int) -> dict[tuple[str, int], Timing]:
    """Times of the first calls of a plan; nothing is kept of what they generate."""
    timings = {}
    for call, batch in zip(range(calls), plan.batches(engine.batch_size), strict=False):
        for generated in engine.generate(plan.suite.task, batch, plan.settings):
            timings[generated.sample.case.id, generated.sample.seed] = timing_of(generated, call, len(batch))
    return timings


def timing_of(generated: Generated, call: int, images: int) -> Timing:
    """A sample's share of its call."""
    stages = generated.stages
    if stages is None:
        return Timing(call=call, seconds=generated.seconds, warming=generated.warming)
    return Timing(
        call=call,
        seconds=generated.seconds,
        encode=stages.encode / images,
        denoise=stages.denoise / images,
        decode=stages.decode / images,
        steps=stages.steps,
        warming=generated.warming,
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
