"""What a fault is, and how it gets into a pipeline and out again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any

import numpy as np
import numpy.typing as npt
from diffusers import DiffusionPipeline

from sdeval.config.case import TASKS, Task
from sdeval.config.suite import Suite
from sdeval.engines.engine import Engine

WHOLE: tuple[Task, ...] = ("text2img", "img2img")
"""Tasks whose whole image is generated; a painted part shows less of what goes wrong."""
Arguments = dict[str, Any]
Images = npt.NDArray[np.float32]
Call = Callable[..., Any]
"""A pipeline call, with arguments by name."""
Plant = Callable[[DiffusionPipeline], AbstractContextManager[None]]
Around = Callable[[Engine], AbstractContextManager[Engine]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A defect of a certain strength."""

    name: str
    says: str
    """What is wrong, in a few words."""
    plant: Plant
    """Into a diffusers pipeline of this process."""
    around: Around | None = None
    """Gives an engine of any kind with the fault; None where the fault is one of a pipeline's parts or its sampler."""
    tasks: tuple[Task, ...] = TASKS
    needs_text: bool = False
    """Whether it spoils writing in images, so that it is of no use where no case of a suite has `text`."""
    needs_objects: bool = False
    """Whether it changes objects, so that it is of no use where no case of a suite has `objects`."""
    of_suite: Callable[[Fault, Suite], Fault] | None = None
    """Gives the fault for the cases of a suite; without it, a fault that needs one changes nothing."""
    clear: tuple[Task, ...] = TASKS
    """Tasks whose images suffer so much that any suite should catch it; elsewhere it shows how fine a suite is.

    Settled by what `benchmarks/sensitivity.py` counts on the embedded model: one image in ten no longer shows what
    was asked, some are no images at all, or all look other than they should.
    """


@contextmanager
def other_call(pipeline: DiffusionPipeline, call: Callable[..., Any]) -> Iterator[None]:
    """Another call of a pipeline: given the sound one, to be called with arguments by name, and the arguments."""
    sound = type(pipeline)
    # A call is looked up in the class, so the pipeline gets a class of its own for the while.
    # Whoever asks which arguments it takes is reported those of the sound one.
    own = {
        "__call__": wraps(sound.__call__)(lambda self, **arguments: call(partial(sound.__call__, self), **arguments))
    }
    pipeline.__class__ = type(sound.__name__, (sound,), own)
    try:
        yield
    finally:
        pipeline.__class__ = sound


def alter_call(
    pipeline: DiffusionPipeline,
    arguments: Callable[[Arguments], Arguments] = lambda inputs: inputs,
    images: Callable[[Images], Images] = lambda generated: generated,
) -> AbstractContextManager[None]:
    """Change what goes into the pipeline, or the images (`[n, height, width, 3]` in 0..1) that come out."""

    def call(sound: Call, **inputs: Any) -> Any:
        output = sound(**arguments(inputs))
        output.images = images(output.images)
        return output

    return other_call(pipeline, call)


@contextmanager
def replace_attribute(thing: Any, name: str, value: Any) -> Iterator[None]:
    """Another value for an attribute of an object."""
    original = getattr(thing, name)
    setattr(thing, name, value)
    try:
        yield
    finally:
        setattr(thing, name, original)
