"""How long samples took: shares of their pipeline calls, and calls that are made only to be timed."""

from __future__ import annotations

from sdeval.engines.engine import Engine
from sdeval.engines.generated import Generated
from sdeval.errors import CallFailed
from sdeval.evaluation.plan import Plan
from sdeval.results.records import Timing


def batch_size(plan: Plan, engine: Engine) -> int:
    """Images in one call: what the plan asks for, and never more than what the engine does well."""
    return min(plan.target.batch_size, engine.batch_size)


def time_calls(plan: Plan, engine: Engine, calls: int) -> dict[tuple[str, int], Timing]:
    """Times of the first calls of a plan; nothing is kept of what they generate, and one that fails has no time."""
    timings = {}
    for unit in plan.units(batch_size(plan, engine))[:calls]:
        try:
            images = engine.generate(plan.suite.task, unit.samples, plan.settings)
        except CallFailed:
            continue
        for generated in images:
            timings[generated.sample.case.id, generated.sample.seed] = timing_of(generated, unit.number, len(images))
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
