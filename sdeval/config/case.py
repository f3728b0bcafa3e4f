"""A case, and a sample of it: what is asked of a target. Pure data."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from sdeval._utils import validation as typed
from sdeval.errors import SdevalError

Task = Literal["text2img", "img2img", "inpainting", "edit"]
TASKS: tuple[Task, ...] = get_args(Task)

Text = Annotated[str, "put it in quotes"]

IMAGES = ("image", "mask", "control_image", "reference_image")
"""Fields of a case that are an image file each."""

TEXTS = ("text", "objects", "questions")
"""Fields of a case that are a text or several, and are about the image for metrics alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(typed.Checked):
    """One thing to generate."""

    id: Text
    """Words and digits, joined by hyphens or underscores; unique in its suite, whatever its capitals."""
    prompt: Text
    negative_prompt: Text = ""
    image: Path | None = None
    """Init image of img2img and inpainting; the input image of edit."""
    images: tuple[Path, ...] = ()
    """Edit: the input images in their order, where a target takes several. The first is the one that is edited: the
    result is as large. The others are of any size."""
    mask: Path | None = None
    """Inpainting: white is painted again, black is kept; grey levels without transparency, as large as the image."""
    control_image: Path | None = None
    """Edges, depth or a pose that guide a target with a controlnet; as large as the image that is generated."""
    reference_image: Path | None = None
    """What a target with an IP-Adapter takes subject or style from; of any size."""
    strength: float | None = None
    """How far the init image is noised, 0 to 1; the pipeline's own default where None."""
    region_prompt: Text = ""
    """Inpainting: what the painted region alone shows, where the prompt speaks of the whole image."""
    image_prompt: Text = ""
    """What the init image, or the first input image of edit, shows: for metrics that ask whether the change was the one
    asked for."""
    edited_prompt: Text = ""
    """Edit: what the result shall show, where the prompt says what to do; for metrics that compare it with a text."""
    text: tuple[str, ...] = ()
    """What the image shall show as writing, a text each, for metrics that read it. Upper and lower case, punctuation
    and blanks do not count."""
    objects: tuple[str, ...] = ()
    """What the image shall show as things, for metrics that detect them: `bus` (one or more), `4 bus` (exactly),
    `2+ cup`, `red cake`, `couch left of toaster`; a name in quotes is taken as it is."""
    questions: tuple[str, ...] = ()
    """What `checklist` asks of the image; the answer to each shall be yes."""
    tags: tuple[str, ...] = ()
    """Keywords for `pytest -k`."""
    origin: str = field(default="", compare=False)
    """File and line it was read from, for messages."""

    def __post_init__(self) -> None:
        for name in IMAGES:
            typed.convert(self, name, str, Path)
        typed.convert(self, "images", (str, Path), lambda path: (path,))
        typed.convert(self, "images", (list, tuple), _to_paths)
        for name in TEXTS:
            typed.convert(self, name, str, lambda text: (text,))
        for name in (*TEXTS, "tags"):
            typed.convert(self, name, list, tuple)
        origin = self.origin if isinstance(self.origin, str) else ""
        typed.check(self, origin or f"case {typed.preview(self.id)}")

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The images that are changed: the init image, or the input images of edit; the first gives the size."""
        return self.images or ((self.image,) if self.image else ())

    @property
    def files(self) -> Iterator[tuple[str, Path]]:
        """Every image file of it, with the field that names it."""
        for name in IMAGES:
            if (path := getattr(self, name)) is not None:
                yield name, path
        yield from (("images", path) for path in self.images)

    @property
    def caption(self) -> str:
        """What the generated image shall show: `edited_prompt`, or the prompt where there is none."""
        return self.edited_prompt or self.prompt


@dataclass(frozen=True, slots=True)
class Sample:
    """One case generated with one seed: one image."""

    case: Case
    seed: int

    @property
    def name(self) -> str:
        """`CASE@SEED`, unique in a suite and fit for a file name."""
        return f"{self.case.id}@{self.seed}"


def sample_key(name: str) -> tuple[str, int]:
    """The case and the seed that a sample is named by.

    Example:
        >>> sample_key("black-cat@3")
        ('black-cat', 3)

    Raises:
        SdevalError: it is not the name of a sample.
    """
    case, _, seed = name.rpartition("@")
    if not case or not re.fullmatch("-?[0-9]{1,19}", seed):
        raise SdevalError(f"sample {typed.preview(name)}: must be CASE@SEED, such as black-cat@0")
    return case, int(seed)


def _to_paths(paths: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(Path(path) if isinstance(path, str) else path for path in paths)


def fingerprint(sample: Sample, width: int | None, height: int | None) -> str:
    """Hash of what was asked: prompts, pixels of image and mask, strength, size and seed; 16 hex digits.

    Where two runs differ in it, their samples show different things and cannot be compared.
    """
    from sdeval.imaging.io import mask_hash, pixel_hash

    case = sample.case
    request: dict[str, object] = {
        "prompt": case.prompt,
        "negative_prompt": case.negative_prompt,
        # Of several input images there is a list: a case with one has the same hash as ever.
        "image": pixel_hash(case.inputs[0]) if len(case.inputs) == 1 else "",
        "mask": mask_hash(case.mask) if case.mask else "",
        "strength": case.strength,
        "region_prompt": case.region_prompt,
        "size": [width, height],
        "seed": sample.seed,
    }
    if len(case.inputs) > 1:
        request["images"] = [pixel_hash(path) for path in case.inputs]
    for name in ("image_prompt", "edited_prompt"):
        if text := getattr(case, name):
            request[name] = text
    for name in ("control_image", "reference_image"):
        if (path := getattr(case, name)) is not None:
            request[name] = pixel_hash(path)
    # Nothing that is generated depends on it, but scores do; a case without one has the same hash as ever.
    for name in TEXTS:
        if texts := getattr(case, name):
            request[name] = list(texts)
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:16]
