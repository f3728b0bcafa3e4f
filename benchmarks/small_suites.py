"""What suites of every size can show, by the rule that ships and by the one it replaced.

A session is one suite with three metrics, compared with a baseline of four seeds. In the first table nothing changed.
In the second every image is generated again and every CLIP score is lower; it says from which loss on four sessions in
five find it, and 99 in 100. Losses are in points, where one seed differs from another by 4 (standard deviation), one
prompt from another by 5, and 1 is tolerated. The rule before flipped signs of cases, with Holm's correction: with fewer
cases than its level takes it found no loss at all.

    python -m benchmarks.small_suites --sessions 1000 --losses 200
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from multiprocessing import Pool

import numpy as np

from benchmarks.simulated import CLIP, NOISES, SUITES, Floats, Scores, judge, keep_scores, simulate
from sdeval import stats

SIZES = (1, 2, 3, 5, 8, 16, 32)
SEEDS = (1, 2, 4)
HELD = (0, 1, 2, 3)
"""Seeds of the baseline."""
SUITE = {"text2img": SUITES["text2img"]}
MOST = 200.0
"""Points of a loss beyond which none is looked for."""
ALLOWED = 0.01
"""False alarms."""

Rule = Callable[[Sequence[Scores], int], bool]


def new_rule(session: Sequence[Scores], seeds: int) -> bool:
    """Whether the rule that ships fails a session of so many seeds."""
    return judge(session, (HELD[:seeds],), HELD).alarm


def old_rule(session: Sequence[Scores], seeds: int) -> bool:
    """Whether flipping signs of cases shows a loss beyond the tolerance, with Holm's correction."""
    alarms = []
    for scores in session:
        for metric, before, after in zip(scores.metrics, scores.before, scores.after, strict=True):
            gains = (after - before)[:, :seeds].mean(axis=1) * (1 if metric.higher_is_better else -1)
            alpha = 0.004 / len(scores.metrics)
            alarms.append(-gains.mean() > metric.tolerance and stats.sign_flip_p(gains, alpha) < alpha)
    return any(alarms)


RULES: dict[str, Rule] = {"sdeval": new_rule, "sign flips": old_rule}


def false_alarms(noise: str, cases: int, sessions: int) -> list[float]:
    """Share of sessions with an alarm, for each number of seeds."""
    counts = [0] * len(SEEDS)
    for number in range(sessions):
        rng = np.random.default_rng((number, cases))
        session = simulate(rng, NOISES[noise], keep_scores, (cases, len(HELD)), SUITE)
        for place, seeds in enumerate(SEEDS):
            counts[place] += new_rule(session, seeds)
    return [count / sessions for count in counts]


def losses(cases: int, seeds: int, rule: str, sessions: int) -> Floats:
    """For each session the smallest loss that is found, in points; `inf` where none is."""
    smallest = []
    for number in range(sessions):
        rng = np.random.default_rng((number, cases, seeds))
        session = simulate(rng, NOISES["normal"], keep_scores, (cases, len(HELD)), SUITE)
        low, high = 0.0, MOST
        if not RULES[rule](with_lower_clip_score(session, high), seeds):
            smallest.append(math.inf)
            continue
        while high - low > 0.05:
            middle = (low + high) / 2
            low, high = (low, middle) if RULES[rule](with_lower_clip_score(session, middle), seeds) else (middle, high)
        smallest.append(high)
    return np.array(smallest)


def with_lower_clip_score(session: Sequence[Scores], loss: float) -> list[Scores]:
    """The session with every CLIP score lower."""
    after = [
        value - loss if m is CLIP else value for m, value in zip(session[0].metrics, session[0].after, strict=True)
    ]
    return [replace(session[0], after=tuple(after))]


def describe_loss(values: Floats, share: float) -> str:
    """The loss that so many sessions find."""
    value = float(np.quantile(values, share, method="higher"))
    return f"{value:.3g}" if math.isfinite(value) else "none"


def main() -> int:
    """Print both tables; exit with 1 where false alarms are above 1 in 100 sessions by more than chance."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=200, help="in which nothing changed, for each cell")
    parser.add_argument("--losses", type=int, default=50, help="sessions by which losses are found, for each cell")
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    worst = 0.0
    with Pool(args.processes) as pool:
        request = [(noise, cases, args.sessions) for noise in NOISES for cases in SIZES]
        rates = dict(zip([cell[:2] for cell in request], pool.starmap(false_alarms, request, chunksize=1), strict=True))
        print(f"Percent of {args.sessions} sessions with a false alarm, with 1, 2 and 4 seeds\n")
        print("| scores | " + " | ".join(f"{cases} cases" for cases in SIZES) + " |\n|---" + "|---" * len(SIZES) + "|")
        for noise in NOISES:
            cells = [" / ".join(f"{100 * rate:.1f}" for rate in rates[noise, cases]) for cases in SIZES]
            print(f"| {noise} | " + " | ".join(cells) + " |", flush=True)
            worst = max(worst, *(rate for cases in SIZES for rate in rates[noise, cases]))
        print("\nSmallest loss found with 80% and 99% power, in points\n")
        print("| | " + " | ".join(f"{cases} cases" for cases in SIZES) + " |\n|---" + "|---" * len(SIZES) + "|")
        for rule in RULES:
            for seeds in SEEDS:
                find = partial(losses, seeds=seeds, rule=rule, sessions=args.losses)
                losses_by_size = pool.map(find, SIZES, chunksize=1)
                cells = [f"{describe_loss(cell, 0.8)}, {describe_loss(cell, 0.99)}" for cell in losses_by_size]
                print(f"| {rule}, {seeds} seeds | " + " | ".join(cells) + " |", flush=True)
    # Chance alone moves a rate by this much, nearly always.
    slack = 2.6 * math.sqrt(ALLOWED * (1 - ALLOWED) / args.sessions)
    return int(worst > ALLOWED + slack)


if __name__ == "__main__":
    sys.exit(main())
