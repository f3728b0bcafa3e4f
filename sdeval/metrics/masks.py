"""The painted area of a mask, and the neighbourhood of its edge."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sdeval.imaging.io import PAINTED, Pixels

Marked = npt.NDArray[np.bool_]
"""`[height, width]`"""

SHARE = 64
"""The width of the band beside a mask's edge is the longer side of the image divided by this: 8 of 512 pixels."""


def painted_area(mask: Pixels) -> Marked:
    """The pixels of a mask `[height, width]` that are to be painted: those at 128 and above."""
    return np.asarray(mask >= PAINTED)


def band(marked: Marked) -> int:
    """How many pixels the seam extends from a mask's edge, at least 1.

    The mask is applied to latents, whose cells are 8 pixels wide in the common models, and the decoder blurs the step
    between two cells. At 512 pixels, the size of those models, the band is one cell wide. It grows with the image,
    as the visible width of a seam does.
    """
    longer: int = max(marked.shape)
    return max(1, round(longer / SHARE))


def grow(marked: Marked, by: int) -> Marked:
    """The marked pixels and all pixels within `by` pixels of them, horizontally, vertically or diagonally."""
    from scipy.ndimage import maximum_filter

    return np.asarray(maximum_filter(marked, size=2 * by + 1, mode="constant", cval=False))


def near_edge(marked: Marked, within: int) -> Marked:
    """Pixels on both sides of the edge, at most `within` pixels from the other side. The image border is no edge."""
    return np.asarray(grow(marked, within) & grow(~marked, within))
