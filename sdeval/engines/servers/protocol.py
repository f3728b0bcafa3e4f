"""What servers have in common: an image is asked for in our words, and each server translates them into its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from PIL import Image

from sdeval.config.case import Case, Task

SIZE = ("width", "height")
"""Settings that are asked for as the size of the image."""
COMMON = ("seed", "num_inference_steps", "guidance_scale", "negative_prompt", "strength")
"""What servers are asked for under names of their own, as diffusers calls it."""


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One image that is asked for."""

    task: Task
    prompt: str
    values: Mapping[str, Any]
    """Seed, negative prompt, strength and settings that are asked for, by the names that suites use."""
    size: tuple[int, int] | None = None
    """Width and height; the server's own where None."""
    image: Image.Image | None = None
    """Init image, or the first input image of an edit, in RGB."""
    further_images: tuple[Image.Image, ...] = ()
    """Input images of an edit after the first."""
    mask: Image.Image | None = None
    """Grey levels: white is painted again."""

    @classmethod
    def of(cls, task: Task, case: Case, seed: int, settings: Mapping[str, Any]) -> ImageRequest:
        """What a case, a seed and the settings of suite and target ask for."""
        from sdeval.imaging.io import open_mask, open_rgb

        images = tuple(map(open_rgb, case.inputs))
        image = images[0] if images else None
        values = {name: value for name, value in settings.items() if name not in SIZE and value is not None}
        if case.strength is not None:
            values["strength"] = case.strength
        if case.negative_prompt:
            values["negative_prompt"] = case.negative_prompt
        size = tuple(settings.get(name) or 0 for name in SIZE)
        return cls(
            task=task,
            prompt=case.prompt,
            values={**values, "seed": seed},
            size=(size[0], size[1]) if all(size) else image.size if image else None,
            image=image,
            further_images=images[1:],
            mask=open_mask(case.mask) if case.mask else None,
        )

    @property
    def inputs(self) -> tuple[Image.Image, ...]:
        """All images that go in, without the mask."""
        return (self.image, *self.further_images) if self.image else ()


@dataclass(frozen=True, slots=True)
class Answer:
    """One image that a server gave."""

    image: Image.Image
    seconds: float | None = None
    """How long it took by the server's own clock; None where the server does not say."""
    from_cache: bool = False
    """Whether the server says that it computed nothing."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a server says of itself."""

    version: str = ""
    model: str = ""
    device: str = ""
    """The hardware that it generates on."""
    other: Mapping[str, Any] = field(default_factory=dict)


class Server(Protocol):
    """A server of one kind. Making one asks the server for nothing yet."""

    @property
    def name(self) -> str:
        """What kind of server it is, for messages."""
        ...

    @property
    def states_times(self) -> bool:
        """Whether it says how long an image took."""
        ...

    def parameters(self, task: Task) -> Mapping[str, str]:
        """What it can be asked for by name, and why that is not clear, where it is not.

        Of an unknown dialect, all that any of them takes.

        Raises:
            SdevalError: it cannot do the task, or its options are wrong.
        """
        ...

    def inputs_problem(self, count: int) -> str:
        """Why an edit cannot have so many input images; empty where it can.

        Of an unknown dialect, what none of them takes.
        """
        ...

    def connect(self) -> Facts:
        """Ask the server who it is, and check what can be checked before an image is asked for.

        Raises:
            SdevalError: nobody answers, or another kind of server does.
        """
        ...

    def generate(self, request: ImageRequest) -> Answer:
        """One image.

        Raises:
            CallFailed: there is none; says what the server answered.
        """
        ...

    def describe(self) -> dict[str, Any]:
        """What images depend on besides: a workflow and its bindings."""
        ...

    def announcements(self) -> list[str]:
        """What a user should see before the first image."""
        ...
