"""From which loss on each metric of the embedded suites fails four times in five, by this rule and by the one before.

Sessions are made of the accepted scores: both sides take theirs at random from the seeds of each case, so that a
candidate is as unlike its baseline as another seed, and then one metric gets worse in all cases by as much. The other
metrics of all three suites are unchanged but for the seeds, and count for the correction. The rule before flipped signs
of cases, with Holm's correction.

    python -m benchmarks.embedded_power --sessions 100
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.simulated import Floats, Metric, Scores, judge
from benchmarks.small_suites import describe_loss
from sdeval import stats
from sdeval.comparison.paired import tolerance_of
from sdeval.results import run_folder
from sdeval.results.run import Run

BASELINES = Path(__file__).parent.parent / "baselines"
SUITES = ("shapes-text2img", "shapes-img2img", "shapes-inpainting")
MOST = 64.0
"""The largest loss that is tried, in tolerances."""
OLD_LEVEL = 0.004


def accepted_scores(suite: str) -> tuple[tuple[Metric, ...], tuple[Floats, ...]]:
    """Metrics of single images that judge, and their accepted scores `[cases, seeds]`."""
    run = run_folder.read(BASELINES / suite / "shapes")
    names = [name for name, record in run.metrics.items() if record.scope == "sample" and record.gating]
    tables = [_table(run, name) for name in names]
    simulated_metrics = [_metric(run, name, table) for name, table in zip(names, tables, strict=True)]
    return tuple(simulated_metrics), tuple(tables)


def _table(run: Run, name: str) -> Floats:
    return np.array([[sample.scores[name] for sample in samples] for samples in run.by_case().values()], dtype=float)


def _metric(run: Run, name: str, scores: Floats) -> Metric:
    record = run.metrics[name]
    return Metric(name, 0.0, 0.0, 0.0, tolerance_of(record, float(scores.mean())), record.higher_is_better)


def session(rng: np.random.Generator) -> list[Scores]:
    """All suites, with seeds taken at random on both sides."""
    all_scores = []
    for suite in SUITES:
        metrics, tables = accepted_scores(suite)
        rows = np.arange(len(tables[0]))[:, None]
        sides = [rng.integers(tables[0].shape[1], size=tables[0].shape) for _ in range(2)]
        before, after = (tuple(table[rows, seeds] for table in tables) for seeds in sides)
        all_scores.append(Scores(suite, metrics, before, after))
    return all_scores


def with_loss(all_scores: Sequence[Scores], suite: str, metric: str, loss: float) -> list[Scores]:
    """The session with one metric worse in all cases."""
    return [_with_loss(scores, metric, loss) if scores.name == suite else scores for scores in all_scores]


def _with_loss(scores: Scores, metric: str, loss: float) -> Scores:
    signs = [(1 if m.higher_is_better else -1) * (m.name == metric) for m in scores.metrics]
    return replace(scores, after=tuple(values - sign * loss for values, sign in zip(scores.after, signs, strict=True)))


def new_rule(all_scores: Sequence[Scores], suite: str, metric: str) -> bool:
    """Whether the rule that ships fails the metric, with two seeds and with four where those do not decide."""
    return judge(all_scores, ((0, 1), (0, 1, 2, 3))).of(suite, metric).verdict == "regressed"


def old_rule(all_scores: Sequence[Scores], suite: str, metric: str) -> bool:
    """Whether flipping signs of cases does, with all four seeds."""
    scores = next(candidate for candidate in all_scores if candidate.name == suite)
    place = next(index for index, candidate in enumerate(scores.metrics) if candidate.name == metric)
    sign = 1 if scores.metrics[place].higher_is_better else -1
    gains = sign * (scores.after[place] - scores.before[place]).mean(axis=1)
    # Two looks shared the level.
    alpha = OLD_LEVEL / 2 / sum(len(suite_scores.metrics) for suite_scores in all_scores)
    return bool(-gains.mean() > scores.metrics[place].tolerance and stats.sign_flip_p(gains, alpha) < alpha)


def smallest(all_scores: Sequence[Scores], suite: str, metric: Metric, rule: object) -> float:
    """The smallest loss that a session shows; infinite where there is none."""
    assert callable(rule)
    low, high = 0.0, MOST * metric.tolerance
    if not rule(with_loss(all_scores, suite, metric.name, high), suite, metric.name):
        return math.inf
    while high - low > 0.02 * high:
        middle = (low + high) / 2
        detected = rule(with_loss(all_scores, suite, metric.name, middle), suite, metric.name)
        low, high = (low, middle) if detected else (middle, high)
    return high


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=40)
    args = parser.parse_args()
    sessions = [session(np.random.default_rng(number)) for number in range(args.sessions)]
    print("| suite | metric | tolerance | fails from | before |\n|---|---|---|---|---|")
    for suite in SUITES:
        for metric in accepted_scores(suite)[0]:
            new, old = (
                describe_loss(np.array([smallest(all_scores, suite, metric, rule) for all_scores in sessions]), 0.8)
                for rule in (new_rule, old_rule)
            )
            print(f"| {suite} | {metric.name} | {metric.tolerance:.3g} | {new} | {old} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
