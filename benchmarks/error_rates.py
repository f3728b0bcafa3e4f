"""How often the rule is wrong, and what it finds: whole sessions of simulated scores, judged by the code that ships.

A session has the three suites of the embedded model: 9 gates, 96 cases, 2 seeds, and up to 8 where a figure is
inconclusive. Nothing changed in the first table: whatever fails is a false alarm. In the second, one thing got worse.
Beside it stand the rules that teams write by hand, on the same scores.

    python benchmarks/error_rates.py --sessions 1000
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import Pool
from typing import Any

import numpy as np
import numpy.typing as npt

from sdeval.by_hand import BY_HAND, ByHand
from sdeval.compare import Gate, Rule, Verdict, decide, judge_cases, settle_cases, weigh
from sdeval.records import MetricRecord, SampleResult
from sdeval.run import Run

Floats = npt.NDArray[np.float64]
Rng = np.random.Generator

CASES = 32
LOOKS = ((0, 1), (0, 1, 2, 3), (0, 1, 2, 3, 4, 5, 6, 7))
SEEDS = LOOKS[-1]


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

Side = Callable[[Rng, Metric, tuple[int, int]], Floats]
"""Noise of the scores of one metric, `[cases, seeds]`, on one side."""
Noise = Callable[[Rng, Metric, tuple[int, int]], tuple[Floats, Floats]]
"""The same on both sides: nothing but chance tells them apart."""


def normal(rng: Rng, metric: Metric, shape: tuple[int, int]) -> Floats:
    """Every picture is another one; scores are normal."""
    return rng.normal(0, metric.within, shape)


def skewed(rng: Rng, metric: Metric, shape: tuple[int, int]) -> Floats:
    """Most pictures score alike, some score much lower."""
    return -metric.within * rng.exponential(1.0, shape)


def heavy_tailed(rng: Rng, metric: Metric, shape: tuple[int, int]) -> Floats:
    """Student's t with 2.5 degrees of freedom, and one picture in thirty that went wrong."""
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
    """Both sides drawn anew."""
    return lambda rng, metric, shape: (side(rng, metric, shape), side(rng, metric, shape))


def sparse(rng: Rng, metric: Metric, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Most pictures stay what they are to the last bit; the others, here and there, are drawn anew."""
    before = normal(rng, metric, shape)
    return before, np.where(rng.random(shape) < 0.15, normal(rng, metric, shape), before)


def sparse_cases(rng: Rng, metric: Metric, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Most cases stay what they are; in the others all seeds are drawn anew."""
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
    "sparse pictures": sparse,
    "sparse cases": sparse_cases,
    "last digits": tiny,
}

Harm = Callable[[Rng, str, Metric, Floats], Floats]
"""What a change does to the scores of a metric of a suite, `[cases, seeds]`."""


def unharmed(_: Rng, suite: str, metric: Metric, scores: Floats) -> Floats:
    """Nothing changed."""
    return scores


def all_lower(_: Rng, suite: str, metric: Metric, scores: Floats, tolerances: float) -> Floats:
    """Every CLIP score of one suite is lower."""
    return scores - tolerances * metric.tolerance * (suite == "text2img" and metric is CLIP)


def some_fail(rng: Rng, suite: str, metric: Metric, scores: Floats, share: float) -> Floats:
    """Some pictures of one suite show something else."""
    wrong = (rng.random(scores.shape) < share) & (suite == "text2img" and metric is CLIP)
    return scores - 20.0 * wrong


def rare_and_large(rng: Rng, suite: str, metric: Metric, scores: Floats, share: float) -> Floats:
    """Some pictures lose so much that the mean loss is the tolerance."""
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
    "1 picture in 8 wrong": partial(some_fail, share=1 / 8),
    "1 picture in 4 wrong": partial(some_fail, share=1 / 4),
    "1 case of 32 wrong": one_case_fails,
}
AT_TOLERANCE: dict[str, Harm] = {
    "all lower by the tolerance": partial(all_lower, tolerances=1.0),
    "1 picture in 4 lower by 4 tolerances": partial(rare_and_large, share=1 / 4),
    "1 picture in 16 lower by 16 tolerances": partial(rare_and_large, share=1 / 16),
}
"""A true loss as large as the tolerance: `passed` would be wrong."""
ALL_HARMS = {"nothing": unharmed, **HARMS, **AT_TOLERANCE}


@dataclass(frozen=True, slots=True)
class Scores:
    """One suite on both sides: for each metric, `[cases, seeds]`."""

    name: str
    metrics: tuple[Metric, ...]
    before: tuple[Floats, ...]
    after: tuple[Floats, ...]


def simulate(rng: Rng, noise: Noise, harm: Harm) -> list[Scores]:
    """One session."""
    found = []
    shape = (CASES, len(SEEDS))
    for name, metrics in SUITES.items():
        before, after = [], []
        for metric in metrics:
            level = metric.mean + rng.normal(0, metric.between, (CASES, 1))
            one, other = noise(rng, metric, shape)
            before.append(level + one)
            after.append(harm(rng, name, metric, level + other))
        found.append(Scores(name, metrics, tuple(before), tuple(after)))
    return found


def as_run(scores: Scores, values: Sequence[Floats], seeds: Sequence[int]) -> Run:
    """A run as `pytest suites` leaves one, without pictures."""
    records = {
        each.name: MetricRecord(
            version="1",
            unit="",
            higher_is_better=each.higher_is_better,
            scope="sample",
            tolerance=each.tolerance,
            tolerance_is_relative=False,
        )
        for each in scores.metrics
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
        for case in range(CASES)
        for seed in seeds
    )
    return Run(
        suite=scores.name,
        task="text2img",
        target="simulated",
        asked={"seeds": list(seeds), "looks": [list(look) for look in LOOKS]},
        drawn_by={},
        metrics=records,
        samples=samples,
        complete=True,
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule said of a session."""

    alarm: bool
    images: int = 0
    passed: bool = False
    """What was said of the CLIP score that the harms touch."""


def sdeval(session: Sequence[Scores], looks: Sequence[Sequence[int]] = LOOKS) -> Outcome:
    """The rule that ships: cases at the first look, then all gates, with more seeds where they are inconclusive."""
    drawn = {scores.name: 0 for scores in session}
    suites = {scores.name: scores for scores in session}
    names = [(scores.name, metric.name) for scores in session for metric in scores.metrics]

    def sides(suite: str) -> tuple[Run, Run]:
        scores, seeds = suites[suite], looks[drawn[suite]]
        return as_run(scores, scores.after, seeds), as_run(scores, scores.before, seeds)

    def weighed(wanted: Sequence[tuple[str, str]]) -> dict[str, Gate]:
        rule = Rule(len(names), len(looks))
        runs = {suite: sides(suite) for suite in dict.fromkeys(suite for suite, _ in wanted)}
        return {f"{suite}/{metric}": weigh(*runs[suite], metric, rule=rule) for suite, metric in wanted}

    def further(undecided: Sequence[str]) -> dict[str, Gate]:
        asked = [(key.split("/")[0], key.split("/")[1]) for key in undecided]
        able = {suite for suite in dict.fromkeys(suite for suite, _ in asked) if widen(suite)}
        return weighed([each for each in asked if each[0] in able])

    def widen(suite: str) -> bool:
        more = drawn[suite] + 1 < len(looks)
        drawn[suite] += more
        return more

    accepted = {name: as_run(scores, scores.before, looks[-1]) for name, scores in suites.items()}

    def judged(suite: str) -> list[Verdict]:
        return judge_cases(sides(suite)[0], accepted[suite], len(suites))

    cases = [verdict for name in suites for verdict in settle_cases(partial(judged, name), partial(widen, name))]
    gates = decide(weighed(names), further)
    alarm = any(each.verdict in ("regressed", "broken") for each in (*cases, *gates.values()))
    passed = gates["text2img/clip_score"].verdict == "passed"
    return Outcome(alarm, sum(CASES * len(looks[index]) for index in drawn.values()), passed)


def better(metric: Metric, scores: Floats) -> Floats:
    """Scores turned so that more is better."""
    return scores if metric.higher_is_better else -scores


def by_hand(rule: ByHand, session: Sequence[Scores]) -> Outcome:
    """A session fails where any of its metrics does."""
    first = list(LOOKS[0])
    alarms = [
        rule(better(metric, before[:, first]), better(metric, after[:, first]), metric.tolerance)
        for scores in session
        for metric, before, after in zip(scores.metrics, scores.before, scores.after, strict=True)
    ]
    return Outcome(any(alarms), len(session) * CASES * len(first))


RULES: dict[str, Callable[[Sequence[Scores]], Outcome]] = {
    "sdeval": sdeval,
    "sdeval, 2 to 4 seeds": partial(sdeval, looks=LOOKS[:2]),
    "sdeval, 2 seeds": partial(sdeval, looks=LOOKS[:1]),
    "sdeval, 6 seeds": partial(sdeval, looks=(SEEDS[:6],)),
    "sdeval, 8 seeds": partial(sdeval, looks=LOOKS[-1:]),
    **{name: partial(by_hand, rule) for name, rule in BY_HAND.items()},
}


@dataclass(frozen=True, slots=True)
class Rate:
    """Alarms of one rule in many sessions."""

    alarms: int
    sessions: int
    images: float
    passed: int

    def __str__(self) -> str:
        return f"{100 * self.alarms / self.sessions:.1f}%"


def measure(noise: str, harm: str, sessions: int, seed: int, rules: Sequence[str]) -> dict[str, Rate]:
    """Judge the same sessions by every rule."""
    told: dict[str, list[Outcome]] = {name: [] for name in rules}
    for number in range(sessions):
        session = simulate(np.random.default_rng((seed, number)), NOISES[noise], ALL_HARMS[harm])
        for name in rules:
            told[name].append(RULES[name](session))
    return {
        name: Rate(
            sum(each.alarm for each in found),
            sessions,
            float(np.mean([each.images for each in found])),
            sum(each.passed for each in found),
        )
        for name, found in told.items()
    }


Rows = dict[str, dict[str, Rate]]


def table(title: str, rows: Rows, rules: Sequence[str], cell: Callable[[Rate], str] = str) -> None:
    """Print rates as Markdown."""
    print(f"\n{title}\n\n| | " + " | ".join(rules) + " |\n|---" + "|---" * len(rules) + "|")
    for name, rates in rows.items():
        print(f"| {name} | " + " | ".join(cell(rates[rule]) for rule in rules) + " |", flush=True)


def arguments() -> argparse.Namespace:
    """What was asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=200, help="in which nothing changed, for each kind of noise")
    parser.add_argument("--harmed", type=int, default=100, help="in which something did, for each kind of harm")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rules", nargs="*", default=list(RULES), choices=list(RULES))
    parser.add_argument("--noises", nargs="*", default=list(NOISES), choices=list(NOISES))
    parser.add_argument("--processes", type=int, default=2)
    return parser.parse_args()


def main() -> int:
    """Print all tables; exit with 1 where false alarms are above 1 in 100 sessions."""
    given = arguments()
    started = time.monotonic()
    ours = [rule for rule in given.rules if "sdeval" in rule]
    with Pool(given.processes) as pool:

        def all_of(asked: Sequence[tuple[str, str]], sessions: int, seed: int, rules: Sequence[str]) -> list[Any]:
            return pool.starmap(measure, [(*each, sessions, seed, rules) for each in asked], chunksize=1)

        rates = all_of([(noise, "nothing") for noise in given.noises], given.sessions, given.seed, given.rules)
        quiet: Rows = dict(zip(given.noises, rates, strict=True))
        table(f"Sessions with a false alarm, of {given.sessions} in which nothing changed", quiet, given.rules)
        rates = all_of([("normal", harm) for harm in HARMS], given.harmed, given.seed + 1, given.rules)
        harmed: Rows = dict(zip(HARMS, rates, strict=True))
        table(f"Sessions that found it, of {given.harmed} in which something got worse", harmed, given.rules)
        table("Pictures drawn a session", {**quiet, **harmed}, ours, lambda rate: f"{rate.images:.0f}")
        rates = all_of([("normal", harm) for harm in AT_TOLERANCE], given.harmed, given.seed + 2, ours)
        level: Rows = dict(zip(AT_TOLERANCE, rates, strict=True))
        title = f"Sessions that called it passed, of {given.harmed} with a loss as large as the tolerance"
        table(title, level, ours, lambda rate: f"{100 * rate.passed / rate.sessions:.1f}%")
    print(f"\n{time.monotonic() - started:.0f} s")
    worst = max((rates["sdeval"].alarms for rates in quiet.values() if "sdeval" in rates), default=0)
    # Twice the standard error of a rate of 1% is allowed for.
    allowed = 0.01 * given.sessions + 2 * np.sqrt(0.01 * given.sessions)
    return int(worst > allowed)


if __name__ == "__main__":
    sys.exit(main())
