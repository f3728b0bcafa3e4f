"""Broken images: whether there are more of them than the target makes by itself. Pure.

A safety checker blacks out a healthy image now and then, and a small model paints one in a hundred flat. `sdeval
calibrate` counts such images while nothing changes; what lies within that is shown and named, and fails nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sdeval.results.records import SampleResult
from sdeval.results.run import Run

ALPHA_DEFECTS = 0.001
"""Chance that a session in which nothing changed has so many broken images that it fails."""


@dataclass(frozen=True, slots=True)
class DefectRates:
    """How many broken images a target generates while nothing changes."""

    images: int = 0
    """Images that were checked; 0 where nothing was measured."""
    defects: Mapping[str, int] = field(default_factory=dict)
    """How many of them had which defect."""

    def expected(self, defect: str, count: int, of: int) -> bool:
        """Whether so many images with a defect are no more than the target makes by itself.

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

    def words(self, defect: str) -> str:
        """What is known of a defect."""
        if not self.images:
            return "if the target does this by itself now and then, sdeval calibrate measures how often"
        return f"by itself the target makes {self.defects.get(defect, 0)} of {self.images} images {defect}"


UNMEASURED = DefectRates()
"""Rates of a target that was not calibrated."""


def expected_defects(run: Run, rates: DefectRates) -> frozenset[str]:
    """Defects of a run of which it has no more than its target makes by itself."""
    counts = Counter(sample.defect for sample in run.samples if sample.defect)
    return frozenset(defect for defect, count in counts.items() if rates.expected(defect, count, len(run.samples)))


def named(broken: Sequence[SampleResult], rates: DefectRates) -> str:
    """Which seeds have which defect, and how often the target does that by itself."""
    seeds = ", ".join(f"seed {sample.seed} is {sample.defect} ({sample.detail})" for sample in broken)
    return f"{seeds}; {'; '.join(dict.fromkeys(rates.words(sample.defect) for sample in broken))}"
