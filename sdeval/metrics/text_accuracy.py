"""Whether the writing in an image is what the case asks for: letters that are right, as RapidOCR reads them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sdeval.metrics.base import GeneratedImage, MetricInfo, MetricOptions, SampleMetric
from sdeval.metrics.features.text import Reading, TextReader, describe, load_reader
from sdeval.metrics.writing import Match, accuracy, match_texts, words_of

LICENCE = "code and weights: Apache-2.0 (RapidOCR, PP-OCR)"
WEIGHTS = "PP-OCRv6 small, in the wheel of rapidocr (27 MB)"
PAPER = "PP-OCR: arXiv 2009.09941"
BLIND_TO = (
    "punctuation, fonts, sizes and places; writing that is upside down; stylised or tiny letters may be misread"
    " although they are right"
)

INFO = MetricInfo(
    name="text_accuracy",
    title="Text accuracy (OCR)",
    unit="percent",
    higher_is_better=True,
    tolerance=2.0,
    range=(0.0, 100.0),
    needs=("text",),
    of_some_cases=True,
    explanation="100 where every expected text can be read; one wrong letter of seven costs 14",
    formula="100 (1 - sum of edit distances / sum of max(letters expected, letters read))",
    paper=PAPER,
    licence=LICENCE,
    weights=WEIGHTS,
    blind_to=BLIND_TO,
)

Score = Callable[[Sequence[str], Reading], float]
"""Takes the expected texts and what was read."""


def text_accuracy(expected: Sequence[str], reading: Reading) -> float:
    """100 times 1 minus the normalised edit distance (Levenshtein) between expected and read texts, 0 to 100.

    What counts and what does not: see `writing`.

    Args:
        expected: the texts that the image shall show.
        reading: what was read in it.

    Raises:
        ValueError: no text is expected.
    """
    if not expected:
        raise ValueError("the case has no text")
    return 100 * accuracy(match_reading(expected, reading)[0])


def match_reading(expected: Sequence[str], reading: Reading) -> tuple[list[Match], list[str]]:
    """The best match of the expected texts, and the read words in the order that it is of.

    Lines are read from top to bottom; where that fits worse, from left to right.
    """
    orders = (reading, sorted(reading, key=lambda line: line.bounds[0]))
    read_words = [[word for line in lines for word in words_of(line.text)] for lines in orders]
    attempts = [(match_texts(expected, words), words) for words in read_words]
    return min(attempts, key=lambda attempt: sum(match.distance for match in attempt[0]))


@dataclass(frozen=True, slots=True)
class OfWriting:
    """A metric of what was read in an image."""

    info: MetricInfo
    reader: TextReader
    function: Score
    reading: str = "text"

    @property
    def version(self) -> str:
        """Formula, program and weights."""
        return f"1 {self.reader.version}"

    def score(self, images: Sequence[GeneratedImage]) -> list[float]:
        """One score per image."""
        readings = self.reader.read([image.image for image in images])
        return [self.function(image.case.text, reading) for image, reading in zip(images, readings, strict=True)]

    def readings(self, images: Sequence[GeneratedImage]) -> list[str]:
        """What was read in each image."""
        return [describe(reading) for reading in self.reader.read([image.image for image in images])]


def create(options: MetricOptions) -> SampleMetric:
    """Create the metric with the reader that all metrics of writing share."""
    return OfWriting(INFO, load_reader(options.ocr_threads), text_accuracy)
