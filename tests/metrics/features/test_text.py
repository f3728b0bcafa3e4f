"""Reading images with RapidOCR itself."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest
from PIL import Image

pytest.importorskip("rapidocr")

from sdeval import NotAvailable, SdevalError
from sdeval.metrics.features.text import Line, TextReader, describe, load_reader
from tests.metrics.rendered import sign, write


@pytest.fixture(scope="module")
def reader() -> TextReader:
    return load_reader(1)


def test_lines_are_read_from_top_to_bottom_with_confidence_and_place(reader: TextReader) -> None:
    ((first, second),) = reader.read([sign("Hello", "World")])
    assert (first.text, second.text) == ("Hello", "World")
    assert min(first.confidence, second.confidence) > 0.9
    assert 0 <= first.bounds[0] < 60
    assert max(y for _, y in first.box) < min(y for _, y in second.box)


def test_an_image_without_writing_has_no_line(reader: TextReader) -> None:
    assert reader.read([sign()]) == [()]


def test_the_colours_are_those_of_the_image(reader: TextReader) -> None:
    # Red on blue and blue on red are alike to a reader, but the engine must be given the channels in its own order.
    seen: list[tuple[int, ...]] = []
    own = TextReader()
    own._engine = lambda pixels: seen.append(tuple(pixels[0, 0])) or own_answer
    own_answer = type("Output", (), {"txts": None, "boxes": None})()
    own.read([Image.new("RGB", (64, 64), (200, 100, 0))])
    assert seen == [(0, 100, 200)]


def test_the_batch_does_not_matter(reader: TextReader) -> None:
    images = [sign("Hello"), sign("a much longer line", size=24), sign()]
    together = TextReader().read(images)
    assert together == [TextReader().read([image])[0] for image in images]


def test_threads_do_not_change_a_reading(reader: TextReader) -> None:
    image = write(sign("OPEN"), [(150, 200, "24 hours")], size=32)
    assert TextReader(threads=2).read([image]) == reader.read([image])


def test_the_same_image_is_read_once() -> None:
    reader = TextReader()
    calls: list[int] = []
    engine = reader._engine
    reader._engine = lambda pixels: calls.append(1) or engine(pixels)
    reader.read([sign("Hello"), sign("Hello")])
    assert len(calls) == 1


def test_the_version_names_program_and_weights(reader: TextReader) -> None:
    name, version, direction, digest = reader.version.split()
    assert (name, direction) == ("rapidocr", "upright")
    assert version[0].isdigit()
    assert len(digest) == 12


def test_no_thread_is_no_number_of_threads() -> None:
    with pytest.raises(SdevalError, match="ocr_threads must be a whole number from 1 on, got 0"):
        load_reader(0)


def test_a_reading_is_described_on_one_line_with_its_confidence() -> None:
    lines = (Line("Hello", 0.999, ((0.0, 0.0),)), Line("Wor\nld", 0.544, ((0.0, 0.0),)))
    assert describe(lines) == "Hello (1.00) | Wor ld (0.54)"
    assert describe(()) == "nothing"


@pytest.mark.parametrize("package", ["rapidocr", "onnxruntime", "rapidfuzz"])
def test_without_a_package_the_command_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(NotAvailable, match=r"needs .*; pip install 'pytest-sdeval\[ocr\]'"):
        TextReader()


def test_without_weights_nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    import rapidocr

    monkeypatch.setattr(rapidocr, "__file__", f"{tmp_path}/__init__.py")
    with pytest.raises(NotAvailable, match="RapidOCR has no weights; pip install --force-reinstall"):
        TextReader()


@pytest.mark.parametrize("threads", [1, 4])
def test_as_many_threads_read_as_are_set(threads: int) -> None:
    program = f"""
        from pathlib import Path
        from sdeval.metrics.features.text import TextReader
        from tests.metrics.rendered import sign

        def running():
            return len(list(Path("/proc/self/task").iterdir()))

        reader = TextReader({threads})
        before = running()
        reader.read([sign("Hello", "World", edge=700)])
        print(running() - before)
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    # Those of this process read as well; both models and OpenCV have threads besides.
    assert (int(output) == 0) == (threads == 1)


def test_opencv_has_its_threads_back_after_reading(reader: TextReader) -> None:
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    try:
        TextReader(1).read([sign("Hello")])
        assert cv2.getNumThreads() == 3
    finally:
        cv2.setNumThreads(before)
