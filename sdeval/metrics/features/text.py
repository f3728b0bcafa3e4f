"""Reads the writing in images with RapidOCR: detection and recognition by PP-OCR, with the weights of its wheel."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sdeval._utils.environment import calm_threads, package_version
from sdeval.errors import NotAvailable, SdevalError, one_line
from sdeval.imaging.io import pixel_hash, to_pixels

INSTALL = "pip install 'pytest-sdeval[ocr]'"
MOST_READINGS = 4096
"""Readings that are kept: metrics that ask for those of the same image share them."""

Box = tuple[tuple[float, float], ...]
"""Four corners `(x, y)` in pixels, clockwise from the top left of the writing."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of writing in an image."""

    text: str
    confidence: float
    """Of the recognition, 0 to 1."""
    box: Box

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of the upright rectangle around it, in whole pixels inside the image."""
        across, down = zip(*self.box, strict=True)
        return max(0, int(min(across))), max(0, int(min(down))), int(max(across)), int(max(down))


Reading = tuple[Line, ...]
"""The lines of an image, from top to bottom, and from left to right where they are beside each other."""


class TextReader:
    """RapidOCR on the CPU, for upright writing; what is turned by 180 degrees is read as other letters or none.

    Each image is read by itself, so that a reading never depends on the rest of a batch.

    Raises:
        NotAvailable: RapidOCR, ONNX Runtime or the weights are not on this machine.
    """

    def __init__(self, threads: int = 1) -> None:
        calm_threads()
        try:
            import onnxruntime  # noqa: F401  # RapidOCR misses it only when it reads
            import rapidfuzz  # noqa: F401  # of the same extra; its metrics compare what is read
            from rapidocr import RapidOCR
        except ImportError as error:
            raise NotAvailable(f"reading text in images needs {error.name or 'RapidOCR'}; {INSTALL}") from None
        self.version = f"rapidocr {package_version('rapidocr')} upright {_digest()}"
        # ONNX Runtime does not look at OMP_NUM_THREADS, and takes every core unless it is given a number.
        engine = "EngineConfig.onnxruntime"
        self._engine: Any = RapidOCR(
            params={
                "Global.log_level": "critical",
                # Its classifier turns painted letters upside down that are upright: five of eight "World!" of FLUX.1.
                "Global.use_cls": False,
                f"{engine}.intra_op_num_threads": threads,
                f"{engine}.inter_op_num_threads": threads,
            }
        )
        self._threads = threads
        self._readings: dict[str, Reading] = {}

    def read(self, images: Sequence[Image.Image]) -> list[Reading]:
        """The writing in each image; empty where there is none."""
        return [self._reading(image) for image in images]

    def _reading(self, image: Image.Image) -> Reading:
        key = pixel_hash(image)
        if key not in self._readings:
            if len(self._readings) == MOST_READINGS:
                self._readings.pop(next(iter(self._readings)))
            self._readings[key] = self._read(image)
        return self._readings[key]

    def _read(self, image: Image.Image) -> Reading:
        # Of an array, RapidOCR takes the channels for blue, green and red.
        with _opencv_threads(self._threads):
            output = self._engine(np.ascontiguousarray(to_pixels(image.convert("RGB"))[..., ::-1]))
        if output.txts is None or output.boxes is None:
            return ()
        return tuple(
            Line(text, float(confidence), tuple((float(x), float(y)) for x, y in box))
            for text, confidence, box in zip(output.txts, output.scores, output.boxes, strict=True)
        )


@contextmanager
def _opencv_threads(count: int) -> Iterator[None]:
    """OpenCV, which RapidOCR cuts and resizes with, has a pool of its own; other users of it get theirs back."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(count)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


@lru_cache(maxsize=2)
def load_reader(threads: int) -> TextReader:
    """The reader that metrics share.

    Raises:
        NotAvailable: what it needs is not on this machine.
        SdevalError: there cannot be as many threads.
    """
    if threads < 1:
        raise SdevalError(f"metric_options: ocr_threads must be a whole number from 1 on, got {threads}")
    return TextReader(threads)


def describe(reading: Reading) -> str:
    """A reading on one line, with the confidence of each line of writing.

    Example: `Hello (1.00) | World! (0.54)`
    """
    return one_line(" | ".join(f"{line.text} ({line.confidence:.2f})" for line in reading)) or "nothing"


def _digest() -> str:
    """Hash of the weights that came with RapidOCR.

    Raises:
        NotAvailable: there are none, and it would download them.
    """
    import rapidocr

    weights = sorted((Path(rapidocr.__file__).parent / "models").glob("*.onnx"))
    if not weights:
        raise NotAvailable("RapidOCR has no weights; pip install --force-reinstall 'rapidocr>=3.10'")
    digest = hashlib.sha256()
    for path in weights:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
