"""What a run knows of its samples, cases, metrics and times: a line of one of its files each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import PurePosixPath
from typing import Literal

from sdeval._utils.validation import Checked, Number
from sdeval.imaging.difference import ImageDifference

Safety = Literal["", "passed", "flagged"]
"""What a pipeline's own safety checker said of an image; empty where none looked at it."""
NO_FULL_IMAGE = "cannot be compared at full size"
"""How the reason begins why a sample has no distance from the baseline's image, where that image cannot be had."""


def thumbnail_of(image: str) -> str:
    """File of an image's thumbnail in the folder of a run."""
    return f"thumbnails/{PurePosixPath(image).stem}.webp"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleResult(Checked):
    """What is known of one sample."""

    case: str
    seed: int
    prompt: str
    fingerprint: str
    sha256: str
    """Of the pixels; empty where nothing was generated."""
    image: str
    """File in `images/`; empty where nothing was generated."""
    failure: str = ""
    """Why there is no image; empty where there is one."""
    defect: str = ""
    detail: str = ""
    scores: Mapping[str, Number | None] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why a score is null, or a metric of the whole set lacks this image, by metric."""
    inapplicable: Mapping[str, str] = field(default_factory=dict)
    """Metrics that say nothing of the sample's case, and the field which they would need of it."""

    width: int = 0
    height: int = 0
    """Of the image, in pixels; 0 in runs of before they were kept."""

    image_change: str = ""
    """How far the image is from the baseline's: `identical`, `imperceptible` or `changed`; empty without one."""
    difference: ImageDifference | None = None
    """That in numbers, where it changed and both images were at hand at full size; never in a baseline."""
    scored_on: Mapping[str, str] = field(default_factory=dict)
    """In a baseline, by metric: SHA-256 of the image that the score or the features are of, where it is not this
    one; of a metric that looks at the other images as well, a hash of all of them. Such scores are never reused."""

    safety: Safety = ""
    """What the pipeline's own safety checker said of the image."""
    readings: Mapping[str, str] = field(default_factory=dict)
    """What metrics found in the image, in words, by what they looked for, such as `text`."""

    measures: Mapping[str, Number] = field(default_factory=dict)
    """Measures of the image that show defects, by name; empty in older runs."""

    @property
    def key(self) -> tuple[str, int]:
        """Case and seed."""
        return (self.case, self.seed)

    def reason_without(self, metric: str) -> str:
        """Why a metric can say nothing of it; empty where nothing is known to be missing."""
        return f"no image: {self.failure}" if self.failure else self.reasons.get(metric, "")

    @property
    def thumbnail(self) -> str:
        """File of its thumbnail in the folder of a run; runs have none of small images."""
        return thumbnail_of(self.image) if self.image else ""

    @property
    def is_thumbnail(self) -> bool:
        """Whether `image` is lossy and smaller than what was generated: baselines keep those of large images."""
        return self.image.endswith(".webp")

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the image, where they are known."""
        return (self.width, self.height) if self.width and self.height else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRecord(Checked):
    """What was asked of a case besides its prompt."""

    case: str
    image: str = ""
    """Init image, or the input image of an edit: file in `inputs/`; empty where there is none."""
    images: tuple[str, ...] = ()
    """Input images of an edit where there are several: files in `inputs/`."""
    mask: str = ""
    """File in `inputs/`; white was painted again."""
    control_image: str = ""
    """File in `inputs/`; empty where there is none."""
    reference_image: str = ""
    negative_prompt: str = ""
    strength: Number | None = None
    region_prompt: str = ""
    image_prompt: str = ""
    edited_prompt: str = ""
    text: tuple[str, ...] = ()
    """What the image shall show as writing."""
    objects: tuple[str, ...] = ()
    """What it shall show as things."""
    questions: tuple[str, ...] = ()
    """Each to be answered by yes."""
    tags: tuple[str, ...] = ()
    """Not in a baseline: they change nothing that is generated."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """The init image, or all input images of an edit: files in `inputs/`."""
        return self.images or ((self.image,) if self.image else ())


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRecord(Checked):
    """How a metric scored in this run."""

    version: str
    unit: str
    higher_is_better: bool
    scope: str
    tolerance: Number
    tolerance_is_relative: bool
    title: str = ""
    gating: bool = True
    """Whether a loss fails a session, or is reported only."""
    alone: bool = True
    """Whether the score of an image depends on no other image of the run."""
    reads_baseline: bool = False
    """Whether it scores an image by the baseline's: then scores of two runs are not compared with each other."""
    explanation: str = ""
    """What it measures, in one sentence; empty in older runs, and where its package says nothing."""

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is."""
        return 1 if self.higher_is_better else -1


@dataclass(frozen=True, slots=True, kw_only=True)
class SetScore(Checked):
    """One metric of the whole set, and what it was measured with."""

    value: Number | None
    n: int
    extractor: str
    reference: str
    """Hash of the reference images."""
    reference_n: int
    reason: str = ""
    extractor_version: str = ""
    """Which weights; empty in runs of before it was kept."""
    resize: str = ""
    """How images came to the extractor's size: metrics of different resizes are not of one kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing(Checked):
    """How long a sample took: its share of the pipeline call that generated it."""

    call: int
    """Number of the call; samples of one call were generated together."""
    seconds: Number
    encode: Number | None = None
    """Texts, and a prior's work; None where the pipeline does not tell."""
    denoise: Number | None = None
    decode: Number | None = None
    steps: int | None = None
    """Of the call."""
    warming: bool = False
    """Whether the call was the first of its pipeline, which pays for warming up and compiling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimingLine(Timing):
    """A line of `timings.jsonl`."""

    case: str
    seed: int

    @property
    def key(self) -> tuple[str, int]:
        """Case and seed."""
        return (self.case, self.seed)

    @property
    def timing(self) -> Timing:
        """What it says of that sample."""
        return Timing(**{attribute.name: getattr(self, attribute.name) for attribute in fields(Timing)})
