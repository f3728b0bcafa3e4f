"""What a metric is: facts about it, and one method that scores pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from PIL import Image

from sdeval.errors import SdevalError, unknown
from sdeval.suite import TASKS, Case, Suite, Task

Features = npt.NDArray[np.float32]
"""`[pictures, dimensions]`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricInfo:
    """What is known of a metric before it is made."""

    name: str
    title: str
    """What it says, in a few words, for people."""
    unit: str
    higher_is_better: bool
    tolerance: float
    """Smallest loss that matters, in its unit, where a suite states none."""
    tolerance_is_relative: bool = False
    """Whether the tolerance is a share of the baseline's value."""
    tasks: tuple[Task, ...] = TASKS
    scope: Literal["sample", "set"] = "sample"
    """Scores samples one by one, or all of them as one set."""

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is."""
        return 1 if self.higher_is_better else -1


@dataclass(frozen=True, slots=True)
class Picture:
    """What a metric sees of one sample."""

    image: Image.Image
    case: Case
    init: Image.Image | None = None
    mask: Image.Image | None = None


@runtime_checkable
class SampleMetric(Protocol):
    """Scores pictures one by one."""

    info: MetricInfo

    @property
    def version(self) -> str:
        """Changes whenever scores of the same picture may: weights, preprocessing, formula."""
        ...

    def score(self, pictures: Sequence[Picture]) -> list[float]:
        """One score a picture, in the metric's unit."""
        ...


@runtime_checkable
class SetMetric(Protocol):
    """Scores pictures as one set, against reference pictures, by features of each."""

    info: MetricInfo

    @property
    def version(self) -> str:
        """Changes whenever features or distance of the same pictures may."""
        ...

    @property
    def extractor(self) -> str:
        """Name of the features; metrics with the same extractor share them."""
        ...

    def features(self, pictures: Sequence[Image.Image]) -> Features:
        """Features of pictures, `[n, d]`."""
        ...


Metric = SampleMetric | SetMetric


@dataclass(frozen=True, slots=True)
class MetricOptions:
    """What a suite says to its metrics, and the device they run on."""

    clip_model: str = "ViT-B-32/openai"
    """`shapes`, `MODEL/WEIGHTS` of open_clip, `local-dir:PATH` or `hf-hub:ORG/NAME`."""
    extractor: str = "clip"
    """Features of set metrics: `clip` (the image encoder of `clip_model`) or `inception`."""
    device: str = "cpu"

    @classmethod
    def from_suite(cls, suite: Suite, device: str) -> MetricOptions:
        """Read a suite's `metric_options`.

        Raises:
            SdevalError: an option that nobody knows.
        """
        known = [each.name for each in fields(cls) if each.name != "device"]
        for name in suite.metric_options:
            if name not in known:
                raise SdevalError(f"suite {suite.name}: metric_options: {unknown('option', name, known)}")
        return cls(**suite.metric_options, device=device)
