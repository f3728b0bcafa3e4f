"""What would decide a metric that is inconclusive: more seeds, more cases or a wider tolerance, by the least work."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sdeval import stats

MOST_SEEDS = 16
"""Seeds of a case beyond which more of them are no advice."""
MOST_TIMES = 4
"""How many times its cases a suite may be advised to have."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A metric that is inconclusive; losses are in its unit, positive for worse."""

    loss: float
    tolerance: float
    error: float
    """Standard error of the loss."""
    cases: int
    seeds: int
    seed_variance: float
    """Variance of a single difference by seeds alone; 0 where more seeds bring nothing that is known."""
    shown_at: float
    """Level at which a loss is shown."""
    excluded_at: float
    """Level at which a loss as large as the tolerance is excluded."""
    request: float
    """Level of the session at which a loss is shown."""
    wide_enough: float
    """The tolerance by which it would have passed."""

    @property
    def needed_error(self) -> float:
        """The error with which it is decided four times in five, if the loss stays what it is.

        Shown if it is beyond the tolerance, excluded if not.
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
        """Cases that would decide; None where it is no number that a suite could have."""
        enough = self.error < MOST_TIMES * self.needed_error
        return math.ceil(self.cases * (self.error / self.needed_error) ** 2) if enough else None


def advice(decision: Decision) -> str:
    """What would decide, with numbers; never more than can be done."""
    if not math.isfinite(decision.error):
        return "so few cases and seeds do not show how much they vary; give the suite more of both"
    ways = []
    # Without any error it is the tolerance itself that was lost, and more of anything says the same.
    known = decision.error > 0
    seeds, cases = (decision.needed_seeds, decision.needed_cases) if known else (None, None)
    if seeds is not None and decision.seeds < seeds <= MOST_SEEDS:
        ways.append(f"{seeds} seeds a case instead of {decision.seeds}")
    if cases is not None and decision.cases < cases <= MOST_TIMES * decision.cases:
        ways.append(f"{cases} cases instead of {decision.cases}")
    beyond = decision.loss >= decision.tolerance
    state = (
        f"worse than its tolerance, but by chance in more than {decision.request:.1%} of sessions"
        if beyond
        else "a loss as large as its tolerance is not excluded"
    )
    if ways:
        return f"{state}; {' or '.join(ways)} would decide"
    # A tolerance that lets a loss pass which is there is no advice.
    return state if beyond else f"{state}; a loss of {_rounded(decision.wide_enough)} is"


def _rounded(value: float) -> str:
    """The next larger number of two digits: a loss as large as what is stated must be excluded."""
    digit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return f"{(math.floor(value / digit + 1e-9) + 1) * digit:.6g}"
