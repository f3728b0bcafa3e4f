"""Faults of writing: planted into images whose texts are known, and seen by the metrics that read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("rapidocr")

from sdeval import Case, NotAvailable, Suite
from sdeval.cli import main
from sdeval.diagnostics.faults.images import remove_text, swap_letters
from sdeval.diagnostics.sensitivity import select_faults
from sdeval.metrics.features import text
from sdeval.metrics.features.text import load_reader
from tests.metrics.rendered import sign

TEXT_FAULTS = {"letters-swapped", "text-removed"}
PROGRAM = """
from PIL import Image, ImageDraw, ImageFont

def generate(case, seed):
    image = Image.new("RGB", (256, 96), (225, 232, 240))
    place = (12 + seed % 9, 20 + seed % 7)
    ImageDraw.Draw(image).text(place, case.text[0], fill=(20, 30, 60), font=ImageFont.load_default(36))
    return image
"""
SUITE = """
from sdeval import Case, Suite

test_signs = Suite(
    name="signs",
    task="text2img",
    cases=[Case(id=word.lower(), prompt=f"a sign that says {word}", text=word) for word in
           ("Orange", "Summer", "Kitchen", "Thunder", "Library", "Harvest")],
    seeds=(0,),
    metrics=("text_accuracy", "text_word_recall", "spurious_text"),
    targets=("python:program.py:generate",),
)
"""


def planted(image: Image.Image, alteration: object) -> Image.Image:
    values = np.asarray(image, dtype=np.float32)[None] / 255
    (result,) = alteration.output_images(values)
    return Image.fromarray(np.rint(result * 255).astype(np.uint8))


def read(image: Image.Image) -> str:
    return " ".join(line.text for line in load_reader(1).read([image])[0])


def test_swapped_letters_read_otherwise() -> None:
    image = sign("Kitchen")
    garbled = planted(image, swap_letters())
    assert read(image) == "Kitchen"
    assert read(garbled) != "Kitchen"
    # Nothing was added or removed: the same pixels lie elsewhere.
    assert np.array_equal(np.sort(np.asarray(image), axis=None), np.sort(np.asarray(garbled), axis=None))


def test_removed_text_cannot_be_read() -> None:
    assert read(planted(sign("Kitchen", "Garden"), remove_text())) == ""


@pytest.mark.parametrize("fault", [swap_letters, remove_text])
def test_an_image_without_writing_stays_as_it_is(fault: object) -> None:
    assert planted(sign(), fault()).tobytes() == sign().tobytes()


@pytest.mark.parametrize("fault", [swap_letters, remove_text])
def test_without_a_reader_nothing_is_planted(fault: object, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(threads: int) -> None:
        raise NotAvailable("no reader")

    monkeypatch.setattr(text, "load_reader", missing)
    with pytest.raises(NotAvailable, match="no reader"):
        fault()


def names(case: Case) -> set[str]:
    return {fault.name for fault in select_faults([], Suite(name="few", task="text2img", cases=(case,)))}


def test_they_are_planted_where_a_case_has_a_text() -> None:
    assert names(Case(id="sign", prompt="a sign", text="Open")) >= TEXT_FAULTS
    assert not names(Case(id="sign", prompt="a sign")) & TEXT_FAULTS


def test_the_command_says_which_metrics_saw_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in (("pyproject.toml", "[tool.sdeval]\n"), ("program.py", PROGRAM), ("test_signs.py", SUITE)):
        (tmp_path / name).write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    wanted = [*sorted(TEXT_FAULTS), "red-and-blue-swapped", "other-threads"]
    main(["sensitivity", "test_signs.py", *(part for name in wanted for part in ("--fault", name))])
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    for name in TEXT_FAULTS:
        (row,) = [line for line in lines if line.startswith(f"✓ {name} clear")]
        assert "text_accuracy" in row
        assert "text_word_recall" in row
    # What is blind to colours says nothing of them.
    assert any(line.startswith("✗ red-and-blue-swapped clear 0.0 tolerances") for line in lines)
    assert any(line.startswith("✓ other-threads control 0.0 tolerances") for line in lines)
