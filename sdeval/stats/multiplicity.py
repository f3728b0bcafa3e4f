"""Looking at many metrics at once (Benjamini and Hochberg 1995).

Where nothing changed, a session raises a false alarm with no more than the level it was given, as with Bonferroni's
correction. Where something did get worse, the rest of what is flagged is right but for a share of that level. Metrics
that move together, as they do when prompts do not arrive, help each other, where Bonferroni's makes each pay for all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def adjusted_p(p_values: Sequence[float], total: int | None = None) -> list[float]:
    """P-values adjusted for looking at all of them: below a level where they are shown at that level.

    Args:
        p_values: those at hand.
        total: how many there are in all, if more than are at hand; the missing ones count as 1.

    Example:
        >>> adjusted_p([0.01, 0.04, 0.03])
        [0.03, 0.04, 0.04]
    """
    if not p_values:
        return []
    from scipy.stats import false_discovery_control

    missing = max(total or 0, len(p_values)) - len(p_values)
    found = false_discovery_control(np.array([*p_values, *[1.0] * missing]))
    return [float(value) for value in found[: len(p_values)]]


def share_of_level(adjusted: Sequence[float], level: float, total: int | None = None) -> float:
    """The share of the level at which an interval leaves out zero just where its adjusted p-value is below the level.

    With `r` of `m` shown, each of them has a p-value below `r / m` of the level, and none of the others has
    (Benjamini and Yekutieli 2005, "False discovery rate-adjusted multiple confidence intervals").

    Example:
        >>> share_of_level([0.003, 0.2, 0.5, 0.7], 0.004)
        0.25
    """
    return max(1, sum(value < level for value in adjusted)) / max(total or 0, len(adjusted), 1)
