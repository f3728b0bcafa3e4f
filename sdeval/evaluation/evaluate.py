"""Generates what plans ask, has it scored, and leaves runs on disk."""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path

from sdeval.engines.engine import Engine
from sdeval.evaluation.calls import CallLimit
from sdeval.evaluation.generate import Generation
from sdeval.evaluation.plan import Plan
from sdeval.evaluation.score import Scored, score
from sdeval.results import run_folder
from sdeval.results.run import AGAINST, Run, Stored

Progress = Callable[[int], None]
"""Told how many more images are done."""


def evaluate(
    plan: Plan,
    engine: Engine,
    folder: Path,
    baseline: Stored | None = None,
    progress: Progress = lambda _: None,
    earlier: Run | None = None,
    limit: CallLimit | None = None,
) -> Run:
    """Generate and score a plan, and write the run into `folder`.

    Scores and features of images that are the baseline's to the last bit are taken from it.

    Args:
        plan: what to generate.
        engine: what generates.
        folder: where the run goes.
        baseline: what was accepted for this suite and target.
        progress: called with how many more images are done.
        earlier: a run of some of these samples, in the same folder; they are not generated again.
        limit: what is known of the target's memory.
    """
    return score_and_write(
        generate(plan, engine, folder, progress, earlier, limit), plan, folder, engine.device, baseline
    )


def score_and_write(run: Run, plan: Plan, folder: Path, device: str, baseline: Stored | None) -> Run:
    """Score what was generated into a folder, and write the run there."""
    what: Scored = "single images" if plan.shard else "all"
    scored = score(run, plan.suite, plan.samples, folder, device, baseline, what)
    run_folder.write(scored, folder)
    return scored


def generate(
    plan: Plan,
    engine: Engine,
    folder: Path,
    progress: Progress,
    earlier: Run | None = None,
    limit: CallLimit | None = None,
) -> Run:
    """Generate every sample of a plan into `folder`: a run without scores, in the order of the suite."""
    with Generation(plan, engine, folder, earlier, limit=limit) as generation:
        if generation.resumed:
            progress(generation.resumed)
        stream = generation.stream(engine)
        for unit in generation.units:
            stream.generate(unit)
            progress(len(unit.samples))
        stream.finish()
        return generation.run()


def evaluate_both(
    candidate: tuple[Plan, Engine],
    rival: tuple[Plan, Engine],
    folder: Path,
    progress: Progress = lambda _: None,
    earlier: tuple[Run, Run] | None = None,
) -> tuple[Run, Run]:
    """Generate and score two plans of the same samples interleaved, so that whatever slows the machine slows both.

    Which of them goes first changes with every batch. The rival's run goes into `folder/against`.

    Args:
        candidate: what is on trial, and what generates it.
        rival: what it is compared with.
        folder: where the candidate's run goes.
        progress: called with how many more images are done.
        earlier: runs of some of these samples; they are not generated again.
    """
    against = folder / AGAINST
    with (
        Generation(*candidate, folder, earlier[0] if earlier else None) as one,
        Generation(*rival, against, earlier[1] if earlier else None) as other,
    ):
        streams = one.stream(candidate[1]), other.stream(rival[1])
        for number, pair in enumerate(zip_longest(one.units, other.units)):
            sides = list(zip(streams, pair, strict=True))
            for stream, unit in sides if number % 2 else reversed(sides):
                if unit:
                    stream.generate(unit)
                    progress(len(unit.samples))
        for stream in streams:
            stream.finish()
        generated, rivals = one.run(), other.run()
    (plan, engine), (rival_plan, rival_engine) = candidate, rival
    before = score(rivals, rival_plan.suite, rival_plan.samples, against, rival_engine.device)
    run_folder.write(before, against)
    after = score(generated, plan.suite, plan.samples, folder, engine.device, Stored(before, against))
    run_folder.write(after, folder)
    return after, before
