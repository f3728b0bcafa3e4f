"""The mean gain of a suite's cases and how sure it is, also where there are few of them.

A plain t-test of one case is impossible, and a t-test of three cases needs a loss of many standard deviations. The
baseline's own seeds add information: they show how much the scores of one case differ from seed to seed. A harmless
change may move the score of a prompt further than another seed does, because another scheduler composes the image
differently. Few cases do not show how far, so a margin of several tolerances is added. This is used in two ways:

- `moderated_mean` uses it as a prior for the variance of a case's gain. The more cases there are, the more they correct
  the prior (Smyth 2004, "Linear models and empirical Bayes methods", section 3; here the prior is stated, not fitted).
- `stated_mean` uses it as the variance itself, with a wider margin. It detects losses that are large but differ from
  case to case, as when one image in eight shows something else. Such losses inflate the variance of `moderated_mean`.

The numbers were chosen on the score distributions of `benchmarks/error_rates.py`: they are the least strict ones with
which no distribution raises an alarm in more than 1 of 100 sessions, down to suites of one case.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sdeval.stats.arrays import Floats

PRIOR_FREEDOM = 4.0
"""Degrees of freedom of the prior: it counts as much as four more cases."""
PRIOR_TOLERANCES = 3.5
"""How far a harmless change moves a single case by the prior, besides the spread over seeds: one standard deviation, in
tolerances."""
STATED_TOLERANCES = 6.0
"""The same for `stated_mean`, where no cases correct it."""
STATED_FREEDOM = 30.0
"""The most degrees of freedom of a spread over seeds: cases that are not in the suite may vary differently."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A gain, positive for better; `(gain - true gain) / error` follows Student's t distribution."""

    gain: float
    error: float
    """Standard error; infinite where it cannot be estimated."""
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
        """The probability of a gain this far below, if the true gain is zero."""
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
    """How precisely the variance is known, in degrees of freedom."""
    tolerance: float = math.inf
    """The smallest loss that matters, independent of the spread. A tolerance that was derived from the spread may be
    larger, and does not measure how far a harmless change moves a single prompt."""

    @property
    def deviation(self) -> float:
        """Standard deviation."""
        return math.sqrt(self.variance)


@dataclass(frozen=True, slots=True)
class Prior:
    """An estimate of the variance of one case's mean gain before any gain is measured."""

    variance: float
    freedom: float

    @classmethod
    def of(cls, spread: Spread, seeds: int, tolerance: float) -> Prior:
        """The prior that the spread over seeds gives.

        Args:
            spread: of single scores over the seeds of a case.
            seeds: how many seeds a case's gain is averaged over, on both sides.
            tolerance: the smallest loss that matters.
        """
        variance = 2 * spread.variance / seeds + (PRIOR_TOLERANCES * tolerance) ** 2
        return cls(variance, min(PRIOR_FREEDOM, spread.freedom))


def stated_mean(gains: Floats, spread: Spread, seeds: int, tolerance: float) -> Estimate:
    """The mean of gains, with a variance from the spread over seeds and a margin of tolerances.

    Args:
        gains: `[cases]`, positive for better.
        spread: of single scores over the seeds of a case.
        seeds: how many seeds a case's gain is averaged over, on both sides.
        tolerance: the smallest loss that matters.
    """
    variance = 2 * spread.variance / seeds + (STATED_TOLERANCES * tolerance) ** 2
    error = math.sqrt(variance / len(gains))
    return Estimate(float(gains.mean()), error, min(STATED_FREEDOM, spread.freedom))


def seed_spread(scores: Sequence[Floats] | Floats) -> Spread | None:
    """Variance over the seeds of a case, pooled over cases; None with one seed.

    Args:
        scores: for each case the scores of its seeds.
    """
    freedom = sum(len(case_scores) - 1 for case_scores in scores)
    squares = sum(float(np.square(case_scores - case_scores.mean()).sum()) for case_scores in scores)
    return Spread(squares / freedom, freedom) if freedom else None


def between_cases(scores: Sequence[Floats] | Floats) -> Spread | None:
    """Variance of the means of cases, which is at least that over seeds; None with one case.

    It replaces `seed_spread` where there is one seed, or where the scores of a case are not independent.

    Args:
        scores: for each case the scores of its seeds.
    """
    means = np.array([case_scores.mean() for case_scores in scores])
    return Spread(float(means.var(ddof=1)), len(means) - 1) if len(means) > 1 else None


def moderated_mean(gains: Floats, prior: Prior | None) -> Estimate:
    """The mean of gains, with a variance that is shrunk towards the prior's.

    `(d0 s0² + (n - 1) s²) / (d0 + n - 1)` with `d0 + n - 1` degrees of freedom (Smyth 2004, section 3).

    Args:
        gains: `[cases]`, positive for better.
        prior: None without prior knowledge; then it is Student's test, which needs at least two cases.

    Example:
        >>> moderated_mean(np.array([-1.0, -3.0]), Prior(2.0, 4.0))
        Estimate(gain=-2.0, error=1.0, freedom=5.0)
    """
    count = len(gains)
    prior_freedom = 0.0 if prior is None else prior.freedom
    freedom = prior_freedom + count - 1
    if not freedom:
        return Estimate(float(gains.mean()), math.inf, 1.0)
    squares = prior_freedom * prior.variance if prior else 0.0
    if count > 1:
        squares += (count - 1) * float(gains.var(ddof=1))
    return Estimate(float(gains.mean()), math.sqrt(squares / freedom / count), freedom)
