"""How often slow drift is reported where there is none, and how soon where there is: simulated histories of one figure.

Nothing changes in the first table: whatever is reported is a false alarm, by any of so many figures. In the second, a
figure becomes worse after some sessions: how many histories tell of it within a hundred more, and after how many of
them, in the median.

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

FIGURES = (1, 20)
BEFORE = (10, 30, 100)
"""Sessions before anything changes."""
AFTER = 100


def in_line(rng: Rng, size: tuple[int, int]) -> Floats:
    """Every session half of the one before it, and something new: what the theory presumes not to be."""
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
    "0.1 a session": 0.1 * np.arange(1, AFTER + 1),
    "0.3 a session": 0.3 * np.arange(1, AFTER + 1),
}


def alarms(values: Floats, figures: int) -> npt.NDArray[np.bool_]:
    """Whether the sum is above the threshold of so many figures, `[histories, sessions]`."""
    return cusum.evidence(values) > cusum.threshold(figures)


def false_alarms(histories: int, rng: Rng) -> list[str]:
    """Share of histories that tell of drift, by noise and number of figures."""
    lines = [
        f"| nothing changes in {cusum.SESSIONS} sessions | " + " | ".join(map(_figures, FIGURES)) + " |",
        "|---|---|---|",
    ]
    for name, noise in NOISES.items():
        values = noise(rng, (histories, cusum.SESSIONS))
        rates = [1 - (1 - alarms(values, each).any(axis=1).mean()) ** each for each in FIGURES]
        lines.append(f"| {name} | " + " | ".join(f"{rate:.1%}" for rate in rates) + " |")
    return lines


def delays(histories: int, rng: Rng) -> list[str]:
    """How many are found, and after how many sessions."""
    columns = [f"{before} before, {_figures(each)}" for before in BEFORE for each in FIGURES]
    lines = ["| what gets worse | " + " | ".join(columns) + " |", "|---" * (1 + len(columns)) + "|"]
    for name, loss in LOSSES.items():
        cells = []
        for before in BEFORE:
            values = rng.normal(size=(histories, before + AFTER))
            values[:, before:] += loss
            cells += [_delay(alarms(values, each), before) for each in FIGURES]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def _delay(above: npt.NDArray[np.bool_], before: int) -> str:
    fair = above[~above[:, :before].any(axis=1), before:]
    found = fair.any(axis=1)
    if not found.any():
        return "0%"
    return f"{found.mean():.0%}, {np.median(fair[found].argmax(axis=1) + 1):.0f}"


def _figures(count: int) -> str:
    return f"{count} figure{'s' if count > 1 else ''}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--histories", type=int, default=20_000)
    given = parser.parse_args(arguments)
    rng = np.random.default_rng(0)
    print("\n".join([*false_alarms(given.histories, rng), "", *delays(given.histories // 5, rng)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
