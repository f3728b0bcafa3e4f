"""Writing that nobody asked for: watermarks, signatures, captions, gibberish on signs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sdeval.metrics import text_accuracy as letters
from sdeval.metrics.base import MetricInfo, MetricOptions, SampleMetric
from sdeval.metrics.features.text import Reading, load_reader
from sdeval.metrics.writing import spurious_letters, words_of

INFO = MetricInfo(
    name="spurious_text",
    title="Spurious text (OCR)",
    unit="letters",
    higher_is_better=False,
    tolerance=1.0,
    range=(0.0, math.inf),
    explanation="0 where nothing but the expected texts can be read; of a case without text, every letter counts",
    formula="letters and digits of read words that belong to no expected text",
    paper=letters.PAPER,
    licence=letters.LICENCE,
    weights=letters.WEIGHTS,
    blind_to=(
        "single letters, scribble that does not look like letters, and writing of which the reader is less than half"
        " sure"
    ),
)


def spurious_text(expected: Sequence[str], reading: Reading) -> float:
    """Letters and digits that were read beside the expected texts, 0 and above.

    Read words belong to an expected text where they are the nearest to it, and at least half of their letters fit.
    Lines of a single letter do not count: in images without any writing, readers see one in a leaf or a brick.

    Args:
        expected: the texts that the image shall show; none where it shall show no writing.
        reading: what was read in it.
    """
    lines = tuple(line for line in reading if len("".join(words_of(line.text))) > 1)
    return float(spurious_letters(*letters.match_reading(expected, lines)))


def create(options: MetricOptions) -> SampleMetric:
    """Create the metric with the reader that all metrics of writing share."""
    return letters.OfWriting(INFO, load_reader(options.ocr_threads), spurious_text)
