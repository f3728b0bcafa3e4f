"""What a metric is: facts about it, and one method that scores images."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from PIL import Image

from sdeval._utils import validation as typed
from sdeval.config.suite import TASKS, Case, Suite, Task
from sdeval.errors import SdevalError, unknown
from sdeval.metrics.sets.reference_features import Features as Features
from sdeval.metrics.sets.reference_features import Floats as Floats
from sdeval.metrics.sets.reference_features import Reference as Reference
from sdeval.metrics.sets.reference_features import checked_features as checked_features

Need = Literal["image", "mask", "image_prompt", "baseline", "seeds", "references", "prompts"]
"""What a metric cannot do without: fields of the case, the baseline's image, two seeds, reference images."""


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
    range: tuple[float, float] = (-math.inf, math.inf)
    """What scores can be; one outside it is no score."""
    needs: tuple[Need, ...] = ()
    gating: bool = True
    """Whether a loss fails a session; distances from the baseline's own image are reported only."""
    alone: bool = True
    """Whether the score of an image depends on no other image of the run."""

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is."""
        return 1 if self.higher_is_better else -1

    @property
    def among_cases(self) -> bool:
        """Whether the score of an image depends on which other cases the suite has."""
        return "prompts" in self.needs or self.among_images

    @property
    def among_images(self) -> bool:
        """Whether the score of an image depends on the images of other cases."""
        return self.scope == "sample" and not self.alone and "seeds" not in self.needs


@dataclass(frozen=True, slots=True)
class GeneratedImage:
    """What a metric sees of one sample."""

    image: Image.Image
    case: Case
    init: Image.Image | None = None
    mask: Image.Image | None = None
    seed: int = 0
    pair: tuple[Image.Image, Image.Image] | None = None
    """The same sample in the baseline as it is kept there, and this image in the same form."""


Difference = Callable[[npt.NDArray[np.bool_]], float]
"""Value of the candidate minus that of the baseline, with the marked cases (`[cases]`) swapped between them."""
Swapped = Callable[[Features, Features, npt.NDArray[np.int64]], Difference]
"""Baseline features, candidate features and the case of each row; then: loss with marked cases swapped."""


@runtime_checkable
class SampleMetric(Protocol):
    """Scores images one by one."""

    @property
    def info(self) -> MetricInfo:
        """What is known of it before it is made."""
        ...

    @property
    def version(self) -> str:
        """Changes whenever scores of the same image may: weights, preprocessing, formula."""
        ...

    def score(self, images: Sequence[GeneratedImage]) -> list[float]:
        """One score an image, in the metric's unit."""
        ...


@runtime_checkable
class SetMetric(Protocol):
    """Scores images as one set, against reference images, by features of each."""

    info: MetricInfo

    @property
    def version(self) -> str:
        """Changes whenever the value of the same images may."""
        ...

    @property
    def extractor(self) -> Extractor:
        """Where the features come from; metrics with the same extractor share them."""
        ...

    def measure(self, features: Features, reference: Reference) -> float:
        """The value of a set.

        Raises:
            ValueError: there is none: too few images, other dimensions, values that are no numbers.
        """
        ...

    def swapped(
        self, before: Features, after: Features, cases: npt.NDArray[np.int64], reference: Reference
    ) -> Difference:
        """How the value differs between two sets when cases change sides; what takes long is done once, here.

        Args:
            before: features of the baseline, `[n, d]`.
            after: of the candidate, row by row the same samples.
            cases: `[n]`, the number of each row's case.
            reference: in the same features.
        """
        ...


class Extractor(Protocol):
    """Turns images into features."""

    name: str
    version: str
    """Changes whenever features of the same image may: weights, resize."""
    resize: str
    """How images come to the size of the model: filter, pixels, and what happens to other shapes."""

    def images(self, images: Sequence[Image.Image]) -> Features:
        """Features of images, `[n, d]`."""
        ...


Metric = SampleMetric | SetMetric


@dataclass(frozen=True, slots=True)
class MetricOptions:
    """What a suite says to its metrics, and the device they run on."""

    clip_model: str = "ViT-B-32/openai"
    """`shapes`, `MODEL/WEIGHTS` of open_clip, `local-dir:PATH` or `hf-hub:ORG/NAME`."""
    extractor: str = "clip"
    """Features of set metrics: `clip` (the image encoder of `clip_model`), `inception` or `dinov2`."""
    dinov2_model: str = "facebook/dinov2-small"
    """For `dinov2`: a hub id, or a folder in transformers format."""
    device: str = "cpu"
    prompts: tuple[str, ...] = ()
    """All prompts of the suite."""

    @classmethod
    def from_suite(cls, suite: Suite, device: str) -> MetricOptions:
        """Read a suite's `metric_options`.

        Raises:
            SdevalError: an option that nobody knows, or one that is no text.
        """
        where = f"suite {suite.name}: metric_options"
        known = [each.name for each in fields(cls) if each.name not in ("device", "prompts")]
        for name in suite.metric_options:
            if name not in known:
                raise SdevalError(f"{where}: {unknown('option', name, known)}")
        prompts = tuple(dict.fromkeys(case.prompt for case in suite.cases))
        options = cls(**suite.metric_options, device=device, prompts=prompts)
        typed.check(options, where)
        return options
