"""The mean gain of a suite's cases and how sure it is, also where there are few of them.

A plain t-test of one case is impossible, and of three needs a loss of many standard deviations. What is known besides
helps: how much the scores of one case differ from seed to seed, which the baseline's own seeds show. A healthy change
may move a prompt further than its seeds do, as another scheduler composes the image in another way; how far is not
known from few cases, so a margin of some tolerances is added. This is used in two ways:

- `moderated_mean`: as a prior for the variance of a case's gain, which the cases themselves correct the more, the more
  there are (Smyth 2004, "Linear models and empirical Bayes methods", section 3; here the prior is stated, not fitted).
- `stated_mean`: as the variance itself, with a wider margin. It finds losses that are large but unlike each other, as
  when one image in eight shows something else: they blow up the variance that the first one measures.

The numbers were chosen on the score shapes of `benchmarks/error_rates.py`: the least strict with which no shape raises
an alarm in more than 1 of 100 sessions, down to suites of one case.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sdeval.stats.arrays import Floats

PRIOR_FREEDOM = 4.0
"""Degrees of freedom that the prior counts for: as much as four more cases."""
PRIOR_TOLERANCES = 3.5
"""How far the prior takes a change that makes nothing worse to move a single case, in tolerances (one standard
deviation), besides what seeds do."""
STATED_TOLERANCES = 6.0
"""The same where nothing corrects it."""
STATED_FREEDOM = 30.0
"""Most degrees of freedom that a spread over seeds may count for: cases that are not there may vary otherwise."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A gain, positive for better; `(gain - true gain) / error` follows Student's t distribution."""

    gain: float
    error: float
    """Standard error; infinite where nothing is known of it."""
    freedom: float
    """Degrees of freedom."""

    def p_worse(self, than: float = 0.0) -> float:
        """One-sided p-value of "the true gain is below `than`": small where it is shown to be.

        Example:
            >>> round(Estimate(-2.0, 1.0, 10.0).p_worse(), 3)
            0.037
        """
        return self._below(self.gain - than)

    def p_better(self, than: float = 0.0) -> float:
        """One-sided p-value of "the true gain is above `than`"."""
        return self._below(than - self.gain)

    @property
    def p_either(self) -> float:
        """One-sided p-value in the direction of the gain."""
        return self.p_worse() if self.gain < 0 else self.p_better()

    def _below(self, distance: float) -> float:
        """The chance of a gain that far below, if there is none."""
        if math.isinf(self.error):
            return 1.0
        if not self.error:
            return 0.0 if distance < 0 else 1.0
        from scipy.special import stdtr

        return float(stdtr(self.freedom, distance / self.error))

    def at_least(self, level: float) -> float:
        """Lower bound of the true gain, wrong with a probability of `level`."""
        return self.gain - self._margin(level)

    def at_most(self, level: float) -> float:
        """Upper bound of the true gain, wrong with a probability of `level`."""
        return self.gain + self._margin(level)

    def _margin(self, level: float) -> float:
        from scipy.special import stdtrit

        return float(stdtrit(self.freedom, 1 - level)) * self.error if math.isfinite(self.error) else math.inf


@dataclass(frozen=True, slots=True)
class Spread:
    """How much scores of one case differ from seed to seed."""

    variance: float
    freedom: float
    """How much is known of it, in degrees of freedom."""
    tolerance: float = math.inf
    """The smallest loss that matters whatever the spread is. A tolerance that was derived from the spread may be
    larger, and is no measure of how far a harmless change moves a single prompt."""

    @property
    def deviation(self) -> float:
        """Standard deviation."""
        return math.sqrt(self.variance)


@dataclass(frozen=True, slots=True)
class Prior:
    """What is known of the variance of one case's mean gain before any gain is seen."""

    variance: float
    freedom: float

    @classmethod
    def of(cls, spread: Spread, seeds: int, tolerance: float) -> Prior:
        """The prior that the spread over seeds gives.

        Args:
            spread: of single scores over the seeds of a case.
            seeds: of which a case's gain is the mean, on both sides.
            tolerance: the smallest loss that matters.
        """
        variance = 2 * spread.variance / seeds + (PRIOR_TOLERANCES * tolerance) ** 2
        return cls(variance, min(PRIOR_FREEDOM, spread.freedom))


def stated_mean(gains: Floats, spread: Spread, seeds: int, tolerance: float) -> Estimate:
    """The mean of gains, with the variance that seeds and a margin of tolerances state.

    Args:
        gains: `[cases]`, positive for better.
        spread: of single scores over the seeds of a case.
        seeds: of which a case's gain is the mean, on both sides.
        tolerance: the smallest loss that matters.
    """
    variance = 2 * spread.variance / seeds + (STATED_TOLERANCES * tolerance) ** 2
    error = math.sqrt(variance / len(gains))
    return Estimate(float(gains.mean()), error, min(STATED_FREEDOM, spread.freedom))


def seed_spread(scores: Sequence[Floats] | Floats) -> Spread | None:
    """Variance over the seeds of a case, pooled over cases; None with one seed.

    Args:
        scores: for each case those of its seeds.
    """
    freedom = sum(len(each) - 1 for each in scores)
    squares = sum(float(np.square(each - each.mean()).sum()) for each in scores)
    return Spread(squares / freedom, freedom) if freedom else None


def between_cases(scores: Sequence[Floats] | Floats) -> Spread | None:
    """Variance of the means of cases, which is at least that over seeds; None with one case.

    Stands in for `seed_spread` where there is one seed, or where the scores of a case are not independent.

    Args:
        scores: for each case those of its seeds.
    """
    means = np.array([each.mean() for each in scores])
    return Spread(float(means.var(ddof=1)), len(means) - 1) if len(means) > 1 else None


def moderated_mean(gains: Floats, prior: Prior | None) -> Estimate:
    """The mean of gains, with a variance that is shrunk towards the prior's.

    `(d0 s0² + (n - 1) s²) / (d0 + n - 1)` with `d0 + n - 1` degrees of freedom (Smyth 2004, section 3).

    Args:
        gains: `[cases]`, positive for better.
        prior: None where nothing is known; then it is Student's test, and one case shows nothing.

    Example:
        >>> moderated_mean(np.array([-1.0, -3.0]), Prior(2.0, 4.0))
        Estimate(gain=-2.0, error=1.0, freedom=5.0)
    """
    count = len(gains)
    known = 0.0 if prior is None else prior.freedom
    freedom = known + count - 1
    if not freedom:
        return Estimate(float(gains.mean()), math.inf, 1.0)
    squares = known * prior.variance if prior else 0.0
    if count > 1:
        squares += (count - 1) * float(gains.var(ddof=1))
    return Estimate(float(gains.mean()), math.sqrt(squares / freedom / count), freedom)
