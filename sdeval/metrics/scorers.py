"""Metrics of the project that run in a Python environment of their own, as metrics like any other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sdeval.config.scorers import Scorer
from sdeval.metrics.base import GeneratedImage, MetricInfo, MetricOptions, SampleMetric
from sdeval.metrics.per_image import Registered


class _Remote(Protocol):
    """What scores in the other environment."""

    @property
    def version(self) -> str:
        """Which scorer."""
        ...

    def score(self, images: Sequence[GeneratedImage]) -> list[float]:
        """One score per image."""
        ...


class ScorerMetric:
    """A metric whose scores come from another environment."""

    def __init__(self, info: MetricInfo, remote: _Remote) -> None:
        self.info = info
        self._remote = remote

    @property
    def version(self) -> str:
        """Which scorer."""
        return self._remote.version

    def score(self, images: Sequence[GeneratedImage]) -> list[float]:
        """One score per image, in the metric's unit."""
        return self._remote.score(images)


def adapt(scorer: Scorer) -> Registered:
    """A scorer of the project, as the registry holds metrics."""
    table = scorer.table
    info = MetricInfo(
        name=scorer.name,
        title=table.title or scorer.name,
        unit=table.unit,
        higher_is_better=table.higher_is_better,
        tolerance=table.tolerance,
        gating=table.gating,
    )

    def create(options: MetricOptions) -> SampleMetric:
        return ScorerMetric(info, _open(repr(scorer), scorer))

    return Registered(info, create)


_opened: dict[str, _Remote] = {}
"""By all that a scorer is: its process goes on for the whole session."""


def _open(key: str, scorer: Scorer) -> _Remote:
    from sdeval.engines.scorer_process import RemoteScorer

    if key not in _opened:
        _opened[key] = RemoteScorer(scorer)
    return _opened[key]
