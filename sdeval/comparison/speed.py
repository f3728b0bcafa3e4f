"""Judges speed and memory, where they can be: against the same class of machine, when nobody else uses it. Pure.

Times of another session cannot be tested against: two processes on the same machine differ by a few percent, so a
test would raise an alarm in one session of ten and more. They are judged by a tolerance that is wider than that, and
measured once more before they fail a session.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sdeval import stats
from sdeval._utils.validation import Checked, Number, Plain
from sdeval.config.suite import MEMORY, SPEED
from sdeval.results.run import Run
from sdeval.results.verdict import SUITE, Verdict

TOLERANCES = {SPEED: 0.10, MEMORY: 0.05}
"""Shares by which a GPU may be slower, or hold more; on a processor only what a suite states is judged."""
LEAST = {SPEED: 0.005, MEMORY: 32.0}
"""Seconds, and MiB, that are too little to speak of whatever share they are."""
UNITS = {SPEED: "s", MEMORY: "MiB"}
ALPHA_SPEED = 0.01
"""Of the test of two targets interleaved: its rate of false alarms."""
LEAST_SHARE = 0.05
"""By which a call must take longer to be spoken of."""
CONFIDENCE = 0.95
FEWEST_CALLS = 3
"""Pipeline calls whose median is worth comparing."""


@dataclass(frozen=True, slots=True)
class Spread(Checked):
    """Seconds of an image: what is usual, and how much it varies."""

    median: Number
    p90: Number
    deviation: Number
    """Median absolute deviation from the median."""
    n: int

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Spread | None:
        """None where nothing was timed."""
        if not seconds:
            return None
        values = np.asarray(seconds, dtype=float)
        median = float(np.median(values))
        deviation = float(np.median(np.abs(values - median)))
        return cls(median, float(np.quantile(values, 0.9)), deviation, len(values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace(Checked):
    """How fast a target generated a suite on a class of machine, and what it held."""

    seconds: Spread
    """Of an image, call by call."""
    memory: Number
    """At the peak, MiB."""
    batch_size: int
    environment: Mapping[str, Plain]


def seconds_per_image(run: Run) -> list[float]:
    """One value a pipeline call, without that which paid for warming up, unless it is all there is."""
    calls = {timing.call: timing for timing in run.timings.values()}
    warm = [timing.seconds for timing in calls.values() if not timing.warming]
    return warm or [timing.seconds for timing in calls.values()]


def pace_of(run: Run) -> Pace | None:
    """The pace of a run; None where nothing was timed."""
    spread = Spread.of(seconds_per_image(run))
    if spread is None:
        return None
    size = int(run.generated_by.get("batch_size", 1))
    memory = run.peak_memory_bytes / 2**20
    return Pace(seconds=spread, memory=memory, batch_size=size, environment=dict(run.environment))


def judge_pace(run: Run, metric: str, stored: Pace | None, stated: float | None, busy: str) -> Verdict:
    """The verdict on the speed or the memory of a run.

    Args:
        run: the candidate.
        metric: `seconds_per_image` or `peak_memory`.
        stored: what was accepted for this class of machine, if anything.
        stated: the suite's tolerance, a share; None where it states none.
        busy: what else uses the machine, as far as that can be told.
    """
    pace = pace_of(run)
    current = None if pace is None else _value(pace, metric)
    verdict = Verdict(
        suite=run.suite,
        target=run.target,
        metric=metric,
        case=SUITE,
        verdict="informational",
        current=current,
        higher_is_better=False,
        n=pace.seconds.n if pace and metric == SPEED else 1,
        reason=_stage_shares(run) if metric == SPEED else "",
    )
    why = _why_not(run, pace, metric, stored, stated, busy)
    if why or stored is None or current is None:
        return replace(verdict, reason="; ".join(part for part in (why or "nothing was timed", verdict.reason) if part))
    before = _value(stored, metric)
    share = TOLERANCES[metric] if stated is None else stated
    tolerance = max(share * before, LEAST[metric])
    verdict = replace(verdict, baseline=before, change=current - before, tolerance=tolerance)
    if current - before > tolerance:
        return replace(verdict, verdict="regressed")
    return replace(verdict, verdict="improved" if before - current > tolerance else "passed")


def judge_interleaved(run: Run, rival: Run, metric: str, busy: str) -> Verdict:
    """The verdict on two targets that were interleaved, call by call in one session.

    Whatever slows the machine slows both, so the ratios of paired calls are tested: by flipping signs of their
    logarithms, with a false alarm in `ALPHA_SPEED` of the sessions in which both are as fast. A difference of less than
    `LEAST_SHARE` is not spoken of. Memory is reported only: both were held by one process.

    Args:
        run: the candidate.
        rival: what was interleaved with it.
        metric: `seconds_per_image` or `peak_memory`.
        busy: what else uses the machine.
    """
    pace, before = pace_of(run), pace_of(rival)
    verdict = Verdict(
        suite=run.suite,
        target=run.target,
        metric=metric,
        case=SUITE,
        verdict="informational",
        current=None if pace is None else _value(pace, metric),
        baseline=None if before is None or metric == MEMORY else _value(before, metric),
        higher_is_better=False,
        reason="both targets were held by one process" if metric == MEMORY else "nothing was timed",
    )
    ratios = _ratios(run, rival)
    if metric == MEMORY or not len(ratios) or pace is None or before is None:
        return verdict
    worse, better = stats.sign_flip_p(-ratios, ALPHA_SPEED), stats.sign_flip_p(ratios, ALPHA_SPEED)
    share = float(np.expm1(np.median(ratios)))
    message = f"{100 * share:+.1f}% a call, interleaved with {rival.target}" + (f"; {busy}" if busy else "")
    tolerance = LEAST_SHARE * _value(before, metric)
    verdict = replace(verdict, n=len(ratios), p_value=worse, tolerance=tolerance, change=share * _value(before, metric))
    if share > LEAST_SHARE and worse < ALPHA_SPEED:
        return replace(verdict, verdict="regressed", reason=message)
    if share < -LEAST_SHARE and better < ALPHA_SPEED:
        return replace(verdict, verdict="improved", p_value=better, reason=message)
    if stats.not_worse_p(-ratios, float(np.log1p(LEAST_SHARE))) < 1 - CONFIDENCE:
        return replace(verdict, verdict="passed", reason=message)
    fewest = stats.fewest_cases(ALPHA_SPEED)
    few = f"; {len(ratios)} pairs of calls, it takes {fewest} to show anything" if len(ratios) < fewest else ""
    return replace(verdict, verdict="inconclusive", reason=message + few)


def _ratios(run: Run, rival: Run) -> stats.Floats:
    """Logarithms of how much longer each call took than the rival's of the same samples, without warming up."""
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


def _value(pace: Pace, metric: str) -> float:
    return round(pace.seconds.median if metric == SPEED else pace.memory, 4)


def _why_not(run: Run, pace: Pace | None, metric: str, stored: Pace | None, stated: float | None, busy: str) -> str:
    """Why a metric is reported and not judged, if so."""
    hardware = str(run.environment.get("hardware", "this machine"))
    if pace is None:
        return "nothing was timed"
    if hardware.startswith("cpu") and stated is None:
        return f"on {hardware}: reported only; the suite states no tolerance for it"
    if stored is None:
        return f"on {hardware}: no speed was accepted for this class of machine"
    if stored.batch_size != pace.batch_size:
        return f"batches of {pace.batch_size}, where {stored.batch_size} were accepted"
    if metric == SPEED and busy:
        return f"not judged: {busy}"
    if metric == SPEED and min(pace.seconds.n, stored.seconds.n) < FEWEST_CALLS:
        return f"{min(pace.seconds.n, stored.seconds.n)} pipeline calls are too few; it takes {FEWEST_CALLS}"
    return ""


def _stage_shares(run: Run) -> str:
    """Where the time went, in words."""
    warm = [timing for timing in run.timings.values() if not timing.warming] or list(run.timings.values())
    parts = {
        name: float(np.median([getattr(timing, attribute) for timing in warm]))
        for name, attribute in (("texts", "encode"), ("denoising", "denoise"), ("decoding", "decode"))
        if warm and all(getattr(timing, attribute) is not None for timing in warm)
    }
    if not parts or not sum(parts.values()):
        return ""
    shares = ", ".join(f"{name} {100 * value / sum(parts.values()):.0f}%" for name, value in parts.items())
    steps = int(np.median([timing.steps or 1 for timing in warm]))
    return f"{shares}; {1000 * parts['denoising'] / steps:.3g} ms a step"
