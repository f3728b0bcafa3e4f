"""What a metric is: a description, and one method that scores images."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from PIL import Image

from sdeval._utils import validation as typed
from sdeval.config.case import TASKS, Case, Task
from sdeval.config.suite import Suite
from sdeval.errors import SdevalError, unknown
from sdeval.metrics.sets.reference_features import Features as Features
from sdeval.metrics.sets.reference_features import Floats as Floats
from sdeval.metrics.sets.reference_features import Reference as Reference
from sdeval.metrics.sets.reference_features import check_features as check_features

Need = Literal[
    "image",
    "mask",
    "image_prompt",
    "edited_prompt",
    "text",
    "objects",
    "baseline",
    "seeds",
    "references",
    "prompts",
]
"""What a metric requires: a field of the case, the baseline's image, two seeds, reference images, or all prompts."""

CASE_FIELDS: Mapping[str, str] = {
    "image_prompt": "what the image shows",
    "edited_prompt": "what the edited image shall show",
    "text": "the writing that the image shall show",
    "objects": "the things that the image shall show",
}
"""Fields of cases that metrics need, and what they say. That images are there is checked with the task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricInfo:
    """The description of a metric, available before the metric is created."""

    name: str
    title: str
    """What people call the metric, in a few words."""
    unit: str
    higher_is_better: bool
    tolerance: float
    """Smallest loss that matters, in the metric's unit, where the suite states no tolerance."""
    tolerance_is_relative: bool = False
    """Whether the tolerance is a share of the baseline's value."""
    tasks: tuple[Task, ...] = TASKS
    scope: Literal["sample", "set"] = "sample"
    """Whether the metric scores samples one by one, or all of them as one set."""
    range: tuple[float, float] = (-math.inf, math.inf)
    """Lowest and highest valid score; a value outside this range is rejected."""
    needs: tuple[Need, ...] = ()
    needs_of_edits: tuple[Need, ...] = ()
    """What it requires besides of the cases of an edit, whose prompts say what to do and not what the image shows."""
    of_some_cases: bool = False
    """Whether cases that lack what it needs are left out; otherwise each case of a suite must have it."""
    gating: bool = True
    """Whether a loss fails a session; distances from the baseline's own image are reported only."""
    alone: bool = True
    """Whether the score of an image depends on no other image of the run."""
    explanation: str = ""
    """What the metric measures, in one sentence. This and the following are for pages and documents."""
    formula: str = ""
    paper: str = ""
    """Where the metric is defined."""
    licence: str = ""
    """Of code and of weights."""
    weights: str = ""
    """Where they come from, and how large they are; `none` where it needs none."""
    blind_to: str = ""
    """What the metric cannot see."""

    @property
    def sign(self) -> int:
        """1 where higher values are better, -1 where lower values are."""
        return 1 if self.higher_is_better else -1

    def lacks(self, case: Case, task: str) -> str:
        """The field of a case for want of which it says nothing of that case; empty where it does, or must."""
        fields = self.case_fields(task) if self.of_some_cases else ()
        return next((name for name in fields if not getattr(case, name)), "")

    def case_fields(self, task: str) -> tuple[str, ...]:
        """The fields of a case that it needs."""
        needs = (*self.needs, *self.needs_of_edits) if task == "edit" else self.needs
        return tuple(need for need in needs if need in CASE_FIELDS)

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
    """The input of a metric for one sample."""

    image: Image.Image
    case: Case
    init: Image.Image | None = None
    """The init image, or the first input image of an edit."""
    mask: Image.Image | None = None
    seed: int = 0
    safety: Literal["", "passed", "flagged"] = ""
    """What the pipeline's own safety checker said; empty where none looked at the image."""
    pair: tuple[Image.Image, Image.Image] | None = None
    """The image of the same sample in the baseline, at full size, and this image; only for metrics that need
    `baseline`."""


Difference = Callable[[npt.NDArray[np.bool_]], float]
"""Value of the candidate minus that of the baseline, with the marked cases (`[cases]`) swapped between them."""
Swapped = Callable[[Features, Features, npt.NDArray[np.int64]], Difference]
"""Takes baseline features, candidate features and the case of each row; returns the `Difference` of the two."""


@runtime_checkable
class SampleMetric(Protocol):
    """Scores images one by one."""

    @property
    def info(self) -> MetricInfo:
        """The description of the metric."""
        ...

    @property
    def version(self) -> str:
        """Changes whenever the score of the same image can change: weights, preprocessing or formula."""
        ...

    def score(self, images: Sequence[GeneratedImage]) -> list[float]:
        """One score per image, in the metric's unit."""
        ...


@runtime_checkable
class ReadingMetric(SampleMetric, Protocol):
    """Finds something in an image that people want to see besides the score, such as the text that it read."""

    @property
    def reading(self) -> str:
        """What it looks for, in a word; metrics that look for the same find the same."""
        ...

    def readings(self, images: Sequence[GeneratedImage]) -> Sequence[str]:
        """What it found in each image, in words; asked for right after the scores of the same images."""
        ...


@runtime_checkable
class SummaryMetric(SampleMetric, Protocol):
    """Compares the images of a run with each other, by a small summary of each: `alone` is False.

    Only the summaries are in memory together. A metric that is not `alone` and has `score` only is given all images
    in one sequence, which decodes each of them whenever it is looked at.
    """

    def summarise(self, images: Sequence[GeneratedImage]) -> Sequence[Any]:
        """One summary for each image of a batch, of a few kilobytes."""
        ...

    def score_summaries(self, summaries: Sequence[Any], cases: Sequence[str]) -> list[float]:
        """One score for each image of a run, in the metric's unit.

        Args:
            summaries: of all images of a round of seeds.
            cases: the case of each.
        """
        ...


@runtime_checkable
class SetMetric(Protocol):
    """Scores images as one set by comparing their features with those of reference images."""

    info: MetricInfo

    @property
    def version(self) -> str:
        """Changes whenever the value of the same images can change."""
        ...

    @property
    def extractor(self) -> Extractor:
        """Where the features come from; metrics with the same extractor share them."""
        ...

    def measure(self, features: Features, reference: Reference) -> float:
        """The value of a set.

        Raises:
            ValueError: the set has no value: too few images, different dimensions, or values that are not numbers.
        """
        ...

    def swap_difference(
        self, before: Features, after: Features, cases: npt.NDArray[np.int64], reference: Reference
    ) -> Difference:
        """The function that gives the difference between two sets when the images of some cases are swapped.

        Slow computations happen once, in this call, and not at every call of the returned function.

        Args:
            before: features of the baseline, `[n, d]`.
            after: features of the candidate, for the same samples row by row.
            cases: `[n]`, the number of each row's case.
            reference: reference images in the same features.
        """
        ...


class Extractor(Protocol):
    """Turns images into features."""

    name: str
    version: str
    """Changes whenever the features of the same image can change: weights or resizing."""
    resize: str
    """How images are resized for the model: filter, size in pixels, and treatment of other aspect ratios."""

    def images(self, images: Sequence[Image.Image]) -> Features:
        """Features of images, `[n, d]`."""
        ...


Metric = SampleMetric | SetMetric


@dataclass(frozen=True, slots=True)
class MetricOptions:
    """A suite's options for its metrics, and the device they run on."""

    clip_model: str = "ViT-B-32/openai"
    """`shapes`, `MODEL/WEIGHTS` of open_clip, `local-dir:PATH` or `hf-hub:ORG/NAME`."""
    extractor: str = "clip"
    """Features of set metrics: `clip` (the image encoder of `clip_model`), `inception` or `dinov2`."""
    dinov2_model: str = "facebook/dinov2-small"
    """For `dinov2`: a hub id, or a folder in transformers format."""
    aesthetic_weights: str = ""
    """File of the LAION head; where torch keeps what it downloads otherwise."""
    hps_weights: str = "xswu/HPSv2"
    """A hub id, the file `HPS_v2.1_compressed.pt`, or a folder that has it."""
    pickscore_model: str = "yuvalkirstain/PickScore_v1"
    """A hub id, or a folder in transformers format."""
    detector_model: str = "google/owlv2-base-patch16-ensemble"
    """For `objects`: a hub id, or a folder in transformers format; zero-shot or closed-set."""
    detector_threshold: float = 0.3
    """For `objects`: how sure the detector must be, 0 to 1."""
    checklist_model: str = ""
    """For `checklist`: the name of a model at `checklist_url`; without a URL a hub id, or a folder in transformers
    format."""
    checklist_url: str = ""
    """An OpenAI-compatible endpoint, such as `http://localhost:8000/v1`."""
    checklist_key: str = ""
    """The environment variable with the key of the endpoint; the value is written nowhere."""
    checklist_timeout: float = 120.0
    """Seconds that one question may take."""
    ocr_threads: int = 1
    """Threads that read text in images; the reading does not depend on them."""
    device: str = "cpu"
    prompts: tuple[str, ...] = ()
    """What the images of the suite shall show: its prompts, or those of edited images."""

    @classmethod
    def from_suite(cls, suite: Suite, device: str) -> MetricOptions:
        """Read a suite's `metric_options`.

        Raises:
            SdevalError: an option is unknown, or its value is not text.
        """
        where = f"suite {suite.name}: metric_options"
        options_of_suites = [field.name for field in fields(cls) if field.name not in ("device", "prompts")]
        for name in suite.metric_options:
            if name not in options_of_suites:
                raise SdevalError(f"{where}: {unknown('option', name, options_of_suites)}")
        prompts = tuple(dict.fromkeys(case.caption for case in suite.cases))
        options = cls(**suite.metric_options, device=device, prompts=prompts)
        typed.check(options, where)
        return options
