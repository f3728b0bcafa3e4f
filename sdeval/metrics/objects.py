"""Whether an image shows the objects that its case asks for: which, how many, in which colour, and where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from PIL import Image

from sdeval.config.expected_objects import COLORS, parse_objects
from sdeval.metrics.base import Features, GeneratedImage, MetricInfo, MetricOptions, SampleMetric
from sdeval.metrics.object_rules import Detection, mistakes

INFO = MetricInfo(
    name="objects",
    title="Objects (GenEval rules)",
    unit="percent",
    higher_is_better=True,
    tolerance=2.0,
    range=(0.0, 100.0),
    needs=("objects",),
    of_some_cases=True,
    explanation="100 for an image whose objects are all as asked, 0 for another; the mean is the share of right images",
    formula="100 · images in which class, count, colour and position of every expected object are right / images",
    paper="GenEval: arXiv 2310.11513; the rules are its own, detector and colour namer are not",
    licence="Apache-2.0 (sdeval); detector: see its card; CLIP: MIT (open_clip and weights of OpenAI)",
    weights="detector_model: a hub id or a folder in transformers format; colours: the suite's CLIP",
    blind_to=(
        "what no case asks for; objects that the detector does not know or misses; scores are not those of the paper,"
        " which had another detector"
    ),
)
COLOR_PROMPT = "a photo of a {color} {name}"


class ObjectDetector(Protocol):
    """Finds objects in images."""

    @property
    def version(self) -> str:
        """Changes whenever what it finds can change."""
        ...

    def detect(self, image: Image.Image, names: Sequence[str]) -> list[Detection]:
        """The objects of these names in an image.

        Raises:
            ValueError: it cannot look for one of them.
        """
        ...


class ColorNamer(Protocol):
    """Compares images with texts, as CLIP does."""

    @property
    def version(self) -> str:
        """Changes whenever a comparison can change."""
        ...

    def images(self, images: Sequence[Image.Image]) -> Features:
        """Features of images, `[n, d]`."""
        ...

    def texts(self, texts: Sequence[str]) -> Features:
        """Features of texts, `[n, d]`."""
        ...


class Objects:
    """The rules of GenEval on what a detector finds."""

    info = INFO
    reading = "objects"

    def __init__(self, detector: ObjectDetector, colors: ColorNamer) -> None:
        self._detector = detector
        self._colors = colors
        self._last: dict[int, tuple[GeneratedImage, list[str]]] = {}
        """What is wrong in the images that were scored last, which are asked for again as readings."""

    @property
    def version(self) -> str:
        """Rules, detector and CLIP."""
        return f"1 {self._detector.version} {self._colors.version}"

    def score(self, images: Sequence[GeneratedImage]) -> list[float]:
        """One score per image: 100 or 0."""
        self._last = {id(image): (image, self._look(image)) for image in images}
        return [0.0 if self._mistakes(image) else 100.0 for image in images]

    def readings(self, images: Sequence[GeneratedImage]) -> list[str]:
        """What is wrong in each image."""
        return ["; ".join(self._mistakes(image)) or "all as asked" for image in images]

    def _mistakes(self, image: GeneratedImage) -> list[str]:
        return self._last[id(image)][1] if id(image) in self._last else self._look(image)

    def _look(self, image: GeneratedImage) -> list[str]:
        expected = parse_objects(image.case.objects)
        names = list(dict.fromkeys(object_.name for object_ in expected))
        shown = image.image
        return mistakes(expected, self._detector.detect(shown, names), lambda one: self._color(shown, one))

    def _color(self, image: Image.Image, found: Detection) -> str:
        """The colour whose name is nearest to what the box shows."""
        left, top, right, bottom = found.box
        crop = image.crop((int(left), int(top), max(int(right), int(left) + 1), max(int(bottom), int(top) + 1)))
        texts = self._colors.texts([COLOR_PROMPT.format(color=color, name=found.name) for color in COLORS])
        return COLORS[int(np.argmax(texts @ self._colors.images([crop])[0]))]


def create(options: MetricOptions) -> SampleMetric:
    """Create the metric."""
    from sdeval.metrics.features.clip import load_clip
    from sdeval.metrics.features.detector import load_detector

    detector = load_detector(options.detector_model, options.detector_threshold, options.device)
    return Objects(detector, load_clip(options.clip_model, options.device))
