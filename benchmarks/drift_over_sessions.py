"""How often a trend is reported where there is none, and how soon where there is one, in simulated histories.

In the first table nothing changes, so every report is a false alarm, by any of the metrics. In the second, a metric
becomes worse after some sessions: the table shows how many histories report it within a hundred more sessions, and
after how many of them, in the median.

    python benchmarks/drift_over_sessions.py --histories 20000
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from sdeval.stats import cusum

Floats = npt.NDArray[np.float64]
Rng = np.random.Generator

METRIC_COUNTS = (1, 20)
BEFORE = (10, 30, 100)
"""Sessions before anything changes."""
AFTER = 100


def in_line(rng: Rng, size: tuple[int, int]) -> Floats:
    """Correlated sessions: each is half of the previous one and something new, against the assumption of the theory."""
    noise = rng.normal(size=size)
    for session in range(1, size[1]):
        noise[:, session] = 0.5 * noise[:, session - 1] + np.sqrt(0.75) * noise[:, session]
    return noise


NOISES: dict[str, Callable[[Rng, tuple[int, int]], Floats]] = {
    "normal": lambda rng, size: rng.normal(size=size),
    "heavy tails (Student, 3)": lambda rng, size: rng.standard_t(3, size=size),
    "skewed to worse (exponential)": lambda rng, size: rng.exponential(size=size),
    "skewed to better": lambda rng, size: -rng.exponential(size=size),
    "each like the one before (0.5)": in_line,
}
LOSSES: dict[str, Floats] = {
    "1 deviation at once": np.ones(AFTER),
    "2 deviations at once": np.full(AFTER, 2.0),
    "0.1 a session": 0.1 * np.arange(1.0, AFTER + 1),
    "0.3 a session": 0.3 * np.arange(1.0, AFTER + 1),
}


def alarms(values: Floats, metrics: int) -> npt.NDArray[np.bool_]:
    """Whether the sum is above the threshold for this many metrics, `[histories, sessions]`."""
    return cusum.evidence(values) > cusum.threshold(metrics)


def false_alarms(histories: int, rng: Rng) -> list[str]:
    """Share of histories that report a trend, by distribution of scores and number of metrics."""
    lines = [
        f"| nothing changes in {cusum.SESSIONS} sessions | " + " | ".join(map(_count_metrics, METRIC_COUNTS)) + " |",
        "|---|---|---|",
    ]
    for name, noise in NOISES.items():
        values = noise(rng, (histories, cusum.SESSIONS))
        rates = [1 - (1 - alarms(values, metrics).any(axis=1).mean()) ** metrics for metrics in METRIC_COUNTS]
        lines.append(f"| {name} | " + " | ".join(f"{rate:.1%}" for rate in rates) + " |")
    return lines


def delays(histories: int, rng: Rng) -> list[str]:
    """How many trends are found, and after how many sessions."""
    columns = [f"{sessions} before, {_count_metrics(metrics)}" for sessions in BEFORE for metrics in METRIC_COUNTS]
    lines = ["| what gets worse | " + " | ".join(columns) + " |", "|---" * (1 + len(columns)) + "|"]
    for name, loss in LOSSES.items():
        cells = []
        for sessions in BEFORE:
            values = rng.normal(size=(histories, sessions + AFTER))
            values[:, sessions:] += loss
            cells += [_delay(alarms(values, metrics), sessions) for metrics in METRIC_COUNTS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def _delay(above: npt.NDArray[np.bool_], sessions: int) -> str:
    fair = above[~above[:, :sessions].any(axis=1), sessions:]
    detected = fair.any(axis=1)
    if not detected.any():
        return "0%"
    return f"{detected.mean():.0%}, {np.median(fair[detected].argmax(axis=1) + 1):.0f}"


def _count_metrics(count: int) -> str:
    return f"{count} metric{'s' if count > 1 else ''}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--histories", type=int, default=20_000)
    args = parser.parse_args(arguments)
    rng = np.random.default_rng(0)
    print("\n".join([*false_alarms(args.histories, rng), "", *delays(args.histories // 5, rng)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
