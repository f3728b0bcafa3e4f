"""Plots of a run."""

from __future__ import annotations

from collections.abc import Sequence

from sdeval.compare.verdict import Verdict
from sdeval.report.cards import Beside


def plots_of(verdicts: Sequence[Verdict], beside: Beside) -> tuple[str, ...]:
    """To come."""
    return ()
