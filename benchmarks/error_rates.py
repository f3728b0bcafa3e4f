"""How often the rule is wrong, and what it finds: whole sessions of simulated scores, judged by the code that ships.

A session has the three suites of the embedded model: 9 metrics, 96 cases, 2 seeds, and up to 8 where a metric is
inconclusive. Nothing changed in the first table: whatever fails is a false alarm. In the second, one thing got worse.
Beside it stand the rules that teams write by hand, on the same scores.

    python -m benchmarks.error_rates --sessions 1000
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

from benchmarks.simulated import (
    ALL_HARMS,
    AT_TOLERANCE,
    CASES,
    HARMS,
    NOISES,
    ROUNDS,
    SEEDS,
    Floats,
    Metric,
    Rounds,
    Scores,
    judge,
    simulate,
)
from sdeval.diagnostics.naive_rules import BY_HAND, ByHand


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a rule for a session."""

    alarm: bool
    images: int = 0
    passed: bool = False
    """Whether the CLIP score passed, which the harms make worse."""
    amber: bool = False
    """Whether a metric was estimated beyond its tolerance, not significant either way."""


def sdeval(session: Sequence[Scores], rounds: Rounds = ROUNDS) -> Outcome:
    """The rule that ships."""
    judgement = judge(session, rounds)
    passed = judgement.of("text2img", "clip_score").verdict == "passed"
    amber = any(verdict.warns for verdict in judgement.verdicts if not verdict.case)
    return Outcome(judgement.alarm, judgement.images, passed, amber)


def better(metric: Metric, scores: Floats) -> Floats:
    """Scores with their sign chosen so that higher is better."""
    return scores if metric.higher_is_better else -scores


def by_hand(rule: ByHand, session: Sequence[Scores]) -> Outcome:
    """A session fails where any of its metrics does."""
    first = list(ROUNDS[0])
    alarms = [
        rule(better(metric, before[:, first]), better(metric, after[:, first]), metric.tolerance)
        for scores in session
        for metric, before, after in zip(scores.metrics, scores.before, scores.after, strict=True)
    ]
    return Outcome(any(alarms), len(session) * CASES * len(first))


RULES: dict[str, Callable[[Sequence[Scores]], Outcome]] = {
    "sdeval": sdeval,
    "sdeval, 2 to 4 seeds": partial(sdeval, rounds=ROUNDS[:2]),
    "sdeval, 2 seeds": partial(sdeval, rounds=ROUNDS[:1]),
    "sdeval, 6 seeds": partial(sdeval, rounds=(SEEDS[:6],)),
    "sdeval, 8 seeds": partial(sdeval, rounds=ROUNDS[-1:]),
    **{name: partial(by_hand, rule) for name, rule in BY_HAND.items()},
}


@dataclass(frozen=True, slots=True)
class Rate:
    """Alarms of one rule in many sessions."""

    alarms: int
    sessions: int
    images: float
    passed: int
    amber: int

    def __str__(self) -> str:
        return f"{100 * self.alarms / self.sessions:.1f}%"


def measure(noise: str, harm: str, sessions: int, seed: int, rules: Sequence[str]) -> dict[str, Rate]:
    """Judge the same sessions by every rule."""
    outcomes: dict[str, list[Outcome]] = {name: [] for name in rules}
    for number in range(sessions):
        session = simulate(np.random.default_rng((seed, number)), NOISES[noise], ALL_HARMS[harm])
        for name in rules:
            outcomes[name].append(RULES[name](session))
    return {
        name: Rate(
            sum(outcome.alarm for outcome in rule_outcomes),
            sessions,
            float(np.mean([outcome.images for outcome in rule_outcomes])),
            sum(outcome.passed for outcome in rule_outcomes),
            sum(outcome.amber for outcome in rule_outcomes),
        )
        for name, rule_outcomes in outcomes.items()
    }


Rows = dict[str, dict[str, Rate]]


def table(title: str, rows: Rows, rules: Sequence[str], cell: Callable[[Rate], str] = str) -> None:
    """Print rates as Markdown."""
    print(f"\n{title}\n\n| | " + " | ".join(rules) + " |\n|---" + "|---" * len(rules) + "|")
    for name, rates in rows.items():
        print(f"| {name} | " + " | ".join(cell(rates[rule]) for rule in rules) + " |", flush=True)


def arguments() -> argparse.Namespace:
    """The options of the command line."""
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
    args = arguments()
    started = time.monotonic()
    ours = [rule for rule in args.rules if "sdeval" in rule]
    with Pool(args.processes) as pool:

        def all_of(request: Sequence[tuple[str, str]], sessions: int, seed: int, rules: Sequence[str]) -> list[Any]:
            return pool.starmap(measure, [(*pair, sessions, seed, rules) for pair in request], chunksize=1)

        rates = all_of([(noise, "nothing") for noise in args.noises], args.sessions, args.seed, args.rules)
        quiet: Rows = dict(zip(args.noises, rates, strict=True))
        table(f"Sessions with a false alarm, of {args.sessions} in which nothing changed", quiet, args.rules)
        title = f"Sessions in which a metric may be worse, of {args.sessions} in which nothing changed"
        table(title, quiet, ours, lambda rate: f"{100 * rate.amber / rate.sessions:.1f}%")
        rates = all_of([("normal", harm) for harm in HARMS], args.harmed, args.seed + 1, args.rules)
        harmed: Rows = dict(zip(HARMS, rates, strict=True))
        table(f"Sessions that found it, of {args.harmed} in which something got worse", harmed, args.rules)
        table("Images generated a session", {**quiet, **harmed}, ours, lambda rate: f"{rate.images:.0f}")
        rates = all_of([("normal", harm) for harm in AT_TOLERANCE], args.harmed, args.seed + 2, ours)
        level: Rows = dict(zip(AT_TOLERANCE, rates, strict=True))
        title = f"Sessions that called it passed, of {args.harmed} with a loss as large as the tolerance"
        table(title, level, ours, lambda rate: f"{100 * rate.passed / rate.sessions:.1f}%")
    print(f"\n{time.monotonic() - started:.0f} s")
    worst = max((rates["sdeval"].alarms for rates in quiet.values() if "sdeval" in rates), default=0)
    # Twice the standard error of a rate of 1% is allowed for.
    allowed = 0.01 * args.sessions + 2 * np.sqrt(0.01 * args.sessions)
    return int(worst > allowed)


if __name__ == "__main__":
    sys.exit(main())
