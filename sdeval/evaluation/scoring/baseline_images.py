"""Compares the images of a run with the baseline's: how far each has moved, and which defects are not a style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from PIL import Image

from sdeval.evaluation.scoring.images import DecodedSample, Pair, RunImages
from sdeval.imaging.defects import NOT_IN_PIXELS, Measures, defect_of, measure
from sdeval.imaging.difference import ImageDifference
from sdeval.imaging.io import FULL_UP_TO, to_pixels
from sdeval.imaging.similarity import ImageChange, image_change, image_difference
from sdeval.results.records import SampleResult
from sdeval.results.run import Run


class BaselineComparison:
    """The samples of a run compared with those of its baseline while images pass by.

    An image with the pixels of the baseline's need not be looked at. Of another one, the baseline's image is compared
    where it is at hand at full size, otherwise its thumbnail with one of this image, which is never called identical.

    Args:
        images: of the run.
    """

    needs_pair = False

    def __init__(self, images: RunImages) -> None:
        self._images = images
        self._baseline = images.baseline.run if images.baseline else None
        self._results: dict[int, SampleResult] = {}
        self.rows = {row for row, sample in enumerate(images.run.samples) if self._must_see(sample)}
        """Rows whose images it has not seen yet."""

    def _must_see(self, result: SampleResult) -> bool:
        baseline = self._images.baseline
        before = baseline.run.sample(result) if baseline else None
        if baseline is None or before is None or not result.image or before.sha256 == result.sha256:
            return False
        return baseline.image(result) is not None

    def take(self, batch: Sequence[DecodedSample]) -> None:
        """Compare the images of a batch."""
        for decoded in batch:
            if decoded.row not in self.rows:
                continue
            self.rows.remove(decoded.row)
            result = self._images.run.samples[decoded.row]
            compared = _compare(result, self._before(result), decoded.compared)
            self._results[decoded.row] = replace(compared, difference=_difference(decoded.compared_in_full))

    def finish(self) -> None:
        """Nothing is left to do: all images have passed by."""

    def add_to(self, run: Run) -> Run:
        """The run with what is known from the comparison."""
        samples = (
            self._results[row] if row in self._results else _compare(sample, self._before(sample), None)
            for row, sample in enumerate(run.samples)
        )
        return replace(run, samples=tuple(samples))

    def _before(self, result: SampleResult) -> SampleResult | None:
        return self._baseline.sample(result) if self._baseline else None


def _compare(result: SampleResult, before: SampleResult | None, compared: Pair | None) -> SampleResult:
    """The sample with its difference from the baseline's image, and a defect if its size is another.

    A requested size is checked when the image is generated; this is for images without a requested size.
    """
    if before is None or not result.image:
        return result
    if before.size and not result.defect and before.size != result.size:
        sizes = "{}x{} instead of the baseline's {}x{}".format(*(result.size or (0, 0)), *before.size)
        detail = f"{sizes}; ask for width and height in the suite's settings"
        result = replace(result, defect="size_mismatch", detail=detail)
    result = judge_defects(result, before, compared[0] if compared else None)
    return replace(result, image_change=_change(result, before, compared))


def _change(result: SampleResult, before: SampleResult, compared: Pair | None) -> ImageChange | Literal[""]:
    if before.sha256 == result.sha256:
        return "identical"
    if compared is None:
        return ""
    change = image_change(*map(to_pixels, compared))
    # A thumbnail may hide the difference: the pixels are not the same.
    return "imperceptible" if change == "identical" else change


def _difference(pair: Pair | None) -> ImageDifference | None:
    """The difference of two images at full size in numbers; None where there are none, or their sizes differ."""
    if pair is None or pair[0].size != pair[1].size:
        return None
    return image_difference(*map(to_pixels, pair))


def judge_defects(result: SampleResult, before: SampleResult, baseline_image: Image.Image | None) -> SampleResult:
    """The sample with its defect judged against the baseline's image: what both images have is a style.

    Args:
        result: the sample, judged without a baseline.
        before: the baseline's sample.
        baseline_image: the image or thumbnail in the baseline; None if there is none.
    """
    if result.defect in NOT_IN_PIXELS:
        return result
    if before.sha256 == result.sha256:
        return replace(result, defect=before.defect, detail=before.detail)
    measures, baseline = Measures.from_dict(result.measures), _measures_of(before, baseline_image)
    if measures is None or baseline is None:
        return result
    finding = defect_of(measures, baseline)
    return replace(result, defect=finding.defect if finding else "", detail=finding.detail if finding else "")


def _measures_of(sample: SampleResult, image: Image.Image | None) -> Measures | None:
    """Measures that the baseline stores; for an older one, of its image unless that is a thumbnail."""
    stored = Measures.from_dict(sample.measures)
    if stored is not None or image is None or image.size != sample.size or max(image.size) > FULL_UP_TO:
        return stored
    return measure(to_pixels(image))
