"""Which cases of a run and its baseline were generated from the same request, and which fields differ. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sdeval.results.records import SampleResult
from sdeval.results.run import Run

_OF_CASES = (
    *("negative_prompt", "image", "images", "mask", "control_image", "reference_image"),
    *("strength", "region_prompt", "image_prompt", "edited_prompt", "text", "objects", "questions"),
)


@dataclass(frozen=True, slots=True)
class Change:
    """A field of a request that differs from the baseline's."""

    field: str
    before: object
    after: object


def shared_cases(run: Run, baseline: Run) -> list[str]:
    """Cases whose samples the baseline has too, all from the same request; in the order of the suite."""
    baseline_samples = {(sample.key, sample.fingerprint) for sample in baseline.samples}
    return [
        case
        for case, samples in run.by_case().items()
        if all((sample.key, sample.fingerprint) in baseline_samples for sample in samples)
    ]


def removed_cases(run: Run, baseline: Run) -> list[str]:
    """Cases of the baseline that the run no longer has; none where the run is only a part of its suite."""
    return [case for case in baseline.by_case() if case not in run.by_case()] if run.complete else []


def changed_fields(run: Run, baseline: Run, sample: SampleResult, before: SampleResult) -> list[Change]:
    """Fields of a sample's request that differ; those that an old baseline does not hold are not compared."""
    old, new = _request(baseline, before), _request(run, sample)
    if old.get("images") or new.get("images"):
        # One input image of an edit became several, or the reverse: both are lists, and one field says it all.
        old, new = _with_list(old), _with_list(new)
    return [Change(name, old[name], new[name]) for name in new if name in old and old[name] != new[name]]


def _with_list(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """A request whose only image is one of `images`."""
    if not request.get("image"):
        return request
    return {**request, "image": "", "images": (request["image"],)}


def _request(run: Run, sample: SampleResult) -> Mapping[str, Any]:
    """The fields of a sample's request, as far as the run holds them."""
    case = asdict(run.cases[sample.case]) if sample.case in run.cases else {}
    request = {"prompt": sample.prompt, **{name: case[name] for name in _OF_CASES if name in case}}
    return {**request, "size": sample.size} if sample.size else request
