"""Whether both sides asked for the same, case by case, and what differs where they did not. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from textwrap import shorten
from typing import Any

from sdeval.results.records import SampleResult
from sdeval.results.run import Run

LONGEST = 60
"""Characters of a value that a reason shows."""


def shared_cases(run: Run, baseline: Run) -> list[str]:
    """Cases of which every sample is in the baseline and asked for the same there, in the order of the suite."""
    baseline_samples = {(sample.key, sample.fingerprint) for sample in baseline.samples}
    return [
        case
        for case, samples in run.by_case().items()
        if all((sample.key, sample.fingerprint) in baseline_samples for sample in samples)
    ]


def removed_cases(run: Run, baseline: Run) -> list[str]:
    """Cases of the baseline that a whole run no longer has."""
    return [case for case in baseline.by_case() if case not in run.by_case()] if run.complete else []


def changed_fields(run: Run, baseline: Run, sample: SampleResult, before: SampleResult) -> str:
    """Which fields of a case are not the baseline's: old → new."""
    old, new = _request(baseline, before), _request(run, sample)
    # A baseline of before these were kept knows fewer of them.
    changed = [name for name in new if name in old and old[name] != new[name]]
    changes = [f"{name} changed: {_short(old[name])} → {_short(new[name])}" for name in changed]
    return "; ".join(changes) or "prompt, image, mask, strength or size is not the baseline's"


def _request(run: Run, sample: SampleResult) -> Mapping[str, Any]:
    """What is known to have been asked of a sample."""
    case = asdict(run.cases[sample.case]) if sample.case in run.cases else {}
    fields = ("negative_prompt", "image", "mask", "strength", "region_prompt", "image_prompt")
    request = {"prompt": sample.prompt, **{name: case[name] for name in fields if name in case}}
    return {**request, "size": sample.size} if sample.size else request


def _short(value: object) -> str:
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return f'"{shorten(value, LONGEST, placeholder=" …")}"' if isinstance(value, str) else str(value)
