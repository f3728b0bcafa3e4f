"""How many seeds or cases, or which tolerance, would decide a metric that is inconclusive."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sdeval import stats

MOST_SEEDS = 16
"""More seeds of a case than this are not advised."""
MOST_TIMES = 4
"""More than this many times the cases of a suite are not advised."""


@dataclass(frozen=True, slots=True)
class Decision:
    """An inconclusive metric; losses are in its unit, and positive where it got worse."""

    loss: float
    tolerance: float
    error: float
    """Standard error of the loss."""
    cases: int
    seeds: int
    seed_variance: float
    """Variance of the difference of two images by their seeds alone; 0 where it is not known that more seeds help."""
    shown_at: float
    """Level at which a loss is shown."""
    excluded_at: float
    """Level at which a loss as large as the tolerance is excluded."""
    session_level: float
    """Probability that a session in which nothing changed reports a loss."""
    wide_enough: float
    """The tolerance with which it would have passed."""

    @property
    def is_beyond(self) -> bool:
        """Whether the loss is at least as large as the tolerance."""
        return self.loss >= self.tolerance

    @property
    def needed_error(self) -> float:
        """The standard error with which this loss would be decided four times in five.

        A loss beyond the tolerance would be shown, a smaller one would pass.
        """
        if self.loss > self.tolerance:
            return self.loss / (self._quantile(self.shown_at) + self._quantile(1 - stats.POWER))
        return (self.tolerance - self.loss) / (self._quantile(self.excluded_at) + self._quantile(1 - stats.POWER))

    @staticmethod
    def _quantile(level: float) -> float:
        return stats.quantile(1 - level, math.inf)

    @property
    def needed_seeds(self) -> int | None:
        """Seeds a case that would decide; None where no number of them would."""
        by_seeds = min(1.0, self.seed_variance / self.seeds / self.cases / self.error**2)
        left = (self.needed_error / self.error) ** 2 - (1 - by_seeds)
        enough = by_seeds > 0 and self.seeds * by_seeds <= MOST_SEEDS * left
        return math.ceil(self.seeds * by_seeds / left) if enough else None

    @property
    def needed_cases(self) -> int | None:
        """Cases that would decide; None where a suite could not have so many."""
        enough = self.error < MOST_TIMES * self.needed_error
        return math.ceil(self.cases * (self.error / self.needed_error) ** 2) if enough else None

    @property
    def advised_seeds(self) -> int | None:
        """Seeds a case that would decide, if it is practical to generate so many."""
        # Without an error, exactly the tolerance was lost, and more seeds or cases show the same.
        needed = self.needed_seeds if self.error > 0 else None
        return needed if needed is not None and self.seeds < needed <= MOST_SEEDS else None

    @property
    def advised_cases(self) -> int | None:
        """Cases that would decide, if it is practical to have so many."""
        needed = self.needed_cases if self.error > 0 else None
        return needed if needed is not None and self.cases < needed <= MOST_TIMES * self.cases else None
