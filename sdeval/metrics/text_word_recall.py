"""Share of the expected words that can be read in an image to the last letter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sdeval.metrics import text_accuracy as letters
from sdeval.metrics.base import MetricOptions, SampleMetric
from sdeval.metrics.features.text import Reading, load_reader
from sdeval.metrics.writing import word_recall, words_of

INFO = replace(
    letters.INFO,
    name="text_word_recall",
    title="Word recall (OCR)",
    tolerance=5.0,
    explanation="100 where every expected word is among those that were read; a word with one wrong letter is missing",
    formula="100 · expected words that were read / expected words",
    blind_to=f"{letters.BLIND_TO}; the order of words, and blanks that were lost between them",
)


def text_word_recall(expected: Sequence[str], reading: Reading) -> float:
    """Percent of the expected words that were read exactly, 0 to 100; case and punctuation do not count.

    Args:
        expected: the texts that the image shall show.
        reading: what was read in it.

    Raises:
        ValueError: no text is expected.
    """
    if not expected:
        raise ValueError("the case has no text")
    return 100 * word_recall(expected, [word for line in reading for word in words_of(line.text)])


def create(options: MetricOptions) -> SampleMetric:
    """Create the metric with the reader that all metrics of writing share."""
    return letters.OfWriting(INFO, load_reader(options.ocr_threads), text_word_recall)
