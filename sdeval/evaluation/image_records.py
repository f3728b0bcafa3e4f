"""Writes a generated image into the folder of its run, and describes it: its record in the run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sdeval._utils.files import write_bytes
from sdeval.config.case import Case, Sample
from sdeval.engines.generated import Generated
from sdeval.evaluation.image_texts import ImageTexts
from sdeval.evaluation.plan import Plan
from sdeval.imaging.defects import defect_of, measure
from sdeval.imaging.io import MAX_PIXELS, has_thumbnail, pixel_hash, png_bytes, thumbnail_bytes, to_pixels
from sdeval.results.image_pool import write_shared
from sdeval.results.records import Safety, SampleResult, thumbnail_of

_SAFETY: Mapping[bool | None, Safety] = {None: "", False: "passed", True: "flagged"}
"""What is kept of the flag of an image."""


@dataclass(frozen=True, slots=True)
class ImageRecorder:
    """Writes the images of a plan; may be used by several threads.

    Args:
        plan: what is generated.
        folder: of the run.
    """

    plan: Plan
    folder: Path

    def failed(self, sample: Sample, reason: str) -> SampleResult:
        """The record of a sample of which there is no image."""
        return SampleResult(
            case=sample.case.id,
            seed=sample.seed,
            prompt=sample.case.prompt,
            fingerprint=self.plan.fingerprint(sample),
            sha256="",
            image="",
            failure=_with_origin(reason, sample.case),
        )

    def write(self, generated: Generated, image_texts: ImageTexts | None) -> SampleResult:
        """The record of one image, once it is on disk."""
        sample, image = generated.sample, generated.image
        if image.width * image.height > MAX_PIXELS:
            size = f"{image.width}x{image.height}"
            return self.failed(sample, f"the image has {size} pixels; at most {MAX_PIXELS} are allowed")
        path = f"images/{sample.name}.png"
        # Before the image: an image that is there when a session is resumed has its thumbnail.
        if has_thumbnail(image):
            write_bytes(self.folder / thumbnail_of(path), thumbnail_bytes(image))
        texts = image_texts.of(sample, image.size) if image_texts else {}
        write_shared(self.folder / path, png_bytes(image, texts), self.plan.image_pool)
        measures = measure(to_pixels(image))
        request = self.plan.size(sample)
        sizes = (image.size, request) if request else None
        finding = defect_of(measures, finite=generated.finite, flagged=bool(generated.flagged), size=sizes)
        return SampleResult(
            case=sample.case.id,
            seed=sample.seed,
            prompt=sample.case.prompt,
            fingerprint=self.plan.fingerprint(sample),
            sha256=pixel_hash(image),
            image=path,
            width=image.width,
            height=image.height,
            defect=finding.defect if finding else "",
            detail=finding.detail if finding else "",
            safety=_SAFETY[generated.flagged],
            measures=measures.as_dict(),
        )


def _with_origin(reason: str, case: Case) -> str:
    """A reason with the line of the file that the case was read from, as it is called from here."""
    if not case.origin:
        return reason
    path, _, line = case.origin.rpartition(":")
    return f"{reason} ({os.path.relpath(path)}:{line})"
