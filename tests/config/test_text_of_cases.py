"""The field `text` of cases: how files spell it, what is refused, and what depends on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sdeval import Case, SdevalError, Suite, load_cases
from sdeval.config.case import Sample, fingerprint
from sdeval.config.target import Target
from sdeval.session.items import items_of

SIGN = Case(id="sign", prompt="a sign", text=("Open", "24 h"))


def written(folder: Path, name: str, content: str) -> Case:
    (folder / name).write_text(content, encoding="utf-8")
    (case,) = load_cases(folder / name)
    return case


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.yaml", "- {id: sign, prompt: a sign, text: [Open, 24 h]}\n"),
        ("a.jsonl", '{"id": "sign", "prompt": "a sign", "text": ["Open", "24 h"]}\n'),
        ("a.csv", "id,prompt,text\nsign,a sign,Open | 24 h\n"),
        ("a.tsv", "id\tprompt\ttext\nsign\ta sign\tOpen|24 h\n"),
    ],
)
def test_every_format_can_hold_several_texts(tmp_path: Path, name: str, content: str) -> None:
    assert written(tmp_path, name, content) == SIGN


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.yaml", "- {id: sign, prompt: a sign, text: a|b}\n", ("a|b",)),
        ("a.jsonl", '{"id": "sign", "prompt": "a sign", "text": "Open"}\n', ("Open",)),
        ("a.csv", "id,prompt,text\nsign,a sign,\n", ()),
        ("a.yaml", "- {id: sign, prompt: a sign, text: null}\n", ()),
        ("a.yaml", "- {id: sign, prompt: a sign, text: []}\n", ()),
    ],
)
def test_one_text_or_none_needs_no_list(tmp_path: Path, name: str, content: str, text: tuple[str, ...]) -> None:
    assert written(tmp_path, name, content).text == text


def test_a_text_in_python_needs_no_list() -> None:
    assert Case(id="sign", prompt="a sign", text="Open").text == ("Open",)


def test_a_number_is_no_text_and_file_and_line_are_named(tmp_path: Path) -> None:
    with pytest.raises(SdevalError, match=r"a\.yaml:3: text: must be a list of texts, got 24"):
        written(tmp_path, "a.yaml", "- id: sign\n  prompt: a sign\n  text: 24\n")


def test_a_text_without_letters_cannot_be_read(tmp_path: Path) -> None:
    case = written(tmp_path, "a.yaml", "- id: sign\n  prompt: a sign\n  text: ['Open', '!?']\n")
    with pytest.raises(SdevalError, match=r"a\.yaml:1: text: '!\?' has no letter and no digit to read"):
        Suite(name="signs", task="text2img", cases=(case,))


def test_a_metric_that_reads_needs_a_text_in_one_case_at_least(tmp_path: Path) -> None:
    case = written(tmp_path, "a.yaml", "- id: cat\n  prompt: a cat\n")
    suite = Suite(name="signs", task="text2img", cases=(SIGN, case), metrics=("text_accuracy",))
    target = Target(name="mine", model="org/model")
    assert items_of(suite, [target])
    with pytest.raises(SdevalError, match=r"a\.yaml:1: text: is missing in this case and all others; metric text_acc"):
        items_of(replace(suite, cases=(case,)), [target])


def test_spurious_text_needs_none() -> None:
    case = Case(id="cat", prompt="a cat")
    suite = Suite(name="cats", task="text2img", cases=(case,), metrics=("spurious_text",))
    assert "mine-spurious_text" in [item.id for item in items_of(suite, [Target(name="mine", model="org/model")])]


def test_scores_of_another_text_are_not_compared() -> None:
    other = Case(id="sign", prompt="a sign", text=("Closed",))
    assert fingerprint(Sample(SIGN, 0), 8, 8) != fingerprint(Sample(other, 0), 8, 8)


def test_a_case_without_text_is_the_same_as_ever() -> None:
    with_none, without = Case(id="a", prompt="a", text=()), Case(id="a", prompt="a")
    assert fingerprint(Sample(with_none, 0), 8, 8) == fingerprint(Sample(without, 0), 8, 8)
