"""The geometry of the plot of one metric over sessions, which the template of the history puts into an SVG. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from sdeval.history.store import Point, Series
from sdeval.report.html.sparklines import words
from sdeval.report.row_numbers import DECIMALS, HUGE, RowNumbers
from sdeval.report.words import moment_of

WIDTH, HEIGHT = 360, 190
"""In pixels, about as wide as a phone: the plot grows with its column, and its texts stay readable."""
LEFT, RIGHT, TOP, BOTTOM = 52, 10, 22, 24
"""Margins."""
LARGEST = 1e300
"""Values further from zero end at the edge: differences stay finite."""
APART = 62
"""Dates of accepted baselines closer than this would cover each other; the later one is left to its hover text."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One session."""

    x: float
    y: float
    kind: Literal["plain", "failed", "unjudged", "elsewhere"]
    text: str
    """Shown on hover."""
    address: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """Sessions that were compared with the same value and tolerance: the baseline's line and the band around it."""

    left: float
    width: float
    baseline: float
    top: float
    height: float


@dataclass(frozen=True, slots=True)
class Accepted:
    """Another baseline, accepted between two sessions."""

    x: float
    date: str
    """Empty where it would cover another one."""
    text: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A value of the upright axis."""

    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    """What the plot shows, in pixels."""

    label: str
    """In words, for those who cannot see it."""
    marks: tuple[Mark, ...]
    line: str
    """Through the sessions that can be compared."""
    stretches: tuple[Stretch, ...]
    accepted: tuple[Accepted, ...]
    trend: float | None
    """Where a trend begins."""
    ticks: tuple[Tick, ...]
    first: str
    last: str
    """Moments of the first and the last session."""


def is_elsewhere(point: Point, series: Series) -> bool:
    """Whether a time or a memory was measured on another machine, or with another batch size."""
    return point.measured_on != series.points[-1].measured_on


def is_doubtful(point: Point, series: Series) -> bool:
    """Whether its session did not judge a metric that others judge, or other programs used the machine."""
    return bool(point.busy) or (series.gating and not point.judged)


def accepted_words(point: Point) -> str:
    """Which baseline a session was the first to be compared with."""
    if not point.accepted:
        return f"another baseline, accepted before {moment_of(point.session)}"
    return f"baseline accepted: session of {moment_of(point.accepted)}"


@dataclass(frozen=True, slots=True)
class _Scale:
    """From sessions and values to pixels."""

    count: int
    low: float
    high: float

    @classmethod
    def of(cls, points: Sequence[Point], count: int) -> _Scale:
        """Over values, baselines and their tolerances; at least a tolerance high, so that small changes look small."""
        values = [point.value for point in points]
        baselines = [(point.baseline, point.tolerance) for point in points if point.baseline is not None]
        values += [baseline + sign * tolerance for baseline, tolerance in baselines for sign in (-1, 1)]
        low, high = max(-LARGEST, min(values)), min(LARGEST, max(values))
        # Never so little that it is lost beside the values.
        least = max(1e-9 * max(abs(low), abs(high)), 1e-12)
        margin = max(least, 0.06 * (high - low) or min(LARGEST, points[-1].tolerance))
        return cls(count, low - margin, high + margin)

    @property
    def step(self) -> float:
        return (WIDTH - LEFT - RIGHT) / max(1, self.count)

    def x(self, place: int) -> float:
        return round(LEFT + (place + 0.5) * self.step, 1)

    def y(self, value: float) -> float:
        """What lies beyond the scale ends at its edge."""
        share = (value - self.low) / (self.high - self.low)
        return round(TOP + (1 - max(0.0, min(1.0, share))) * (HEIGHT - TOP - BOTTOM), 1)


def plot_of(points: Sequence[Point], series: Series, numbers: RowNumbers, addresses: Sequence[str], since: str) -> Plot:
    """The plot of a metric.

    Args:
        points: its sessions, the earliest first, those of other machines among them.
        series: the metric.
        numbers: how values are written.
        addresses: of the pages of the sessions; empty where there is none.
        since: the session in which a trend begins; empty without one.
    """
    alike = [(place, point) for place, point in enumerate(points) if not is_elsewhere(point, series)]
    own = tuple(point for _, point in alike)
    scale = _Scale.of(own, len(points))
    starts = [place for place, point in alike if point.session == since]
    return Plot(
        label=words(series.metric, own),
        marks=tuple(
            Mark(scale.x(place), scale.y(point.value), _kind(point, series), _text(point, series, numbers), address)
            for place, (point, address) in enumerate(zip(points, addresses, strict=True))
        ),
        line=" ".join(f"{scale.x(place):g},{scale.y(point.value):g}" for place, point in alike),
        stretches=_stretches(alike, scale),
        accepted=_accepted(alike, scale),
        trend=round(scale.x(starts[0]) - scale.step / 2, 1) if starts else None,
        ticks=tuple(Tick(scale.y(value), text) for value, text in _ticks(scale, numbers.factor)),
        first=moment_of(points[0].session),
        last=moment_of(points[-1].session),
    )


def _kind(point: Point, series: Series) -> Literal["plain", "failed", "unjudged", "elsewhere"]:
    if is_elsewhere(point, series):
        return "elsewhere"
    if point.failed:
        return "failed"
    return "unjudged" if is_doubtful(point, series) else "plain"


def _text(point: Point, series: Series, numbers: RowNumbers) -> str:
    parts = [f"{moment_of(point.session)}: {numbers.value(point.value)} {numbers.unit}".rstrip()]
    if point.baseline is not None:
        parts.append(f"baseline {numbers.value(point.baseline)}, tolerance {numbers.value(point.tolerance)}")
    parts += ["the session failed"] if point.failed else []
    parts += [accepted_words(point)] if point.baseline_changed else []
    parts += [f"on {point.measured_on}"] if is_elsewhere(point, series) else []
    parts += [point.busy] if point.busy else []
    return "; ".join(parts)


def _stretches(points: Sequence[tuple[int, Point]], scale: _Scale) -> tuple[Stretch, ...]:
    stretches = []
    for (baseline, tolerance), group in groupby(points, key=lambda pair: (pair[1].baseline, pair[1].tolerance)):
        places = [place for place, _ in group]
        if baseline is None:
            continue
        left = scale.x(places[0]) - scale.step / 2
        width = scale.x(places[-1]) + scale.step / 2 - left
        top, bottom = scale.y(baseline + tolerance), scale.y(baseline - tolerance)
        stretches.append(Stretch(round(left, 1), round(width, 1), scale.y(baseline), top, round(bottom - top, 1)))
    return tuple(stretches)


def _accepted(points: Sequence[tuple[int, Point]], scale: _Scale) -> tuple[Accepted, ...]:
    marks: list[Accepted] = []
    dated = -math.inf
    for place, point in points:
        if point.baseline_changed:
            x = round(scale.x(place) - scale.step / 2, 1)
            has_room = x - dated >= APART and x < WIDTH - RIGHT
            date = moment_of(point.accepted or point.session)[:10] if has_room else ""
            dated = x if has_room else dated
            marks.append(Accepted(x, date, accepted_words(point)))
    return tuple(marks)


def _ticks(scale: _Scale, factor: float) -> list[tuple[float, str]]:
    """Up to six round values with their texts; fewer where texts of huge or tiny ones would be the same."""
    low, high = scale.low * factor, scale.high * factor
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((power * digit for digit in (1, 2, 5) if power * digit >= rough), 10 * power)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    values = [step * number for number in range(math.ceil(low / step), math.floor(high / step) + 1)]
    form = f".{decimals}f" if decimals <= DECIMALS and max(abs(low), abs(high)) < HUGE else ".3g"
    texts = {f"{value:{form}}": value / factor for value in values}
    return [(value, text) for text, value in texts.items()]
