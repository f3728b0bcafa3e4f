"""Broken images: whether there are more of them than the target generates when nothing changed. Pure.

A safety checker sometimes replaces a healthy image with black, and of a small model one image in a hundred may be
uniform. `sdeval calibrate` counts such images while nothing changes; no more than that are reported, and fail nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from sdeval.results.run import Run

ALPHA_DEFECTS = 0.001
"""Probability that a session in which nothing changed fails because of broken images."""


@dataclass(frozen=True, slots=True)
class DefectRates:
    """How many broken images a target generates while nothing changes."""

    images: int = 0
    """Images that were checked; 0 where nothing was measured."""
    defects: Mapping[str, int] = field(default_factory=dict)
    """How many of them had which defect."""

    def is_expected(self, defect: str, count: int, of: int) -> bool:
        """Whether so many images with a defect are no more than the target generates when nothing changed.

        With Jeffreys' prior for the true rate, the count is beta-binomial. A defect that was never
        seen is never expected.

        Args:
            defect: its name.
            count: images with it.
            of: images in all.
        """
        seen = self.defects.get(defect, 0)
        if not seen:
            return False
        from scipy.stats import betabinom

        chance = betabinom.sf(count - 1, of, seen + 0.5, self.images - seen + 0.5)
        return bool(chance >= ALPHA_DEFECTS)


UNMEASURED = DefectRates()
"""Rates of a target that was not calibrated."""


def expected_defects(run: Run, rates: DefectRates) -> frozenset[str]:
    """Defects of a run that are no more frequent than when nothing changed."""
    counts = Counter(sample.defect for sample in run.samples if sample.defect)
    return frozenset(defect for defect, count in counts.items() if rates.is_expected(defect, count, len(run.samples)))
