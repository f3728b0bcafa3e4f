"""Generates the batches of a plan into a folder; what comes of it is a run without scores. Knows no metrics."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from sdeval._utils.files import write_bytes
from sdeval._utils.truncation import unread_note
from sdeval.config.suite import Case, Sample
from sdeval.engines import hardware
from sdeval.engines.engine import Engine, notes, prepare, unread
from sdeval.engines.generated import Generated
from sdeval.errors import CallFailed
from sdeval.evaluation.calls import Call, Calls
from sdeval.evaluation.image_texts import ImageTexts
from sdeval.evaluation.plan import Plan
from sdeval.evaluation.self_check import MOST_VARIED, Consistency, SelfCheck, variety_of
from sdeval.imaging.defects import defect_of, measure
from sdeval.imaging.io import MAX_PIXELS, has_thumbnail, pixel_hash, png_bytes, thumbnail_bytes, to_pixels
from sdeval.results.image_pool import write_shared
from sdeval.results.inputs import keep_inputs
from sdeval.results.journal import Journal
from sdeval.results.records import Safety, SampleResult, Timing, thumbnail_of
from sdeval.results.run import BATCH_CONSISTENCY, LOAD, MIXED, PASSING, Run

_SAFETY: Mapping[bool | None, Safety] = {None: "", False: "passed", True: "flagged"}
"""What is kept of the flag of an image."""
ENCODERS = 4
"""Images that are encoded, hashed and written at a time, while an accelerator generates."""

MOST_DEATHS = 2
"""Processes of one test run that a sample may end until it is not tried any more."""


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
        prepare(engine, plan.suite, plan.settings)
        done = earlier.samples if earlier else ()
        unscored = (replace(sample, scores={}, reasons={}, readings={}, inapplicable={}) for sample in done)
        self._results = {sample.key: sample for sample in unscored}
        self._timings = dict(earlier.timings) if earlier else {}
        known = earlier.environment if earlier else {}
        self._checked: dict[str, Any] = (
            {BATCH_CONSISTENCY: known[BATCH_CONSISTENCY]} if BATCH_CONSISTENCY in known else {}
        )
        self._journal = Journal(folder, facts_of(plan, engine)) if plan.journal else None
        self._suspects: set[tuple[str, int]] = set()
        """Samples of calls that ended a process: which of them it was is found out one by one."""
        self._recall()
        self._calls = Calls(plan, engine, self._journal)
        self._checked_variety = MOST_VARIED if self._checked else -1
        self._generate_alone_if_mixed()
        self.resumed = len(self._results) - len(done)
        """Images that an interrupted session had generated."""
        self._call = 1 + max((timing.call for timing in self._timings.values()), default=-1)
        self._texts: ImageTexts | None = None
        self._encoders = encoders(engine.device)
        self._encoded: list[Future[SampleResult]] = []
        reset_peak_memory()

    def __exit__(self, *_: object) -> None:
        """Wait for images that are being encoded; what is not begun is dropped."""
        if self._encoders is not None:
            self._encoders.shutdown(cancel_futures=True)

    def _recall(self) -> None:
        """Take from the journal what a stopped session generated."""
        if self._journal is None:
            return
        request = {(sample.case.id, sample.seed): self._plan.fingerprint(sample) for sample in self._plan.samples}
        before = self._journal.recall(request)
        self._results = {**before.samples, **self._results}
        self._timings = {**before.timings, **self._timings}
        if before.self_check and not self._checked:
            self._checked = {BATCH_CONSISTENCY: before.self_check}
        for sample in self._plan.samples:
            key = sample.case.id, sample.seed
            if key in before.deaths and key not in self._results:
                self._suspects.add(key)
                # The next process would end there as well, and so on, until nobody generates the others.
                if before.deaths[key] >= MOST_DEATHS:
                    reason = f"{before.deaths[key]} processes ended while they generated it"
                    self._results[key] = self._failed_result(sample, reason)

    def batches(self) -> Iterator[list[Sample]]:
        """Samples that are still to be generated, as many at a time as go into one call."""
        return self._plan.batches(batch_size(self._plan, self._engine), done=set(self._results))

    def generate(self, batch: list[Sample]) -> None:
        """Generate one batch; on an accelerator its images are encoded while the next one is generated."""
        for call in self._calls_of(batch):
            if self._needs_check(call):
                self._check(call)
            for single in self._calls.of(call.samples) if self._calls.largest == 1 < len(call.images) else (call,):
                # At most two batches are in memory, however many there are.
                self._collect_encoded()
                self._keep(single)

    def _calls_of(self, batch: Sequence[Sample]) -> Iterator[Call]:
        """Calls for a batch; what may end this process is generated alone, after the others."""
        suspects = [sample for sample in batch if (sample.case.id, sample.seed) in self._suspects]
        others = [sample for sample in batch if sample not in suspects]
        for part in (others, *([sample] for sample in suspects)):
            yield from self._calls.of(part)

    def _needs_check(self, call: Call) -> bool:
        """Whether this call has more that could be mixed than those that were checked.

        Images of one case have nothing: they are checked where there will be no others.
        """
        if not self._plan.self_check or not call.images:
            return False
        variety = variety_of(call.samples)
        return variety > self._checked_variety and (variety > 0 or not any(map(variety_of, self.batches())))

    def _check(self, call: Call) -> None:
        """Find out whether an image depends on its batch, or on chance; of a batch that is mixed nothing is kept."""
        check = SelfCheck(self._engine, self._plan.suite.task, self._plan.settings)
        try:
            result = check.check(call.images)
        except CallFailed:
            # Another one will do.
            return
        self._checked_variety = variety_of(call.samples)
        worst = max(result, self._checked.get(BATCH_CONSISTENCY, result), key=get_args(Consistency).index)
        self._checked = {BATCH_CONSISTENCY: worst}
        if self._journal:
            self._journal.add_check(worst)
        self._generate_alone_if_mixed()

    def _generate_alone_if_mixed(self) -> None:
        if self._checked.get(BATCH_CONSISTENCY) == MIXED:
            self._calls.largest = 1

    def _keep(self, call: Call) -> None:
        """Keep what came of one call of the engine."""
        if call.images and self._texts is None:
            # Here, for the engine says what runs once it has generated, and not while it generates.
            self._texts = ImageTexts.of_run(self._plan, self._engine)
        for image in call.images:
            self._timings[image.sample.case.id, image.sample.seed] = timing_of(image, self._call, len(call.images))
        self._call += 1
        failed = [self._failed_result(sample, call.failures[sample.name]) for sample in call.samples if call.failures]
        # Not into the journal: a session that is resumed tries them again.
        self._results.update({result.key: result for result in failed})
        if self._encoders is None:
            self._record([self._write_image(image) for image in call.images])
        else:
            self._encoded = [self._encoders.submit(self._write_image, image) for image in call.images]

    def _collect_encoded(self) -> None:
        """Wait until the images of the batch before are on disk."""
        encoded, self._encoded = self._encoded, []
        self._record([future.result() for future in encoded])

    def _record(self, results: list[SampleResult]) -> None:
        self._results.update({result.key: result for result in results})
        images = [result for result in results if result.image]
        if self._journal and images:
            self._journal.add(images, self._timings)

    def _failed_result(self, sample: Sample, reason: str) -> SampleResult:
        """The record of a sample of which there is no image."""
        return SampleResult(
            case=sample.case.id,
            seed=sample.seed,
            prompt=sample.case.prompt,
            fingerprint=self._plan.fingerprint(sample),
            sha256="",
            image="",
            failure=_with_origin(reason, sample.case),
        )

    def _write_image(self, generated: Generated) -> SampleResult:
        """The record of one image, once it is on disk."""
        sample, image = generated.sample, generated.image
        if image.width * image.height > MAX_PIXELS:
            size = f"{image.width}x{image.height}"
            return self._failed_result(sample, f"the image has {size} pixels; at most {MAX_PIXELS} are allowed")
        path = f"images/{sample.name}.png"
        # Before the image: an image that is there when a session is resumed has its thumbnail.
        if has_thumbnail(image):
            write_bytes(self._folder / thumbnail_of(path), thumbnail_bytes(image))
        texts = self._texts.of(sample, image.size) if self._texts else {}
        write_shared(self._folder / path, png_bytes(image, texts), self._plan.image_pool)
        measures = measure(to_pixels(image))
        request = self._plan.size(sample)
        sizes = (image.size, request) if request else None
        finding = defect_of(measures, finite=generated.finite, flagged=bool(generated.flagged), size=sizes)
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
            safety=_SAFETY[generated.flagged],
            measures=measures.as_dict(),
        )

    def _self_check_notes(self) -> list[str]:
        """Notes on the self-check: images that depend on their batch, or on chance."""
        name = self._plan.target.name
        where, result = f"{self._plan.suite.name} on {name}", self._checked.get(BATCH_CONSISTENCY)
        if result == MIXED:
            return [
                f"{where}: images of one batch showed something of each other, so that each was generated by itself; "
                "to do so from the start: --sdeval-batch-size 1"
            ]
        if result == "changed":
            return [
                f"{where}: an image that was generated again alone came out different; images depend on their batch, "
                f"or on chance. To find out: sdeval doctor --target {name}"
            ]
        return []

    def _unread_notes(self) -> list[str]:
        """What the model does not read of prompts that are too long for it."""
        plan, ids = self._plan, self._plan.cases
        texts = {case.id: case.prompt for case in plan.suite.cases if case.id in ids}
        texts |= {f"{case.id} (negative)": case.negative_prompt for case in plan.suite.cases if case.id in ids}
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
            environment={**engine.environment, **self._checked, **_load()},
            timings=self._timings,
            load_seconds=engine.load_seconds,
            # Of a server, only the memory of who asks it would be known.
            peak_memory_bytes=0 if plan.target.is_server else peak_memory_bytes(),
            peak_reserved_bytes=0 if plan.target.is_server else peak_reserved_bytes(),
            notes=(*plan.notes, *self._calls.notes, *self._self_check_notes(), *self._unread_notes(), *notes(engine)),
            cases=keep_inputs(
                (case for case in plan.suite.cases if case.id in cases), self._folder, self._plan.image_pool
            ),
        )


def _load() -> dict[str, str]:
    """What else uses the machine now; empty where nothing is known to."""
    load = hardware.busy()
    return {LOAD: load} if load else {}


def _with_origin(reason: str, case: Case) -> str:
    """A reason with the line of the file that the case was read from, as it is called from here."""
    if not case.origin:
        return reason
    path, _, line = case.origin.rpartition(":")
    return f"{reason} ({os.path.relpath(path)}:{line})"


def facts_of(plan: Plan, engine: Engine) -> dict[str, Any]:
    """What images depend on besides cases and seeds: target, digests of its files, settings, versions and hardware."""
    environment = {name: value for name, value in engine.environment.items() if name not in PASSING}
    return {
        "target": plan.target.describe(),
        "generated_by": engine.describe(plan.suite.task),
        "settings": dict(plan.settings),
        "environment": environment,
    }


def batch_size(plan: Plan, engine: Engine) -> int:
    """Images in one call: what the plan asks for, and never more than what the engine does well."""
    return min(plan.target.batch_size, engine.batch_size)


def time_calls(plan: Plan, engine: Engine, calls: int) -> dict[tuple[str, int], Timing]:
    """Times of the first calls of a plan; nothing is kept of what they generate, and one that fails has no time."""
    timings = {}
    for call, batch in zip(range(calls), plan.batches(batch_size(plan, engine)), strict=False):
        try:
            images = engine.generate(plan.suite.task, batch, plan.settings)
        except CallFailed:
            continue
        for generated in images:
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
