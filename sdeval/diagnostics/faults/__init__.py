"""Planted defects, and controls that only look like ones. They measure what a suite would catch.

Each is a context manager over a diffusers pipeline; leaving it fixes the pipeline. Those of what goes in and of what
comes out can be planted around any engine as well: a program of one's own, another Python.

Example:
    >>> with FAULTS["mask-inverted"].plant(pipeline):
    ...     pipeline(prompt, image=image, mask_image=mask)
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sdeval.config.case import Task
from sdeval.diagnostics.faults.base import Fault, alter_call
from sdeval.diagnostics.faults.controls import CONTROLS
from sdeval.diagnostics.faults.images import IMAGES
from sdeval.diagnostics.faults.inputs import INPUTS
from sdeval.diagnostics.faults.model import MODEL
from sdeval.diagnostics.faults.objects import OBJECTS
from sdeval.diagnostics.faults.sampling import SAMPLING
from sdeval.engines.diffusers_engine import LoadedTarget
from sdeval.engines.engine import Engine
from sdeval.errors import SdevalError

FAULTS: dict[str, Fault] = {fault.name: fault for fault in (*SAMPLING, *INPUTS, *MODEL, *IMAGES, *OBJECTS)}

__all__ = ["CONTROLS", "FAULTS", "Fault", "alter_call", "plant_fault"]


@contextmanager
def plant_fault(fault: Fault, engine: Engine, task: Task) -> Iterator[Engine]:
    """An engine with a fault.

    Raises:
        SdevalError: the fault is one of a pipeline's inside, and the engine is no pipeline of this process.
    """
    if isinstance(engine, LoadedTarget):
        with fault.plant(engine.pipeline(task)):
            yield engine
    elif fault.around is not None:
        with fault.around(engine) as faulty:
            yield faulty
    else:
        raise SdevalError(f"fault {fault.name} is one of a diffusers pipeline, and {engine.target.name} is none here")
