"""What is said of a case, or of a figure of a suite, and in which order it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal[
    "broken",
    "regressed",
    "not comparable",
    "unscored",
    "new",
    "inconclusive",
    "improved",
    "passed",
    "information",
    "skipped",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""All verdicts, worst first."""

FAILING: frozenset[Kind] = frozenset({"broken", "regressed", "not comparable", "unscored"})
"""Fail a session wherever it runs; `new` fails a strict one."""

SUITE = ""
"""The case of a verdict that is about the whole suite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is said of one case, or of one figure of a suite, on one target."""

    suite: str
    """Name of the suite."""
    target: str
    """Name of what drew."""
    metric: str
    """Name of the metric or speed figure; `health` for a case's pictures."""
    case: str
    """Empty for a figure of the whole suite."""
    verdict: Kind
    """What is said of it."""
    baseline: float | None = None
    """Value of what it is held against."""
    current: float | None = None
    """Value now."""
    delta: float | None = None
    """Current minus baseline, in the metric's unit."""
    higher_is_better: bool = True
    """Whether a rise is a gain."""
    low: float | None = None
    """Lower end of the 95% interval of the delta."""
    high: float | None = None
    """Upper end of the 95% interval of the delta."""
    tolerance: float | None = None
    """Loss that is allowed, in the metric's unit."""
    noise: float | None = None
    """What the figure does from one set of seeds to another, where that was measured."""
    p_value: float | None = None
    """Of a loss, or of a gain where it is `improved`, after correction for what was judged together."""
    n: int = 0
    """What it rests on: cases for a figure, pictures for a case, pipeline calls for speed."""
    reason: str = ""
    """What else there is to say, in plain words."""

    @property
    def name(self) -> str:
        """What items and pages call it: the case, or the metric."""
        return self.case or self.metric

    @property
    def loss(self) -> float:
        """Loss in tolerances, negative where it is a gain; the worst first is sorted by it."""
        if not self.delta or not self.tolerance:
            return 0.0
        return (-self.delta if self.higher_is_better else self.delta) / self.tolerance

    def fails(self, *, strict: bool) -> bool:
        """Whether it fails a session."""
        return self.verdict in FAILING or (strict and self.verdict == "new")


def worst_first(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """By kind, then by loss; otherwise in the order given."""
    return sorted(verdicts, key=lambda each: (KINDS.index(each.verdict), -each.loss))


def summary(verdicts: Sequence[Verdict]) -> Mapping[Kind, int]:
    """How many of each kind, worst first, without zeros."""
    counts = {kind: sum(each.verdict == kind for each in verdicts) for kind in KINDS}
    return {kind: count for kind, count in counts.items() if count}
