"""Correction for testing many metrics at once (Benjamini and Hochberg 1995).

Where nothing changed, the probability that a session raises a false alarm is at most its level, as with Bonferroni's
correction. Where something did get worse, the expected share of false alarms among the flagged metrics is at most that
level. Metrics that get worse together, for example because prompts are lost, support each other; with Bonferroni's
correction every further metric makes it harder to flag any of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def adjusted_p(p_values: Sequence[float], total: int | None = None) -> list[float]:
    """P-values adjusted for the number of tests: an adjusted value below a level is significant at that level.

    Args:
        p_values: the known ones.
        total: the number of tests, if there are more than known p-values; the others count as 1.

    Example:
        >>> adjusted_p([0.01, 0.04, 0.03])
        [0.03, 0.04, 0.04]
    """
    if not p_values:
        return []
    from scipy.stats import false_discovery_control

    absent = max(total or 0, len(p_values)) - len(p_values)
    adjusted = false_discovery_control(np.array([*p_values, *[1.0] * absent]))
    return [float(value) for value in adjusted[: len(p_values)]]


def share_of_level(adjusted: Sequence[float], level: float, total: int | None = None) -> float:
    """The share of the level with which an interval excludes zero exactly if its adjusted p-value is below the level.

    With `r` of `m` significant, exactly these `r` have a p-value below `r / m` of the level
    (Benjamini and Yekutieli 2005, "False discovery rate-adjusted multiple confidence intervals").

    Example:
        >>> share_of_level([0.003, 0.2, 0.5, 0.7], 0.004)
        0.25
    """
    return max(1, sum(value < level for value in adjusted)) / max(total or 0, len(adjusted), 1)
