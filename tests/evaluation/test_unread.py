"""Prompts that are cut are told, with the part that is lost (field case F15)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sdeval import Case
from sdeval.engines.diffusers_engine import LoadedTarget, tokenizers_of
from sdeval.evaluation.evaluate import evaluate
from tests.generated import plan

LONG = "a large red circle on a blue background " * 10
"""80 tokens."""


def notes_of(loaded: LoadedTarget, folder: Path, *cases: Case) -> list[str]:
    whole = plan()
    suite = replace(whole.suite, cases=cases, metrics=("clip_score", "sharpness"), references=None, tolerances={})
    return list(evaluate(replace(whole, suite=suite, samples=suite.samples, rounds=()), loaded, folder).notes)


def test_f15_a_prompt_that_is_cut_is_told_for_the_model_and_for_clip_score(
    loaded: LoadedTarget, tmp_path: Path
) -> None:
    notes = notes_of(loaded, tmp_path, Case(id="short", prompt="a red circle"), Case(id="long", prompt=LONG + "a cat"))
    assert len(notes) == 2
    model, clip = notes
    assert model.startswith("few: shapes does not read the end of 1 prompt (long: “")
    assert clip.startswith("few: clip_score does not read the end of 1 prompt (long: “")
    assert "background a cat”" in model
    assert "background a cat”" in clip
    assert "clip_model with a longer context" in clip


def test_f15_a_negative_prompt_that_is_cut_is_told(loaded: LoadedTarget, tmp_path: Path) -> None:
    (note,) = notes_of(loaded, tmp_path, Case(id="cat", prompt="a red circle", negative_prompt=LONG))
    assert note.startswith("few: shapes does not read the end of 1 prompt (cat (negative): “")


def test_prompts_that_are_read_to_their_end_say_nothing(loaded: LoadedTarget, tmp_path: Path) -> None:
    assert not notes_of(loaded, tmp_path, Case(id="cat", prompt=LONG[:150]))


class Words:
    """A tokenizer of whole words, with a limit of its own."""

    def __init__(self, limit: int) -> None:
        self.model_max_length = limit

    def __call__(self, text: str, *, truncation: bool, max_length: int) -> Any:
        assert truncation
        return type("Encoded", (), {"input_ids": text.split()[:max_length]})


class Pipeline:
    """A pipeline of two tokenizers, of which one has a limit that the call sets."""

    def __init__(self, *tokenizers: Words) -> None:
        self.components = {f"tokenizer_{number}": tokenizer for number, tokenizer in enumerate(tokenizers)}

    def __call__(self, max_sequence_length: int = 4) -> None:
        """Never called."""


@pytest.mark.parametrize(
    ("limits", "settings", "counts"),
    [
        ((3, 10**30), {}, [3, 4]),
        ((3, 10**30), {"max_sequence_length": 6}, [3, 6]),
        ((2,), {"max_sequence_length": 6}, [2]),
    ],
)
def test_every_tokenizer_is_cut_at_its_limit_or_at_that_of_the_call(
    limits: tuple[int, ...], settings: dict[str, int], counts: list[int]
) -> None:
    readers = tokenizers_of(Pipeline(*map(Words, limits)), settings)
    assert [len(read("a b c d e f g h")) for read in readers] == counts
