"""Text accuracy, word recall and spurious text of real readings."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("rapidocr")

from sdeval import Case
from sdeval.metrics import GeneratedImage, MetricOptions, ReadingMetric, create
from sdeval.metrics.features.text import Line
from sdeval.metrics.spurious_text import spurious_text
from sdeval.metrics.text_accuracy import text_accuracy
from sdeval.metrics.text_word_recall import text_word_recall
from tests.conftest import ROOT
from tests.metrics.rendered import sign, write

GENERATED = Path(os.environ.get("SDEVAL_GENERATED_IMAGES", ROOT.parent / "shared" / "data" / "generated"))
"""Images of real models, which are not part of this project."""
needs_real_images = pytest.mark.skipif(not GENERATED.is_dir(), reason="the images of real models are not here")
NAMES = ("text_accuracy", "text_word_recall", "spurious_text")


def scores(image: Image.Image, *text: str) -> dict[str, float]:
    generated = GeneratedImage(image, Case(id="sign", prompt="a sign", text=text))
    return {name: create(name, MetricOptions()).score([generated])[0] for name in NAMES if text or "spur" in name}


def line(text: str, left: float = 0.0) -> Line:
    return Line(text, 1.0, ((left, 0.0), (left + 9, 0.0)))


def test_a_sign_as_asked_is_all_right() -> None:
    assert scores(sign("Hello World"), "hello world!") == {
        "text_accuracy": 100,
        "text_word_recall": 100,
        "spurious_text": 0,
    }


def test_swapped_letters_cost_letters_and_their_word() -> None:
    values = scores(sign("Hello Wrold"), "Hello World")
    assert values["text_accuracy"] == pytest.approx(80)
    assert values["text_word_recall"] == 50


def test_a_sign_without_writing_has_nothing_right() -> None:
    assert scores(sign(), "Hello") == {"text_accuracy": 0, "text_word_recall": 0, "spurious_text": 0}


def test_several_texts_are_found_wherever_they_are() -> None:
    image = write(sign(edge=400), [(20, 300, "OPEN"), (220, 40, "24 h")])
    assert scores(image, "24 h", "open")["text_accuracy"] == 100


def test_writing_that_nobody_asked_for_is_counted() -> None:
    image = sign("OPEN", "Sample")
    assert scores(image, "open")["spurious_text"] == len("Sample")
    assert scores(image)["spurious_text"] == len("OPENSample")


def test_a_single_letter_is_not_spurious() -> None:
    assert spurious_text((), (line("8"), line("月"))) == 0
    assert spurious_text((), (line("18"),)) == 2


def test_lines_beside_each_other_are_read_from_left_to_right_where_that_fits_better() -> None:
    slanted = (line("World", left=50), line("Hello", left=5))
    assert text_accuracy(["Hello World"], slanted) == 100


@pytest.mark.parametrize("formula", [text_accuracy, text_word_recall])
def test_without_an_expected_text_there_is_no_score(formula: object) -> None:
    with pytest.raises(ValueError, match="the case has no text"):
        formula((), (line("Hello"),))


def test_what_was_read_is_told_with_the_score() -> None:
    metric = create("text_accuracy", MetricOptions())
    assert isinstance(metric, ReadingMetric)
    readings = metric.readings([GeneratedImage(sign("Hello"), Case(id="sign", prompt="a sign", text="Hello"))])
    assert [text.partition(" (")[0] for text in readings] == ["Hello"]


def real_signs(ending: str) -> dict[str, dict[str, float]]:
    """Scores of the images of real models whose expected text ends so, by the name of the file."""
    manifest = json.loads((GENERATED / "manifest.json").read_text())
    return {
        Path(entry["file"]).stem: scores(Image.open(GENERATED / entry["file"]).convert("RGB"), entry["expected_text"])
        for entry in manifest
        if entry.get("expected_text", "").endswith(ending)
    }


@needs_real_images
def test_misspelt_signs_of_real_models_have_less_than_all_correct_ones() -> None:
    signs = real_signs("cpp")
    misspelt = [signs.pop(name) for name in ("flux1-dev-q2k", "single-mage-flow")]
    assert len(signs) == 10
    assert [values["text_accuracy"] for values in misspelt] == [pytest.approx(100 * 6 / 7)] * 2
    assert [values["text_word_recall"] for values in misspelt] == [0, 0]
    wrong = [name for name, values in signs.items() if min(values["text_accuracy"], values["text_word_recall"]) < 100]
    assert wrong == []


@needs_real_images
def test_painted_letters_of_a_real_model_are_not_turned_upside_down() -> None:
    signs = real_signs("World")
    assert len(signs) == 8
    assert {values["text_accuracy"] for values in signs.values()} == {100}
