"""Faults of what goes in and what comes out: they can be planted into a diffusers pipeline, and around any engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from diffusers import DiffusionPipeline
from PIL import Image

from sdeval.config.case import Case, Sample, Task
from sdeval.config.target import Target
from sdeval.diagnostics.faults.base import Arguments, Fault, Images, alter_call
from sdeval.engines.engine import Engine
from sdeval.engines.generated import Generated, to_image
from sdeval.imaging.io import open_mask, open_rgb, to_pixels, write_png

ImageChange = Callable[[Image.Image], Image.Image]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alteration:
    """What is changed; an input that a call does not have stays absent."""

    prompts: Callable[[list[str]], list[str]] | None = None
    """Of a batch."""
    no_negative_prompts: bool = False
    mask: ImageChange | None = None
    init_image: ImageChange | None = None
    strength: float | None = None
    seed: int | None = None
    images: Callable[[Images], Images] | None = None
    """`[n, height, width, 3]` in 0..1 that come out."""

    def call_arguments(self, arguments: Arguments) -> Arguments:
        """Arguments of a pipeline call, changed."""
        altered = dict(arguments)
        if self.prompts:
            altered["prompt"] = self.prompts(altered["prompt"])
        if self.no_negative_prompts:
            altered.pop("negative_prompt", None)
        for name, change in (("mask_image", self.mask), ("image", self.init_image)):
            if change and name in altered:
                altered[name] = [change(image) for image in altered[name]]
        if self.strength is not None and "image" in altered:
            altered["strength"] = self.strength
        if self.seed is not None:
            altered["generator"] = [torch.Generator("cpu").manual_seed(self.seed) for _ in altered["generator"]]
        return altered

    def output_images(self, images: Images) -> Images:
        """Images that come out, changed."""
        return self.images(images) if self.images else images

    def samples(self, batch: Sequence[Sample], save: Callable[[Image.Image], Path]) -> list[Sample]:
        """Samples of a batch, changed.

        Args:
            batch: as the suite has it.
            save: writes an image into a file of its own.
        """
        prompts = [sample.case.prompt for sample in batch]
        altered = self.prompts(prompts) if self.prompts else prompts
        return [
            Sample(self._case(sample.case, prompt, save), sample.seed if self.seed is None else self.seed)
            for sample, prompt in zip(batch, altered, strict=True)
        ]

    def _case(self, case: Case, prompt: str, save: Callable[[Image.Image], Path]) -> Case:
        changes: dict[str, Any] = {"prompt": prompt}
        if self.no_negative_prompts:
            changes["negative_prompt"] = ""
        if self.mask and case.mask:
            changes["mask"] = save(self.mask(open_mask(case.mask)))
        if self.init_image and case.image:
            changes["image"] = save(self.init_image(open_rgb(case.image)))
        if self.init_image:
            changes["images"] = tuple(save(self.init_image(open_rgb(path))) for path in case.images)
        if self.strength is not None and case.image:
            changes["strength"] = self.strength
        return replace(case, **changes)


class AlteredEngine:
    """An engine whose samples, or whose images, are changed on the way."""

    def __init__(self, engine: Engine, alteration: Alteration, folder: Path) -> None:
        self._engine = engine
        self._alteration = alteration
        self._files = (folder / f"{number}.png" for number in count())

    @property
    def target(self) -> Target:
        """Of the sound engine: nobody says that something was planted."""
        return self._engine.target

    @property
    def device(self) -> str:
        """Of the sound engine."""
        return self._engine.device

    @property
    def batch_size(self) -> int:
        """Of the sound engine."""
        return self._engine.batch_size

    @property
    def load_seconds(self) -> float:
        """Of the sound engine."""
        return self._engine.load_seconds

    @property
    def environment(self) -> Mapping[str, Any]:
        """Of the sound engine."""
        return self._engine.environment

    def describe(self, task: Task) -> dict[str, Any]:
        """What the sound engine says."""
        return self._engine.describe(task)

    def generate(self, task: Task, batch: Sequence[Sample], settings: Mapping[str, Any]) -> list[Generated]:
        """Generate changed samples, or change the images, in the name of the samples that were asked for."""
        generated = self._engine.generate(task, self._alteration.samples(batch, self._save), settings)
        images = [image.image for image in generated]
        if self._alteration.images:
            values = np.stack([to_pixels(image) for image in images]).astype(np.float32) / np.float32(255)
            images = [to_image(image) for image in self._alteration.images(values)]
        return [
            replace(result, sample=sample, image=image)
            for sample, result, image in zip(batch, generated, images, strict=True)
        ]

    def _save(self, image: Image.Image) -> Path:
        path = next(self._files)
        write_png(path, image)
        return path


def alter_fault(*, name: str, says: str, alter: Callable[[], Alteration], **options: Any) -> Fault:
    """A fault that can be planted anywhere.

    Args:
        name: of the fault.
        says: what is wrong, in a few words.
        alter: makes the alteration; called each time it is planted, because some count what they saw.
        options: further fields of `Fault`.
    """

    def plant(pipeline: DiffusionPipeline) -> AbstractContextManager[None]:
        alteration = alter()
        return alter_call(pipeline, alteration.call_arguments, alteration.output_images)

    @contextmanager
    def around(engine: Engine) -> Iterator[Engine]:
        with TemporaryDirectory() as folder:
            yield AlteredEngine(engine, alter(), Path(folder))

    return Fault(name=name, says=says, plant=plant, around=around, **options)
