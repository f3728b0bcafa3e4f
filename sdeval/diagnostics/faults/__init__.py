"""Planted defects, and controls that only look like ones. They measure what a suite would catch.

Each is a context manager over a diffusers pipeline; leaving it fixes the pipeline.

Example:
    >>> with FAULTS["mask-inverted"].plant(pipeline):
    ...     pipeline(prompt, image=image, mask_image=mask)
"""

from sdeval.diagnostics.faults.base import Fault, alter_call
from sdeval.diagnostics.faults.controls import CONTROLS
from sdeval.diagnostics.faults.images import IMAGES
from sdeval.diagnostics.faults.inputs import INPUTS
from sdeval.diagnostics.faults.model import MODEL
from sdeval.diagnostics.faults.sampling import SAMPLING

FAULTS: dict[str, Fault] = {fault.name: fault for fault in (*SAMPLING, *INPUTS, *MODEL, *IMAGES)}

__all__ = ["CONTROLS", "FAULTS", "Fault", "alter_call"]
