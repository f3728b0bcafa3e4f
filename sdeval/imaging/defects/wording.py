"""What is wrong with a broken image, in words. Rules choose which sentence applies, and give its numbers."""

from __future__ import annotations

NON_FINITE = "the pipeline returned NaN or infinite values"
SAFETY_FILTERED = "the safety checker replaced the image with black"
NEAR_START, NEAR_END = 0.4, 0.6
"""Places before and after these parts of an edge are named; those between them are its middle."""

Size = tuple[int, int]
"""Width and height, in pixels."""


def size_mismatch(size: Size, requested: Size) -> str:
    """An image of another size than the requested one."""
    return f"{size[0]}x{size[1]} instead of {requested[0]}x{requested[1]}"


def black(brightest: float) -> str:
    """An image that is black all over."""
    return f"no level above {brightest:.0f} of 255"


def uniform(deviation: float) -> str:
    """An image of one colour."""
    return f"levels deviate by {deviation:.1f} of 255"


def noise(correlation: float) -> str:
    """An image of noise only."""
    return f"neighbouring pixels correlate {correlation:.2f} and the image has no coarser structure"


def blotches(levels: float) -> str:
    """Latents that were decoded without being denoised."""
    return f"blotches of colour of {levels:.0f} levels everywhere"


def colour_noise(levels: float) -> str:
    """Noise that differs from channel to channel."""
    return f"coloured noise of {levels:.0f} levels everywhere"


def grey_noise(levels: float) -> str:
    """Noise that is the same in all channels."""
    return f"noise of {levels:.0f} levels everywhere"


def missing_area(share: float, across: float, down: float, *, black: bool) -> str:
    """A rectangle without content; its middle is given in parts of the width and of the height."""
    kind = "a black area" if black else "an area of one colour"
    return f"{kind} of {share:.0%} {_place(_third(across, 'left', 'right'), _third(down, 'upper', 'lower'))}"


def _third(position: float, start: str, end: str) -> str:
    return start if position < NEAR_START else end if position > NEAR_END else ""


def _place(across: str, down: str) -> str:
    if not across:
        return {"upper": "at the top", "lower": "at the bottom", "": "in the middle"}[down]
    return f"at the {down} {across}" if down else f"at the {across}"


def pattern(period: float, levels: float) -> str:
    """A pattern with the period of a patch."""
    return f"a pattern repeats every {period:.0f} pixels: {levels:.1f} levels a step"


def patch_edges(levels: float, period: str) -> str:
    """Edges of patches; `period` is one or several numbers of pixels."""
    return f"edges of patches every {period} pixels: steps there differ by {levels:.1f} levels"


def tile_seams(levels: float, column: float, row: float) -> str:
    """Seams between tiles; places in parts of the width and of the height."""
    return f"steps of {levels:.0f} levels along whole lines, at {column:.0%} of the width and {row:.0%} of the height"


def burnt_colours(share: float) -> str:
    """Colours that are clipped in a part of the image."""
    return f"colours are clipped at both ends of the scale in {share:.0%} of the image"
