"""The geometry of the plot of quality against time, which the template of the comparison puts into an SVG. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sdeval._utils.formatting import number
from sdeval.comparison.matrix import Matrix, Row
from sdeval.comparison.names import letters
from sdeval.report.html.round_values import round_values
from sdeval.results.verdict import Verdict

WIDTH, HEIGHT = 360, 230
"""In pixels, about as wide as a phone: the plot grows with its column, and its texts stay readable."""
LEFT, RIGHT, TOP, BOTTOM = 44, 16, 12, 22
"""Margins."""


@dataclass(frozen=True, slots=True)
class Point:
    """One setting."""

    letter: str
    x: float
    y: float
    right: float
    """Where its 90th percentile of seconds lies."""
    top: float
    bottom: float
    """Where the 95% bounds of its change lie."""
    on_front: bool
    text: str
    """Shown on hover."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A value of an axis, and where it lies on it."""

    place: float
    text: str


@dataclass(frozen=True, slots=True)
class FrontPlot:
    """Settings by their seconds per image and their first metric."""

    label: str
    """In words, for those who cannot see it."""
    metric: str
    """What the upright axis shows."""
    points: tuple[Point, ...]
    front: str
    """The line through Pareto-optimal settings."""
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


def front_plot(matrix: Matrix, title: str, unit: str) -> FrontPlot | None:
    """Every setting by its seconds and the first judged metric; None where fewer than two can be compared.

    Args:
        matrix: the comparison.
        title: of the first metric.
        unit: of the first metric.
    """
    settings = _settings(matrix)
    if len(settings) < 2:
        return None
    scale = _Scale.of(settings)
    points = [_point(setting, scale) for setting in settings]
    better = "higher is better" if settings[0].verdict.higher_is_better else "lower is better"
    front = sorted((point.x, point.y) for point in points if point.on_front)
    return FrontPlot(
        label="; ".join(point.text for point in points),
        metric=f"{title}{f' ({unit})' if unit else ''}, {better}",
        points=tuple(points),
        front=" ".join(f"{x:g},{y:g}" for x, y in front),
        x_ticks=tuple(Tick(scale.x(value), text) for value, text in round_values(*scale.seconds, 5)),
        y_ticks=tuple(Tick(scale.y(value), text) for value, text in round_values(*scale.values, 4)),
    )


@dataclass(frozen=True, slots=True)
class _Setting:
    """What the plot needs of a setting."""

    letter: str
    row: Row
    seconds: float
    p90: float
    verdict: Verdict
    value: float

    @property
    def bounds(self) -> tuple[float, float]:
        """Where its value may lie: the 95% bounds of its change; the value itself where they are not known."""
        low, high, change = self.verdict.low, self.verdict.high, self.verdict.change
        if low is None or high is None or change is None or not math.isfinite(low + high):
            return self.value, self.value
        return self.value - max(0.0, change - low), self.value + max(0.0, high - change)


def _settings(matrix: Matrix) -> list[_Setting]:
    """Settings whose times are compared, and that have a value."""
    settings = []
    for letter, row in zip(letters(len(matrix.rows)), matrix.rows, strict=True):
        seconds, verdict = row.comparable_seconds, row.verdict(matrix.metrics[0]) if matrix.metrics else None
        if seconds is not None and verdict is not None and verdict.current is not None:
            p90 = row.seconds.p90 if row.seconds else seconds
            settings.append(_Setting(letter, row, seconds, p90, verdict, verdict.current))
    return settings


@dataclass(frozen=True, slots=True)
class _Scale:
    """From seconds and values to pixels."""

    seconds: tuple[float, float]
    values: tuple[float, float]

    @classmethod
    def of(cls, settings: Sequence[_Setting]) -> _Scale:
        """Over all settings with their bounds, and a margin."""
        seconds = [time for setting in settings for time in (setting.seconds, setting.p90)]
        values = [bound for setting in settings for bound in setting.bounds]
        return cls((0.0, 1.06 * max(seconds) or 1.0), _with_margin(min(values), max(values)))

    def x(self, seconds: float) -> float:
        return round(LEFT + _share(seconds, self.seconds) * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        return round(TOP + (1 - _share(value, self.values)) * (HEIGHT - TOP - BOTTOM), 1)


def _with_margin(low: float, high: float) -> tuple[float, float]:
    margin = 0.12 * (high - low) or 0.05 * abs(high) or 1.0
    return low - margin, high + margin


def _share(value: float, ends: tuple[float, float]) -> float:
    low, high = ends
    return max(0.0, min(1.0, (value - low) / (high - low)))


def _point(setting: _Setting, scale: _Scale) -> Point:
    low, high = setting.bounds
    row, better = setting.row, setting.row.on_front
    text = f"{setting.letter} {row.name}: {number(setting.seconds)} s/image, {number(setting.value)}"
    return Point(
        letter=setting.letter,
        x=scale.x(setting.seconds),
        y=scale.y(setting.value),
        right=scale.x(max(setting.seconds, setting.p90)),
        top=scale.y(high),
        bottom=scale.y(low),
        on_front=better,
        text=f"{text}, {'Pareto-optimal' if better else 'another setting is faster and better'}",
    )
