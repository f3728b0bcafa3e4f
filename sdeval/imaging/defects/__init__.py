"""Defects of images that a quality score may miss: CLIP scores some black images like good ones.

`measure` turns an image into a few numbers that a baseline stores; `defect_of` names the defect of an image from its
measures, and from those of the baseline's image where there is one.
"""

from __future__ import annotations

from sdeval.imaging.defects.measures import Measures, measure
from sdeval.imaging.defects.rules import NOT_IN_PIXELS, Defect, Finding, defect_of

__all__ = ["NOT_IN_PIXELS", "Defect", "Finding", "Measures", "defect_of", "measure"]
