"""Defects of images that no quality score sees: CLIP rates some black images as healthy.

`measure` turns an image into a few numbers that a baseline keeps; `defect_of` judges them, alone or beside the
baseline's.
"""

from __future__ import annotations

from sdeval.imaging.defects.measures import Measures, measure
from sdeval.imaging.defects.rules import NOT_IN_PIXELS, Defect, Finding, defect_of

__all__ = ["NOT_IN_PIXELS", "Defect", "Finding", "Measures", "defect_of", "measure"]
