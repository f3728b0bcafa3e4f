"""Judges speed and memory, compared with the accepted speed record of the same class of machine. Pure.

Times of two sessions differ by a few percent even on the same machine, so that a statistical test would raise a false
alarm in more than one session of ten. They are judged by a tolerance wider than that, and measured again before they
fail a session.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sdeval import stats
from sdeval._utils.validation import Checked, Number, Plain
from sdeval.comparison import wording
from sdeval.config.suite import CLOCK, MEMORY, SPEED
from sdeval.metrics.of_every_suite import OF_EVERY_SUITE
from sdeval.results.run import WORKERS, Run
from sdeval.results.verdict import SUITE, Verdict

TOLERANCES = {SPEED: 0.10, MEMORY: 0.05}
"""Shares by which a GPU may be slower, or use more memory; on a CPU only a tolerance that a suite states counts."""
LEAST = {SPEED: 0.005, MEMORY: 32.0}
"""Seconds and MiB that are too little to be a change, whatever share they are."""
ALPHA_SPEED = 0.01
"""Rate of false alarms of the test of two interleaved targets."""
LEAST_SHARE = 0.05
"""Two interleaved targets whose calls differ by less than this share count as equally fast."""
CONFIDENCE = 0.95
FEWEST_CALLS = 3
"""A median of fewer pipeline calls is not compared."""


@dataclass(frozen=True, slots=True)
class LatencyStats(Checked):
    """Statistics of seconds per image."""

    median: Number
    p90: Number
    deviation: Number
    """Median absolute deviation from the median."""
    n: int
    """Number of pipeline calls."""

    @classmethod
    def of(cls, seconds: Sequence[float]) -> LatencyStats | None:
        """Of one value a pipeline call; None where nothing was timed."""
        if not seconds:
            return None
        values = np.asarray(seconds, dtype=float)
        median = float(np.median(values))
        deviation = float(np.median(np.abs(values - median)))
        return cls(median, float(np.quantile(values, 0.9)), deviation, len(values))


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedRecord(Checked):
    """How fast a target generated a suite on a class of machine, and how much memory it used."""

    seconds: LatencyStats
    """Seconds per image, one value a pipeline call."""
    memory: Number
    """Peak memory in MiB."""
    batch_size: int
    environment: Mapping[str, Plain]


def seconds_per_image(run: Run) -> list[float]:
    """One value a pipeline call, without calls that warmed up, unless there are no others."""
    calls = {timing.call: timing for timing in run.timings.values()}
    warm = [timing.seconds for timing in calls.values() if not timing.warming]
    return warm or [timing.seconds for timing in calls.values()]


def speed_record_of(run: Run) -> SpeedRecord | None:
    """The speed record of a run; None where nothing was timed."""
    seconds = LatencyStats.of(seconds_per_image(run))
    if seconds is None:
        return None
    size = int(run.generated_by.get("batch_size", 1))
    memory = run.peak_memory_bytes / 2**20
    return SpeedRecord(seconds=seconds, memory=memory, batch_size=size, environment=dict(run.environment))


def judge_with_record(run: Run, metric: str, accepted: SpeedRecord | None, stated: float | None, busy: str) -> Verdict:
    """The verdict on the speed or the memory of a run, compared with an accepted speed record.

    Args:
        run: the candidate.
        metric: `seconds_per_image` or `peak_memory`.
        accepted: the speed record of this class of machine, if there is one.
        stated: the tolerance that the suite states, as a share; None where it states none.
        busy: what else uses the machine, as far as that is known; empty for nothing.
    """
    speed = speed_record_of(run)
    current = _shown(speed, metric)
    verdict = Verdict(
        suite=run.suite,
        target=run.target,
        metric=metric,
        case=SUITE,
        verdict="informational",
        current=current,
        unit=OF_EVERY_SUITE[metric].unit,
        higher_is_better=False,
        n=speed.seconds.n if speed and metric == SPEED else 1,
        reason=_time_per_stage(run) if metric == SPEED else "",
    )
    obstacle = _why_not_judged(run, speed, metric, accepted, stated, busy)
    if obstacle or accepted is None or current is None:
        return replace(verdict, reason=wording.join(obstacle, verdict.reason))
    before = _value(accepted, metric)
    share = TOLERANCES[metric] if stated is None else stated
    tolerance = max(share * before, LEAST[metric])
    verdict = replace(verdict, baseline=before, change=current - before, tolerance=tolerance)
    if current - before > tolerance:
        return replace(verdict, verdict="regressed")
    return replace(verdict, verdict="improved" if before - current > tolerance else "passed")


def judge_interleaved(run: Run, rival: Run, metric: str, busy: str) -> Verdict:
    """The verdict on two targets whose pipeline calls were interleaved in one session.

    Whatever slows the machine slows both, so the ratios of paired calls are tested: by flipping signs of their
    logarithms, with a false alarm in `ALPHA_SPEED` of the sessions in which both are equally fast. A difference of less
    than `LEAST_SHARE` is not reported. Memory is reported only, as both targets ran in one process.

    Args:
        run: the candidate.
        rival: the run of the other target.
        metric: `seconds_per_image` or `peak_memory`.
        busy: what else uses the machine; empty for nothing.
    """
    speed, before = speed_record_of(run), speed_record_of(rival)
    verdict = Verdict(
        suite=run.suite,
        target=run.target,
        metric=metric,
        case=SUITE,
        verdict="informational",
        current=_shown(speed, metric),
        baseline=None if before is None or metric == MEMORY else _value(before, metric),
        unit=OF_EVERY_SUITE[metric].unit,
        higher_is_better=False,
        reason=wording.SHARED_PROCESS if metric == MEMORY else wording.NOT_TIMED,
    )
    ratios = _ratios(run, rival)
    if metric == MEMORY or not len(ratios) or speed is None or before is None:
        return verdict
    clocks = [str(side.environment.get(CLOCK, "")) for side in (run, rival)]
    if clocks[0] != clocks[1]:
        return replace(verdict, reason=wording.OTHER_CLOCK)
    worse, better = stats.sign_flip_p(-ratios, ALPHA_SPEED), stats.sign_flip_p(ratios, ALPHA_SPEED)
    share = float(np.expm1(np.median(ratios)))
    reason = wording.join(wording.interleaved_change(share, rival.target), busy)
    tolerance = LEAST_SHARE * _value(before, metric)
    verdict = replace(verdict, n=len(ratios), p_value=worse, tolerance=tolerance, change=share * _value(before, metric))
    if share > LEAST_SHARE and worse < ALPHA_SPEED:
        return replace(verdict, verdict="regressed", reason=reason)
    if share < -LEAST_SHARE and better < ALPHA_SPEED:
        return replace(verdict, verdict="improved", p_value=better, reason=reason)
    if stats.not_worse_p(-ratios, float(np.log1p(LEAST_SHARE))) < 1 - CONFIDENCE:
        return replace(verdict, verdict="passed", reason=reason)
    fewest = stats.fewest_cases(ALPHA_SPEED)
    few = wording.few_pairs(len(ratios), fewest) if len(ratios) < fewest else ""
    return replace(verdict, verdict="inconclusive", reason=wording.join(reason, few))


def _ratios(run: Run, rival: Run) -> stats.Floats:
    """Logarithms of how much longer each call took than the rival's call of the same samples, without warming up."""
    times = {key: timing for key, timing in rival.timings.items() if not timing.warming}
    pairs = {
        timing.call: (timing.seconds, times[key].seconds)
        for key, timing in run.timings.items()
        if not timing.warming and key in times
    }
    return np.array(
        [
            np.log(seconds / rival_seconds)
            for seconds, rival_seconds in pairs.values()
            if seconds > 0 and rival_seconds > 0
        ]
    )


def _shown(speed: SpeedRecord | None, metric: str) -> float | None:
    """The value of a run; None where it is not known."""
    is_known = speed is not None and (metric == SPEED or speed.memory)
    return _value(speed, metric) if speed is not None and is_known else None


def _value(speed: SpeedRecord, metric: str) -> float:
    return round(speed.seconds.median if metric == SPEED else speed.memory, 4)


def _why_not_judged(
    run: Run, speed: SpeedRecord | None, metric: str, accepted: SpeedRecord | None, stated: float | None, busy: str
) -> str:
    """Why a metric is reported only; empty where it is judged."""
    hardware = str(run.environment.get("hardware", "this machine"))
    if speed is None:
        return wording.NOT_TIMED
    if reason := why_speed_is_not_judged(run):
        return wording.busy_machine(reason)
    if metric == MEMORY and not speed.memory:
        return wording.NO_MEMORY
    if hardware.startswith("cpu") and stated is None:
        return wording.no_speed_tolerance(hardware)
    if accepted is None:
        return wording.no_speed_record(hardware)
    if accepted.batch_size != speed.batch_size:
        return wording.other_batch_size(speed.batch_size, accepted.batch_size)
    if metric == SPEED and busy:
        return wording.busy_machine(busy)
    calls = min(speed.seconds.n, accepted.seconds.n)
    return wording.few_calls(calls, FEWEST_CALLS) if metric == SPEED and calls < FEWEST_CALLS else ""


def why_speed_is_not_judged(run: Run) -> str:
    """Why times and memory of a run say nothing of its target, as its workers shared a device; empty otherwise."""
    workers = run.environment.get(WORKERS)
    return str(workers.get("speed", "")) if isinstance(workers, Mapping) else ""


def _time_per_stage(run: Run) -> str:
    """Where the time went; empty where stages were not timed."""
    timings = [timing for timing in run.timings.values() if not timing.warming] or list(run.timings.values())
    seconds = {
        stage: float(np.median([getattr(timing, stage) for timing in timings]))
        for stage in ("encode", "denoise", "decode")
        if timings and all(getattr(timing, stage) is not None for timing in timings)
    }
    if not seconds.get("denoise"):
        return ""
    return wording.time_per_stage(seconds, int(np.median([timing.steps or 1 for timing in timings])))
