"""Judges the figures of suites: means of sample metrics and set metrics, Holm over all of a session. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sdeval import stats
from sdeval.compare.paired import identical, is_known, paired, tolerance_of, value_of
from sdeval.compare.verdict import FAILING, SUITE, Kind, Verdict
from sdeval.metrics.base import Swapped
from sdeval.run import Run

ALPHA_GATES = 0.004
"""Chance that a session in which nothing changed raises an alarm by any of its gates."""
SWAPS = 4999
"""Label swaps of a set metric, more where a session has many gates."""
CONFIDENCE = 0.95
"""Of `passed`: a loss as large as the tolerance is excluded at this level."""


@dataclass(frozen=True, slots=True)
class Gate:
    """A figure of a suite before Holm: how it is judged depends on the other gates of the session."""

    said: Verdict
    p_worse: float = 1.0
    p_better: float = 1.0
    not_worse: bool = False
    """Whether a loss as large as the tolerance is excluded."""
    error: float = 0.0
    """Standard error of the delta."""
    looks: int = 1
    """How many looks share the error level."""
    sick: str = ""
    """Broken pictures that no case has told of; they make a figure broken that is not worse by itself."""
    otherwise: Verdict | None = None
    """What is said where no loss is shown: the baseline lacks some of the samples, and only the others were tested."""
    decided: bool = True
    """Whether there is nothing left to test: `said` is final."""

    def after(self, earlier: Gate) -> Gate:
        """This look together with the one before it: what was shown once stays shown."""
        return replace(
            self,
            p_worse=min(self.p_worse, earlier.p_worse),
            p_better=min(self.p_better, earlier.p_better),
            not_worse=self.not_worse or earlier.not_worse,
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """How strict a gate has to be."""

    gates: int = 1
    """Gates of the session: the more, the smaller the p-values that must be reachable."""
    looks: int = 1
    """How often a figure may be looked at as more seeds are drawn. Each look spends an equal share of the error level
    (Slud and Wei 1982; by the union bound it holds whatever the looks have in common)."""
    seen: frozenset[tuple[str, int]] | None = None
    """Case and seed of pictures that are judged case by case; the gate tells of others that are broken. None is all."""

    @property
    def alpha(self) -> float:
        """The p-value that a look at one gate must come below, where Holm helps least."""
        return ALPHA_GATES / (self.gates * self.looks)


def weigh(run: Run, baseline: Run | None, metric: str, swapped: Swapped | None = None, rule: Rule = Rule()) -> Gate:
    """Collect the evidence on one metric of a suite.

    Args:
        run: the candidate.
        baseline: what it is held against; None where nothing was accepted yet.
        metric: a sample metric, judged by its mean over the cases, or a set metric.
        swapped: for a set metric, how to compute its difference with cases swapped.
        rule: how many gates and looks the session has.
    """
    record = run.metrics[metric]
    said = Verdict(
        suite=run.suite,
        target=run.target,
        metric=metric,
        case=SUITE,
        verdict="new",
        current=value_of(run, metric),
        higher_is_better=record.higher_is_better,
        n=len(run.by_case()),
    )
    if not record.judged:
        reason = "told, not judged" if said.current is not None else "no picture of the baseline to compare with"
        return Gate(replace(said, verdict="information", reason=reason))
    obstacle = _obstacle(run, baseline, metric)
    if obstacle is not None or baseline is None:
        kind, reason = obstacle or ("new", "no baseline for this suite and target")
        gate = Gate(replace(said, verdict=kind, reason=reason), sick=_sick(run, rule.seen))
        return _on_shared(gate, run, baseline, metric, rule) if baseline and record.scope == "sample" else gate
    said = replace(said, baseline=value_of(baseline, metric))
    weighed = (
        _weigh_set(run, baseline, metric, said, swapped, rule)
        if record.scope == "set"
        else _weigh_mean(run, baseline, metric, said, rule)
    )
    return replace(weighed, sick=_sick(run, rule.seen))


def _on_shared(gate: Gate, run: Run, baseline: Run, metric: str, rule: Rule) -> Gate:
    """The mean over those cases that were asked the same on both sides: a loss there must not hide behind others."""
    known = {(sample.key, sample.fingerprint) for sample in baseline.samples}
    cases = [
        case
        for case, samples in run.by_case().items()
        if all((each.key, each.fingerprint) in known for each in samples)
    ]
    part, old = (replace(each, samples=tuple(s for s in each.samples if s.case in cases)) for each in (run, baseline))
    if not cases or _obstacle(part, old, metric) is not None:
        return gate
    said = replace(
        gate.said,
        baseline=value_of(old, metric),
        current=value_of(part, metric),
        n=len(cases),
        reason=f"on the {len(cases)} cases that the baseline has as well",
    )
    weighed = _weigh_mean(part, old, metric, said, rule)
    return gate if weighed.decided else replace(weighed, otherwise=gate.said, sick=gate.sick)


def _sick(run: Run, seen: frozenset[tuple[str, int]] | None) -> str:
    """Broken pictures among those that no case has judged."""
    if seen is None:
        return ""
    sick = [sample for sample in run.samples if sample.health != "ok" and sample.key not in seen]
    told = ", ".join(f"{each.case}@{each.seed} is {each.health}" for each in sick[:3])
    count = f"{len(sick)} pictures" if len(sick) > 1 else "a picture"
    return f"{count} that no case tells of: {told}" if sick else ""


def _obstacle(run: Run, baseline: Run | None, metric: str) -> tuple[Kind, str] | None:
    """Why a figure cannot be judged, if so."""
    record = run.metrics[metric]
    if record.scope == "set" and value_of(run, metric) is None:
        return ("unscored", run.set_scores[metric].reason or "no score")
    missing = [each for each in run.samples if record.scope == "sample" and not is_known(each.scores.get(metric))]
    if missing:
        why = missing[0].reasons.get(metric, "no score")
        return ("unscored", f"{len(missing)} of {len(run.samples)} samples: {why}")
    if baseline is None:
        return None
    if metric not in baseline.metrics:
        return ("new", "the baseline does not have this metric")
    before = baseline.metrics[metric]
    if before.version != record.version:
        return ("not comparable", f"the baseline was scored by {before.version}, this run by {record.version}")
    if record.scope == "set" and baseline.set_scores[metric].reference != run.set_scores[metric].reference:
        return ("not comparable", "the reference pictures are not the baseline's")
    return _other_samples(run, baseline)


def _other_samples(run: Run, baseline: Run) -> tuple[Kind, str] | None:
    asked = {sample.key: sample.fingerprint for sample in run.samples}
    before = {sample.key: sample.fingerprint for sample in baseline.samples}
    changed = sum(before[key] != value for key, value in asked.items() if key in before)
    if changed:
        return ("not comparable", f"{changed} of {len(asked)} samples ask for something else than the baseline's")
    if set(asked) - set(before):
        return ("new", f"the baseline lacks {len(set(asked) - set(before))} of {len(asked)} samples")
    if set(before) - set(asked):
        return (
            "not comparable",
            f"the baseline has {len(set(before) - set(asked))} samples that the suite no longer has",
        )
    return None


def _weigh_mean(run: Run, baseline: Run, metric: str, said: Verdict, rule: Rule) -> Gate:
    record = run.metrics[metric]
    table = paired(run, baseline, metric, list(run.by_case()))
    if table is None:
        return Gate(replace(said, verdict="unscored", reason="the baseline lacks scores of this metric"))
    per_case = table.differences.mean(axis=1)
    delta = float(per_case.mean())
    tolerance = tolerance_of(record, said.baseline)
    said = replace(said, delta=delta, tolerance=tolerance)
    if not table.differences.any():
        same = identical(run, baseline)
        return Gate(
            replace(
                said, verdict="passed", low=0.0, high=0.0, reason="identical pictures" if same else "identical scores"
            )
        )
    bounds = stats.interval(per_case, CONFIDENCE)
    better = record.sign * per_case
    return Gate(
        replace(said, low=bounds[0], high=bounds[1]) if bounds else said,
        p_worse=min(1.0, rule.looks * stats.sign_flip_p(better, rule.alpha)),
        p_better=min(1.0, rule.looks * stats.sign_flip_p(-better, rule.alpha)),
        not_worse=stats.not_worse_p(better, tolerance) < (1 - CONFIDENCE) / rule.looks,
        error=stats.standard_error(per_case),
        looks=rule.looks,
        decided=False,
    )


def _weigh_set(run: Run, baseline: Run, metric: str, said: Verdict, swapped: Swapped | None, rule: Rule) -> Gate:
    record, extractor = run.metrics[metric], run.set_scores[metric].extractor
    if said.current is None or said.baseline is None or swapped is None or extractor not in baseline.features:
        return Gate(replace(said, verdict="unscored", reason="the baseline holds no features for this metric"))
    said = replace(said, delta=said.current - said.baseline, tolerance=tolerance_of(record, said.baseline))
    order = {sample.key: row for row, sample in enumerate(baseline.samples)}
    rows = [order[sample.key] for sample in run.samples]
    before, after = baseline.features[extractor][rows], run.features[extractor]
    if np.array_equal(before, after):
        same = "identical pictures" if identical(run, baseline) else "identical features"
        return Gate(replace(said, verdict="passed", low=0.0, high=0.0, reason=same))
    names = list(run.by_case())
    numbers = np.array([names.index(sample.case) for sample in run.samples])
    swaps = max(SWAPS, math.ceil(2 / rule.alpha))
    test = stats.label_swap(swapped(before, after, numbers), len(names), swaps)
    gate = Gate(
        said,
        p_worse=min(1.0, rule.looks * test.p_worse),
        p_better=min(1.0, rule.looks * test.p_better),
        error=test.deviation,
        looks=rule.looks,
        decided=False,
    )
    if len(names) < 2:
        return gate
    # With few cases the deviation itself is a guess; under no change it stands for the error of the difference.
    margin = stats.t_quantile((1 + CONFIDENCE) / 2, len(names) - 1) * test.deviation
    sure = stats.t_quantile(1 - (1 - CONFIDENCE) / rule.looks, len(names) - 1) * test.deviation
    delta = said.delta or 0.0
    return replace(
        gate,
        said=replace(said, low=delta - margin, high=delta + margin),
        not_worse=-record.sign * delta + sure < (said.tolerance or 0.0),
    )


Further = Callable[[Sequence[str]], Mapping[str, Gate]]
"""Given the names of undecided gates: those of them that could be weighed again on more evidence."""


def decide(gates: Mapping[str, Gate], further: Further, total: int | None = None) -> dict[str, Verdict]:
    """Final verdicts of gates by name: what is inconclusive is weighed again for as long as there is more evidence.

    Args:
        gates: as weighed at the first look.
        further: draws more and weighs again; gives nothing where nothing more can be drawn.
        total: gates of the whole session, where this process sees only some of them.
    """
    weighed = dict(gates)
    while True:
        verdicts = dict(zip(weighed, judge_gates(list(weighed.values()), total), strict=True))
        again = further([name for name, verdict in verdicts.items() if verdict.verdict == "inconclusive"])
        if not again:
            return verdicts
        weighed.update({name: gate.after(weighed[name]) for name, gate in again.items()})


def judge_gates(gates: Sequence[Gate], total: int | None = None) -> list[Verdict]:
    """Final verdicts of all gates of a session, after Holm over both directions of each.

    Args:
        gates: those at hand.
        total: gates of the whole session, where this process sees only some of them.
    """
    open_gates = [gate for gate in gates if not gate.decided]
    others = (total or len(gates)) - len(gates)
    worse = stats.holm([gate.p_worse for gate in open_gates], len(open_gates) + others)
    better = stats.holm([gate.p_better for gate in open_gates], len(open_gates) + others)
    tested = iter(zip(open_gates, worse, better, strict=True))
    verdicts = [gate.said if gate.decided else _verdict(*next(tested), len(open_gates) + others) for gate in gates]
    return [
        replace(verdict, verdict="broken", reason=gate.sick)
        if gate.sick and verdict.verdict not in FAILING
        else verdict
        for gate, verdict in zip(gates, verdicts, strict=True)
    ]


def _verdict(gate: Gate, p_worse: float, p_better: float, gates: int) -> Verdict:
    said = gate.said
    tolerance = said.tolerance or 0.0
    # The test of a set may look at something simpler than the figure; a verdict takes both, in the same direction.
    lost = (said.delta or 0.0) * (-1 if said.higher_is_better else 1)
    if lost > tolerance and p_worse < ALPHA_GATES and gate.p_worse < gate.p_better:
        return replace(said, verdict="regressed", p_value=p_worse)
    if gate.otherwise is not None:
        return gate.otherwise
    if -lost > tolerance and p_better < ALPHA_GATES:
        return replace(said, verdict="improved", p_value=p_better)
    if gate.not_worse:
        return replace(said, verdict="passed", p_value=p_worse)
    return replace(said, verdict="inconclusive", p_value=p_worse, reason=_undecided(gate, gates))


def _undecided(gate: Gate, gates: int) -> str:
    """Why a gate is inconclusive, and what would decide it."""
    said, alpha, level = gate.said, ALPHA_GATES / (gates * gate.looks), (1 - CONFIDENCE) / gate.looks
    fewest = stats.fewest_cases(alpha)
    if said.n < fewest:
        return f"{said.n} cases are too few to show any loss beside {gates} gates; it takes {fewest}"
    tolerance = said.tolerance or 0.0
    needed = stats.cases_to_decide(said.loss * tolerance, gate.error, said.n, tolerance, alpha, level)
    reason = "a loss as large as the tolerance is neither shown nor excluded"
    # Where so many cases should have decided already, their number is no advice.
    return f"{reason}; about {needed} cases would decide" if needed and needed > said.n else reason
