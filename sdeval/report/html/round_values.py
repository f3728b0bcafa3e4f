"""Round values for the axes of plots."""

from __future__ import annotations

import math


def round_values(low: float, high: float, most: int) -> list[tuple[float, str]]:
    """Round values between two others, at most `most` and one more, with their texts.

    Args:
        low: below `high`.
        high: the end of the axis.
        most: about how many.

    Example:
        >>> round_values(0.0, 0.7, 4)
        [(0.0, '0.0'), (0.2, '0.2'), (0.4, '0.4'), (0.6, '0.6')]
    """
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * digit for digit in (1, 2, 5, 10) if power * digit >= rough * (1 - 1e-9))
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [(step * place, f"{step * place:.{decimals}f}") for place in range(first, last + 1)]
