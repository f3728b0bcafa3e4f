"""The neighbourhood of a mask's edge."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sdeval.imaging.io import Pixels

Marked = npt.NDArray[np.bool_]
"""`[height, width]`"""

SHARE = 64
"""The band beside a mask's edge is the longer edge of the image divided by this: 8 of 512 pixels."""


def painted(mask: Pixels) -> Marked:
    """Where a mask `[height, width]` asks for new paint: 128 and above."""
    return np.asarray(mask >= 128)


def band(marked: Marked) -> int:
    """How many pixels from a mask's edge the seam reaches, at least 1.

    The mask is applied to latents, whose cells are 8 pixels wide in the common models, and the decoder blurs the step
    between two cells: at 512 pixels, the size of those models, the band is one cell. It grows with the image, as what
    can be seen of a seam does.
    """
    longer: int = max(marked.shape)
    return max(1, round(longer / SHARE))


def grown(marked: Marked, by: int) -> Marked:
    """What is marked and all within `by` pixels of it, straight or aslant."""
    from scipy.ndimage import maximum_filter

    return np.asarray(maximum_filter(marked, size=2 * by + 1, mode="constant", cval=False))


def near_edge(marked: Marked, within: int) -> Marked:
    """Pixels on either side of the edge, at most `within` from the other side. The frame is no edge."""
    return np.asarray(grown(marked, within) & grown(~marked, within))
