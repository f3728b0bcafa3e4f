"""A metric over past sessions as a line of a few pixels, which a template puts into the page as an SVG."""

from __future__ import annotations

from dataclasses import dataclass

from sdeval._utils.formatting import number
from sdeval.errors import plural
from sdeval.history.store import Point, Series

WIDTH, HEIGHT, MARGIN = 120, 26, 4
"""In pixels."""
LAST = 40
"""Sessions that are shown."""


@dataclass(frozen=True, slots=True)
class Dot:
    """One session, in pixels."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Sparkline:
    """The values of the latest sessions, the current one at the right."""

    label: str
    """In words, for those who cannot see it."""
    dots: tuple[Dot, ...]
    failed: tuple[Dot, ...]
    """Sessions that failed."""
    accepted: tuple[float, ...]
    """Where another baseline had been accepted: between two sessions."""
    current: Dot | None
    """This session; None where it is not in the history, as it was not whole."""

    @property
    def line(self) -> str:
        """The points of the line."""
        return " ".join(f"{dot.x:g},{dot.y:g}" for dot in self.dots)


def sparkline_of(series: Series, session: str) -> Sparkline | None:
    """The sparkline of a metric; None where fewer than two sessions can be compared.

    Args:
        series: its values.
        session: the name of the current session.
    """
    points = series.points[-LAST:]
    if len(points) < 2:
        return None
    dots = _dots(points)
    pairs = list(zip(points, dots, strict=True))
    step = dots[1].x - dots[0].x
    return Sparkline(
        label=words(series.metric, points),
        dots=dots,
        failed=tuple(dot for point, dot in pairs if point.failed),
        accepted=tuple(round(dot.x - step / 2, 1) for point, dot in pairs if point.baseline_changed),
        current=dots[-1] if points[-1].session == session else None,
    )


def words(metric: str, points: tuple[Point, ...]) -> str:
    """A series in words.

    Example: `clip_score over 14 sessions: 31.20 to 30.90, between 30.10 and 31.40; 1 failed; 2 baselines accepted`
    """
    values = [point.value for point in points]
    failed, accepted = sum(point.failed for point in points), sum(point.baseline_changed for point in points)
    ends = f"{number(values[0])} to {number(values[-1])}, between {number(min(values))} and {number(max(values))}"
    parts = [f"{metric} over {plural(len(points), 'session')}: {ends}"]
    parts += [f"{failed} failed"] if failed else []
    parts += [f"{plural(accepted, 'baseline')} accepted"] if accepted else []
    return "; ".join(parts)


def _dots(points: tuple[Point, ...]) -> tuple[Dot, ...]:
    """Places of the points; at least the tolerance is as high as the line, so that small changes look small."""
    values = [point.value for point in points]
    # Halves of huge values have a finite difference.
    low, high = min(values) / 2, max(values) / 2
    spread = max(high - low, points[-1].tolerance / 2) or 1.0
    step, height = (WIDTH - 2 * MARGIN) / (len(points) - 1), HEIGHT - 2 * MARGIN
    shares = (0.5 - (value / 2 - low / 2 - high / 2) / spread for value in values)
    return tuple(
        Dot(round(MARGIN + place * step, 1), round(MARGIN + share * height, 1)) for place, share in enumerate(shares)
    )
