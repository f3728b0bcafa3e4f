"""A part of a run put into a baseline: samples, scores and features. Pure; `metrics` does the whole set."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from sdeval import metrics
from sdeval.baselines.acceptance.selection import Part
from sdeval.errors import SdevalError
from sdeval.metrics import Features
from sdeval.results.records import MetricRecord, SampleResult
from sdeval.results.run import Run


def merge(baseline: Run, run: Run, part: Part) -> Run:
    """The baseline with a part of a run in it. Metrics of the whole set are still those of before.

    Args:
        baseline: as it is.
        run: what the part is of; the two can be mixed.
        part: with the ids of its cases, and with all metrics that go along.
    """
    chosen = set(part.chosen(run))
    merged = _images(baseline, run, chosen) if part.metrics is None else _scores(baseline, run, chosen, part.metrics)
    taken = set(baseline.features) if part.metrics is None else extractors(run, part.metrics)
    features = {name: _rows(name, baseline, run, merged, chosen, taken) for name in {*baseline.features, *taken}}
    return _with_company(replace(merged, features=features), baseline, run, chosen, part)


def extractors(run: Run, names: Collection[str]) -> set[str]:
    """Where the features of those metrics come from that are of the whole set."""
    return {run.set_scores[name].extractor for name in names if name in run.set_scores}


def _images(baseline: Run, run: Run, chosen: Collection[str]) -> Run:
    """Cases of the run with their images and all their scores; the others as they were."""
    old, new = baseline.by_case(), run.by_case()
    names = _in_order(list(old), [case for case in new if case in old or case in chosen])
    samples = tuple(sample for case in names for sample in (new if case in chosen else old)[case])
    cases = run.request["cases"]
    # Of a part of a suite it is known how many cases the suite has, not which.
    complete = set(names) == set(new) if run.complete else len(names) == cases
    known = {case: (run if case in chosen else baseline).cases.get(case) for case in names}
    requests = {case: replace(entry, tags=()) for case, entry in known.items() if entry is not None}
    return replace(
        baseline, samples=samples, request={**baseline.request, "cases": cases}, complete=complete, cases=requests
    )


def _in_order(before: list[str], now: Sequence[str]) -> list[str]:
    """Cases of before, and each new one behind that which the suite has in front of it."""
    known, following = set(before), dict[str, list[str]]()
    in_front = ""
    for case in now:
        if case in known:
            in_front = case
        else:
            following.setdefault(in_front, []).append(case)
    return [*following.get("", ()), *(name for case in before for name in (case, *following.get(case, ())))]


def _scores(baseline: Run, run: Run, chosen: set[str], names: Sequence[str]) -> Run:
    """Scores of some metrics; images stay."""
    new = {sample.key: sample for sample in run.samples}
    samples = tuple(
        _rescored(sample, new[sample.key], names) if sample.case in chosen else sample for sample in baseline.samples
    )
    known: Mapping[str, MetricRecord] = {}
    # In part, they are of the same version, and their tolerance is one for all of them.
    if chosen >= set(baseline.by_case()):
        known = {name: run.metrics[name] for name in names}
    return replace(baseline, samples=samples, metrics={**baseline.metrics, **known})


def _rescored(sample: SampleResult, scored: SampleResult, names: Sequence[str]) -> SampleResult:
    """A sample with scores of another image of it, which is noted."""
    scores = {name: scored.scores[name] for name in names if name in scored.scores}
    others = {name: sha256 for name, sha256 in sample.scored_on.items() if name not in names}
    same_image = sample.sha256 == scored.sha256
    if not same_image:
        others |= dict.fromkeys((name for name in names if name not in scored.inapplicable), scored.sha256)
    # What was read in another image says nothing of the one that is there.
    readings = {**sample.readings, **(scored.readings if same_image else {})}
    scored_on = dict(sorted(others.items()))
    inapplicable = {name: field for name, field in sample.inapplicable.items() if name not in names}
    inapplicable |= {name: scored.inapplicable[name] for name in names if name in scored.inapplicable}
    return replace(
        sample,
        scores={**sample.scores, **scores},
        scored_on=scored_on,
        readings=readings,
        inapplicable=dict(sorted(inapplicable.items())),
    )


def _rows(name: str, baseline: Run, run: Run, merged: Run, chosen: Collection[str], taken: Collection[str]) -> Features:
    """Features of one extractor, row by row as the samples of the merged run."""
    old = {sample.key: row for row, sample in enumerate(baseline.samples)}
    new = {sample.key: row for row, sample in enumerate(run.samples)}
    fresh = chosen if name in taken else ()
    try:
        return np.stack(
            [
                run.features[name][new[sample.key]]
                if sample.case in fresh
                else baseline.features[name][old[sample.key]]
                for sample in merged.samples
            ]
        )
    except (KeyError, ValueError):
        raise SdevalError(f"features of {name} in the baseline are not those of the run; accept a whole run") from None


def _with_company(merged: Run, baseline: Run, run: Run, chosen: Collection[str], part: Part) -> Run:
    """With a note on scores that looked at other images besides their own than those that are there now."""
    for name in filter(lambda metric: metrics.info(metric).among_images, merged.metrics):
        from_run = chosen if part.metrics is None or name in part.metrics else ()
        here, before, now = map(_company, (merged, baseline, run))
        samples = []
        for sample in merged.samples:
            origin = now if sample.case in from_run else sample.scored_on.get(name, before)
            others = {key: company for key, company in sample.scored_on.items() if key != name}
            note = {name: origin} if origin != here else {}
            samples.append(replace(sample, scored_on=dict(sorted({**others, **note}.items()))))
        merged = replace(merged, samples=tuple(samples))
    return merged


def _company(run: Run) -> str:
    """A hash of all images of a run, by which scores of each in the company of the others are reported apart."""
    text = "\n".join(sorted(f"{sample.case}@{sample.seed} {sample.sha256}" for sample in run.samples))
    return hashlib.sha256(text.encode()).hexdigest()
