"""How sure a vision model is that an image shows what it should: yes-or-no questions, and the chance of a yes."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

from PIL import Image

from sdeval._utils.validation import readable
from sdeval.config.case import Case
from sdeval.config.suite import Suite
from sdeval.errors import SdevalError, plural
from sdeval.imaging.io import png_bytes
from sdeval.metrics.base import GeneratedImage, MetricInfo, MetricOptions, SampleMetric

INFO = MetricInfo(
    name="checklist",
    title="Checklist (vision model)",
    unit="percent",
    higher_is_better=True,
    tolerance=2.0,
    range=(0.0, 100.0),
    explanation="100 where a vision model is sure that the answer to every question about the image is yes",
    formula="100 · mean over the questions of P(yes) / (P(yes) + P(no)), by the logits of the first token",
    paper="VQAScore: arXiv 2404.01291 (the question of cases that have none); TIFA: arXiv 2303.11897",
    licence="Apache-2.0 (sdeval); model: see its card, or the terms of its endpoint",
    weights="checklist_model: a model of an OpenAI-compatible endpoint (checklist_url), or a folder or hub id",
    blind_to="what nobody asks; what the model misjudges, such as counts and places; defects that leave the answer yes",
)
DEFAULT_QUESTION = 'Does this figure show "{prompt}"?'
"""Of cases without questions: VQAScore's."""
INSTRUCTION = "{question} Please answer yes or no."
REMEMBERED = 2**16
"""Answers that are kept, so that none is asked for twice where a batch fails and its images are tried alone."""


class VisionModel(Protocol):
    """Answers questions about images."""

    @property
    def version(self) -> str:
        """Which model."""
        ...

    def yes(self, image: Image.Image, question: str) -> float:
        """The chance of a yes, 0 to 1.

        Raises:
            CallFailed: it gives no answer.
            ValueError: its answer is neither yes nor no.
        """
        ...


def questions_of(case: Case) -> tuple[str, ...]:
    """What is asked about the images of a case."""
    return case.questions or (DEFAULT_QUESTION.format(prompt=case.caption),)


class Checklist:
    """The mean chance of a yes over the questions of a case."""

    info = INFO
    reading = "answers"

    def __init__(self, model: VisionModel) -> None:
        self._model = model
        self._answers: OrderedDict[tuple[str, str], float] = OrderedDict()
        self.calls = 0
        """Questions that the model was asked."""

    @property
    def version(self) -> str:
        """Formula, model and wording."""
        wording = hashlib.sha256(f"{DEFAULT_QUESTION}\n{INSTRUCTION}".encode()).hexdigest()[:8]
        return f"1 {self._model.version} prompt {wording}"

    @property
    def note(self) -> str:
        """What it cost, for the reader of a run; empty where it asked nothing."""
        return f"checklist asked {self._model.version} {plural(self.calls, 'question')}" if self.calls else ""

    def score(self, images: Sequence[GeneratedImage]) -> list[float]:
        """One score per image, 0 to 100."""
        return [100 * sum(answers) / len(answers) for answers in map(self._ask, images)]

    def readings(self, images: Sequence[GeneratedImage]) -> list[str]:
        """The chance of a yes for each question."""
        return [
            "; ".join(
                f"{question} {answer:.2f}"
                for question, answer in zip(questions_of(image.case), self._ask(image), strict=True)
            )
            for image in images
        ]

    def _ask(self, image: GeneratedImage) -> list[float]:
        digest = hashlib.sha256(png_bytes(image.image)).hexdigest()
        return [self._answer(image.image, digest, question) for question in questions_of(image.case)]

    def _answer(self, image: Image.Image, digest: str, question: str) -> float:
        key = (digest, question)
        if key not in self._answers:
            self.calls += 1
            self._answers[key] = self._model.yes(image, INSTRUCTION.format(question=question))
            while len(self._answers) > REMEMBERED:
                self._answers.popitem(last=False)
        return self._answers[key]


def announcements(suite: Suite, options: MetricOptions, sides: int = 1) -> list[str]:
    """How many questions may have to be paid, before the first is asked; nothing of an endpoint without a key.

    Args:
        suite: with all its seeds.
        options: of its metrics.
        sides: images of each sample: 2 where two targets are compared with each other.
    """
    if not (options.checklist_url and options.checklist_key):
        return []
    seeds = sides * len(suite.rounds[-1])
    calls = seeds * sum(len(set(questions_of(case))) for case in suite.cases)
    images = plural(seeds * len(suite.cases), "image")
    # A password in it is refused later, and never shown.
    address = readable(options.checklist_url.rpartition("@")[2])
    return [
        f"checklist: up to {plural(calls, 'call')} of {address} with the key in "
        f"{options.checklist_key}: questions about {images}; those that it fails to answer are asked again"
    ]


def create(options: MetricOptions) -> SampleMetric:
    """Create the metric.

    Raises:
        SdevalError: no model is named.
        NotAvailable: the key is not in the environment, or the weights are not on this machine.
    """
    if not options.checklist_model:
        advice = 'metric_options={"checklist_url": "http://localhost:8000/v1", "checklist_model": "NAME"}'
        raise SdevalError(f"checklist_model: is missing: the model that answers; such as {advice}")
    if options.checklist_url:
        from sdeval.metrics.features.vision_endpoint import Endpoint

        return Checklist(
            Endpoint.of(
                options.checklist_url, options.checklist_model, options.checklist_key, options.checklist_timeout
            )
        )
    from sdeval.metrics.features.vision_model import load_vision_model

    return Checklist(load_vision_model(options.checklist_model, options.device))
