"""Simulated sessions: scores of several shapes on both sides, judged by the code that ships; for other benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from sdeval.comparison import (
    Circumstances,
    MetricEvidence,
    Verdict,
    case_needs_seeds,
    collect_collapsed,
    collect_evidence,
    judge_cases,
    judge_metrics,
    metric_needs_seeds,
    share_of_round,
)
from sdeval.results.records import MetricRecord, SampleResult
from sdeval.results.run import Run

Floats = npt.NDArray[np.float64]
Rng = np.random.Generator

CASES = 32
ROUNDS = ((0, 1), (0, 1, 2, 3), (0, 1, 2, 3, 4, 5, 6, 7))
SEEDS = ROUNDS[-1]


@dataclass(frozen=True, slots=True)
class Metric:
    """A sample metric of the simulated suites."""

    name: str
    mean: float
    between: float
    """Standard deviation of cases."""
    within: float
    """Standard deviation of seeds of a case."""
    tolerance: float
    higher_is_better: bool = True


CLIP = Metric("clip_score", 70.0, 5.0, 4.0, 1.0)
SUITES = {
    "text2img": (CLIP, Metric("sharpness", 3.0, 0.3, 0.1, 0.05), Metric("diversity", 20.0, 5.0, 5.0, 1.5)),
    "img2img": (CLIP, Metric("init_similarity", 80.0, 8.0, 3.0, 1.0), Metric("noise", 2.0, 0.4, 0.3, 0.2, False)),
    "inpainting": (
        CLIP,
        Metric("region_clip_score", 60.0, 8.0, 6.0, 2.0),
        Metric("outside_change", 3.0, 1.0, 0.5, 1.0, False),
    ),
}

Suites = Mapping[str, tuple[Metric, ...]]
Side = Callable[[Rng, Metric, tuple[int, int]], Floats]
"""Noise of the scores of one metric, `[cases, seeds]`, on one side."""
Noise = Callable[[Rng, Metric, tuple[int, int]], tuple[Floats, Floats]]
"""The same on both sides: nothing but chance tells them apart."""


def normal(rng: Rng, metric: Metric, shape: tuple[int, int]) -> Floats:
    """Every image is another one; scores are normal."""
    return rng.normal(0, metric.within, shape)


def skewed(rng: Rng, metric: Metric, shape: tuple[int, int]) -> Floats:
    """Most images score alike, some score much lower."""
    return -metric.within * rng.exponential(1.0, shape)


def heavy_tailed(rng: Rng, metric: Metric, shape: tuple[int, int]) -> Floats:
    """Student's t with 2.5 degrees of freedom, and one image in thirty that went wrong."""
    stray = np.where(rng.random(shape) < 1 / 30, 4 * metric.within, 0.0)
    return metric.within * rng.standard_t(2.5, shape) / 2 - stray


def clustered(rng: Rng, metric: Metric, shape: tuple[int, int]) -> Floats:
    """All seeds of a case move together."""
    return rng.normal(0, metric.within, (shape[0], 1)) + rng.normal(0, metric.within / 4, shape)


def unequal(rng: Rng, metric: Metric, shape: tuple[int, int]) -> Floats:
    """Three prompts vary ten times as much as the others."""
    spread = np.where(np.arange(shape[0]) < 3, 2.0, 0.2)[:, None]
    return metric.within * spread * rng.normal(0, 1, shape)


def both(side: Side) -> Noise:
    """Both sides generated again."""
    return lambda rng, metric, shape: (side(rng, metric, shape), side(rng, metric, shape))


def sparse(rng: Rng, metric: Metric, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Most images stay what they are to the last bit; the others, here and there, are generated again."""
    before = normal(rng, metric, shape)
    return before, np.where(rng.random(shape) < 0.15, normal(rng, metric, shape), before)


def sparse_cases(rng: Rng, metric: Metric, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Most cases stay what they are; in the others all seeds are generated again."""
    before = normal(rng, metric, shape)
    return before, np.where(rng.random((shape[0], 1)) < 0.15, normal(rng, metric, shape), before)


def tiny(rng: Rng, metric: Metric, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """The last digits move, as another batch size moves them."""
    before = normal(rng, metric, shape)
    return before, before + rng.normal(0, metric.within / 1000, shape).round(4)


NOISES: dict[str, Noise] = {
    "normal": both(normal),
    "skewed": both(skewed),
    "heavy tails": both(heavy_tailed),
    "clustered seeds": both(clustered),
    "unequal cases": both(unequal),
    "sparse images": sparse,
    "sparse cases": sparse_cases,
    "last digits": tiny,
}

Rounds = Sequence[Sequence[int]]
"""Seeds of each round."""
Harm = Callable[[Rng, str, Metric, Floats], Floats]
"""What a change does to the scores of a metric of a suite, `[cases, seeds]`."""


def keep_scores(_: Rng, suite: str, metric: Metric, scores: Floats) -> Floats:
    """Nothing changed."""
    return scores


def all_lower(_: Rng, suite: str, metric: Metric, scores: Floats, tolerances: float) -> Floats:
    """Every CLIP score of one suite is lower."""
    return scores - tolerances * metric.tolerance * (suite == "text2img" and metric is CLIP)


def some_fail(rng: Rng, suite: str, metric: Metric, scores: Floats, share: float) -> Floats:
    """Some images of one suite show something else."""
    wrong = (rng.random(scores.shape) < share) & (suite == "text2img" and metric is CLIP)
    return scores - 20.0 * wrong


def rare_and_large(rng: Rng, suite: str, metric: Metric, scores: Floats, share: float) -> Floats:
    """Some images lose so much that the mean loss is the tolerance."""
    wrong = (rng.random(scores.shape) < share) & (suite == "text2img" and metric is CLIP)
    return scores - metric.tolerance / share * wrong


def one_case_fails(rng: Rng, suite: str, metric: Metric, scores: Floats) -> Floats:
    """One case of one suite shows anything, with every seed."""
    wrong = np.zeros(scores.shape)
    wrong[7] = rng.normal(30.0, 8.0, scores.shape[1]) * (suite == "text2img" and metric is CLIP)
    return scores - wrong


HARMS: dict[str, Harm] = {
    "all 1.5 tolerances lower": partial(all_lower, tolerances=1.5),
    "all 2 tolerances lower": partial(all_lower, tolerances=2.0),
    "all 4 tolerances lower": partial(all_lower, tolerances=4.0),
    "1 image in 8 wrong": partial(some_fail, share=1 / 8),
    "1 image in 4 wrong": partial(some_fail, share=1 / 4),
    "1 case of 32 wrong": one_case_fails,
}
AT_TOLERANCE: dict[str, Harm] = {
    "all lower by the tolerance": partial(all_lower, tolerances=1.0),
    "1 image in 4 lower by 4 tolerances": partial(rare_and_large, share=1 / 4),
    "1 image in 16 lower by 16 tolerances": partial(rare_and_large, share=1 / 16),
}
"""A true loss as large as the tolerance: `passed` would be wrong."""
ALL_HARMS = {"nothing": keep_scores, **HARMS, **AT_TOLERANCE}


@dataclass(frozen=True, slots=True)
class Scores:
    """One suite on both sides: for each metric, `[cases, seeds]`."""

    name: str
    metrics: tuple[Metric, ...]
    before: tuple[Floats, ...]
    after: tuple[Floats, ...]


def simulate(
    rng: Rng, noise: Noise, harm: Harm, shape: tuple[int, int] = (CASES, len(SEEDS)), suites: Suites = SUITES
) -> list[Scores]:
    """One session, of suites with so many cases and seeds."""
    session = []
    for name, metrics in suites.items():
        before, after = [], []
        for metric in metrics:
            level = metric.mean + rng.normal(0, metric.between, (shape[0], 1))
            baseline_noise, noise_of_run = noise(rng, metric, shape)
            before.append(level + baseline_noise)
            after.append(harm(rng, name, metric, level + noise_of_run))
        session.append(Scores(name, metrics, tuple(before), tuple(after)))
    return session


def as_run(scores: Scores, values: Sequence[Floats], seeds: Sequence[int], rounds: Rounds = ROUNDS) -> Run:
    """A run as `pytest suites` leaves one, without images."""
    records = {
        metric.name: MetricRecord(
            version="1",
            unit="",
            higher_is_better=metric.higher_is_better,
            scope="sample",
            tolerance=metric.tolerance,
            tolerance_is_relative=False,
        )
        for metric in scores.metrics
    }
    samples = tuple(
        SampleResult(
            case=f"case-{case}",
            seed=seed,
            prompt="",
            fingerprint=f"{case}@{seed}",
            sha256=repr([float(value[case, seed]) for value in values]),
            image="",
            scores={m.name: float(value[case, seed]) for m, value in zip(scores.metrics, values, strict=True)},
        )
        for case in range(len(values[0]))
        for seed in seeds
    )
    return Run(
        suite=scores.name,
        task="text2img",
        target="simulated",
        request={"seeds": list(seeds), "rounds": [list(seed_round) for seed_round in rounds]},
        generated_by={},
        metrics=records,
        samples=samples,
        complete=True,
    )


@dataclass(frozen=True, slots=True)
class Judgement:
    """All verdicts of a session."""

    verdicts: tuple[Verdict, ...]
    images: int
    """Number of generated images."""

    @property
    def alarm(self) -> bool:
        """Whether it failed."""
        return any(verdict.verdict in ("regressed", "broken") for verdict in self.verdicts)

    def of(self, suite: str, metric: str) -> Verdict:
        """The verdict on a metric."""
        return next(
            verdict for verdict in self.verdicts if (verdict.suite, verdict.metric, verdict.case) == (suite, metric, "")
        )


def judge(session: Sequence[Scores], rounds: Rounds = ROUNDS, baseline_seeds: Sequence[int] | None = None) -> Judgement:
    """The rule that ships, as `session` drives it: rounds of seeds suite by suite, then all metrics together.

    Args:
        session: scores of all suites.
        rounds: seeds of each round.
        baseline_seeds: seeds that the baseline has; None for those of the last round.
    """
    total = sum(len(scores.metrics) + 1 for scores in session)
    evidence: list[MetricEvidence] = []
    cases: list[Verdict] = []
    images = 0
    for scores in session:
        accepted = as_run(scores, scores.before, baseline_seeds or rounds[-1], rounds)
        for number, seeds in enumerate(rounds):
            suite_evidence = _evidence(scores, rounds, number, accepted)
            verdicts = judge_metrics(suite_evidence, total)
            regressed = [verdict.metric for verdict in verdicts if verdict.verdict == "regressed"]
            case_verdicts = judge_cases(as_run(scores, scores.after, seeds, rounds), accepted, len(session), regressed)
            if not any(map(case_needs_seeds, case_verdicts)) and not any(map(metric_needs_seeds, verdicts)):
                break
        evidence += suite_evidence
        cases += case_verdicts
        images += len(scores.before[0]) * len(seeds)
    return Judgement((*judge_metrics(evidence, total), *cases), images)


def _evidence(scores: Scores, rounds: Rounds, number: int, accepted: Run) -> list[MetricEvidence]:
    run, baseline = (as_run(scores, values, rounds[number], rounds) for values in (scores.after, scores.before))
    circumstances = Circumstances(share_of_round(rounds, number), all_seeds=accepted)
    evidence = [collect_evidence(run, baseline, metric.name, circumstances=circumstances) for metric in scores.metrics]
    return [*evidence, collect_collapsed(run, baseline, None, circumstances)]
