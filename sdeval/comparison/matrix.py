"""Compares several settings with a reference: how fast each is, and whether its images are worse. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from sdeval.comparison import notes, wording
from sdeval.comparison.evidence import Circumstances, MetricEvidence, collect_evidence
from sdeval.comparison.metrics import judge_metrics
from sdeval.comparison.paired import is_known
from sdeval.comparison.setting_times import broken_images, hardware_of, obstacle_to_times
from sdeval.comparison.speed import LatencyStats, seconds_per_image
from sdeval.errors import SdevalError
from sdeval.metrics.base import Swapped
from sdeval.results.records import SampleResult
from sdeval.results.run import Run
from sdeval.results.verdict import Verdict

Request = tuple[tuple[str, int], str]
"""Case and seed of a sample, and the hash of what was asked."""
SwappedOf = Callable[[str], Swapped | None]
"""For the name of a set metric: how its difference is computed with cases swapped."""


@dataclass(frozen=True, slots=True)
class Row:
    """One setting compared with the reference."""

    name: str
    verdicts: tuple[Verdict, ...]
    """One a metric; those of the reference are about itself."""
    seconds: LatencyStats | None
    hardware: str
    broken: int
    """Number of images that are broken or missing."""
    images: int = 0
    """Number of images in all."""
    time_obstacle: str = ""
    """Why its time is not compared with that of the reference; empty where it is."""
    on_front: bool = False
    """Whether no other setting is both faster and better, among those whose times are compared."""

    @property
    def comparable_seconds(self) -> float | None:
        """Median time; None where it is not compared."""
        return None if self.seconds is None or self.time_obstacle or self.broken else self.seconds.median

    def verdict(self, metric: str) -> Verdict | None:
        """The verdict on a metric; None where the setting has none."""
        return next((verdict for verdict in self.verdicts if verdict.metric == metric), None)

    @property
    def not_worse(self) -> bool:
        """Whether a loss as large as the tolerance is excluded in every metric, and no image is broken or missing."""
        judged = [verdict for verdict in self.verdicts if verdict.verdict != "informational"]
        return not self.broken and bool(judged) and all(verdict.verdict in ("passed", "improved") for verdict in judged)

    @property
    def worse(self) -> bool:
        """Whether it was shown to be worse."""
        return bool(self.broken) or any(verdict.verdict in ("regressed", "broken") for verdict in self.verdicts)


@dataclass(frozen=True, slots=True)
class Matrix:
    """One suite on several settings."""

    suite: str
    reference: str
    rows: tuple[Row, ...]
    metrics: tuple[str, ...] = ()
    """Metrics that any setting was judged by, in the order of the suite. By the first, settings are better or worse."""
    notes: tuple[str, ...] = ()

    @property
    def base(self) -> Row:
        """The row of the reference."""
        return next(row for row in self.rows if row.name == self.reference)

    @property
    def candidates(self) -> tuple[Row, ...]:
        """Settings that are not worse than the reference, and the reference itself."""
        return tuple(row for row in self.rows if row.not_worse or row is self.base)

    @property
    def fastest(self) -> Row | None:
        """The fastest setting that is not worse than the reference; None where the times of some are not compared."""
        times = {row.name: row.comparable_seconds for row in self.candidates}
        known = {name: seconds for name, seconds in times.items() if seconds is not None}
        if len(known) < len(times):
            return None
        return min(self.candidates, key=lambda row: known[row.name])

    def speed_up(self, row: Row) -> float | None:
        """How many times as fast as the reference a setting is; None where times are not compared."""
        seconds, base = row.comparable_seconds, self.base.comparable_seconds
        return base / seconds if seconds and base is not None else None


def compare_settings(
    runs: Mapping[str, Run], reference: str, swapped: SwappedOf, interleaved: Collection[str] = ()
) -> Matrix:
    """Compare runs of one suite with one of them, by the rules for a session, corrected for all metrics and settings.

    Args:
        runs: by the names of their settings.
        reference: the name of the one that the others are compared with.
        swapped: for set metrics.
        interleaved: names of the settings that were generated in turns with the reference.

    Raises:
        SdevalError: runs of different suites, or with no samples in common.
    """
    reduced, messages = _shared(runs)
    base = reduced[reference]
    others = {name: run for name, run in reduced.items() if name != reference}
    scored = {metric: _scored_cases(reduced, metric) for metric in base.metrics}
    compared = [
        (name, _evidence(run, base, metric, swapped(metric), scored.get(metric)))
        for name, run in others.items()
        for metric in run.metrics
    ]
    verdicts = judge_metrics([evidence for _, evidence in compared])
    by_setting = {
        name: tuple(verdict for (setting, _), verdict in zip(compared, verdicts, strict=True) if setting == name)
        for name in others
    }
    by_setting[reference] = tuple(_itself(base, metric, scored[metric]) for metric in base.metrics)
    turns = {reference, *interleaved} if interleaved else set()
    rows = [
        _row(name, run, by_setting[name], obstacle_to_times(run, runs[reference], interleaved=name in turns))
        for name, run in runs.items()
    ]
    are_timed_apart = any(row.comparable_seconds is not None and row.name not in {reference, *turns} for row in rows)
    cautions = (wording.NOT_INTERLEAVED,) if are_timed_apart else ()
    metrics = tuple(metric for metric in base.metrics if any(_is_judged(row, metric) for row in rows))
    return Matrix(base.suite, reference, tuple(_with_front(rows, metrics)), metrics, (*messages, *cautions))


def _shared(runs: Mapping[str, Run]) -> tuple[dict[str, Run], tuple[str, ...]]:
    """Runs reduced to the samples that all of them have; without set metrics where that leaves some out."""
    suites = {run.suite for run in runs.values()}
    if len(suites) != 1:
        raise SdevalError(f"runs of different suites cannot be compared: {', '.join(sorted(suites))}")
    shared = _whole_cases(
        set.intersection(*({(sample.key, sample.fingerprint) for sample in run.samples} for run in runs.values()))
    )
    if not shared:
        raise SdevalError(
            f"the runs of {suites.pop()} have no sample in common; generate them with the same cases and seeds"
        )
    reduced = {name: _part(run, shared) for name, run in runs.items()}
    most = max(len(run.samples) for run in runs.values())
    if most == len(shared):
        return reduced, ()
    return reduced, (notes.shared_samples(len(shared), most),)


def _whole_cases(shared: set[Request]) -> set[Request]:
    """Samples of the cases of which every seed is shared: all cases are compared on the same seeds."""
    seeds = Counter(case for (case, _), _ in shared)
    return {request for request in shared if seeds[request[0][0]] == max(seeds.values())}


def _part(run: Run, shared: set[Request]) -> Run:
    if all((sample.key, sample.fingerprint) in shared for sample in run.samples) and len(run.samples) == len(shared):
        return run
    samples = tuple(sample for sample in run.samples if (sample.key, sample.fingerprint) in shared)
    metrics = {name: record for name, record in run.metrics.items() if record.scope == "sample"}
    return replace(run, samples=samples, metrics=metrics, set_scores={}, features={})


def _scored_cases(runs: Mapping[str, Run], metric: str) -> frozenset[str] | None:
    """Cases that have all their scores in every run; None where no case is to be left out, or none can be.

    An image or a score that is missing in one run costs its case: the others are compared all the same.
    """
    scored = [run for run in runs.values() if metric in run.metrics]
    records = [run.metrics[metric] for run in scored]
    if any(record.scope != "sample" or not record.alone for record in records):
        return None
    cases = {sample.case for run in scored for sample in run.samples}
    lacking = {sample.case for run in scored for sample in run.samples if _lacks(sample, metric)}
    return frozenset(cases - lacking) if lacking and lacking != cases else None


def _lacks(sample: SampleResult, metric: str) -> bool:
    return metric not in sample.inapplicable and not is_known(sample.scores.get(metric))


def _evidence(
    run: Run, base: Run, metric: str, swapped: Swapped | None, cases: Collection[str] | None
) -> MetricEvidence:
    """The evidence on a metric, by these cases; None stands for all."""
    if cases is None:
        return collect_evidence(run, base, metric, swapped)
    left_out = len(run.by_case().keys() - cases)
    circumstances = Circumstances(note=wording.without_lacking(left_out))
    return collect_evidence(_with_cases(run, cases), _with_cases(base, cases), metric, circumstances=circumstances)


def _with_cases(run: Run, cases: Collection[str]) -> Run:
    return replace(run, samples=tuple(sample for sample in run.samples if sample.case in cases))


def _itself(run: Run, metric: str, cases: Collection[str] | None) -> Verdict:
    draft = collect_evidence(run if cases is None else _with_cases(run, cases), None, metric).draft
    return replace(draft, verdict="informational", baseline=draft.current, reason=wording.REFERENCE)


def _row(name: str, run: Run, verdicts: tuple[Verdict, ...], time_obstacle: str) -> Row:
    seconds, images = LatencyStats.of(seconds_per_image(run)), len(run.samples)
    return Row(name, verdicts, seconds, hardware_of(run), broken_images(run), images, time_obstacle)


def _is_judged(row: Row, metric: str) -> bool:
    verdict = row.verdict(metric)
    return verdict is not None and verdict.verdict != "informational"


def _with_front(rows: Sequence[Row], metrics: Sequence[str]) -> list[Row]:
    """Mark settings that no other beats in both time and quality (Pareto front). Broken ones neither beat nor stay."""
    points = {row.name: point for row in rows for metric in metrics[:1] if (point := _point(row, metric))}
    # Alone, a setting is better than nothing.
    if len(points) < 2:
        return list(rows)
    return [replace(row, on_front=_undominated(row.name, points)) for row in rows]


def _point(row: Row, metric: str) -> tuple[float, float] | None:
    """Seconds, and the metric turned so that less is better."""
    verdict, seconds = row.verdict(metric), row.comparable_seconds
    if verdict is None or verdict.current is None or seconds is None:
        return None
    return seconds, -verdict.current if verdict.higher_is_better else verdict.current


def _undominated(name: str, points: Mapping[str, tuple[float, float]]) -> bool:
    own = points.get(name)
    if own is None:
        return False
    others = [point for setting, point in points.items() if setting != name]
    return not any(point[0] <= own[0] and point[1] <= own[1] and point != own for point in others)
