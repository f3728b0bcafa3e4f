from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sdeval.compare.requests import changed_fields, removed_cases, shared_cases
from sdeval.records import CaseRecord
from sdeval.run import Run
from tests.conftest import make_run

ASKED = CaseRecord(case="case-0", negative_prompt="blurry", image="inputs/a.png", mask="inputs/b.png", strength=0.5)


@pytest.fixture
def run() -> Run:
    return make_run(np.ones((3, 2)), cases={"case-0": ASKED})


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("negative_prompt", "ugly", 'negative_prompt changed: "blurry" → "ugly"'),
        ("strength", 0.7, "strength changed: 0.5 → 0.7"),
        ("mask", "inputs/c.png", 'mask changed: "inputs/b.png" → "inputs/c.png"'),
        ("image", "inputs/c.png", 'image changed: "inputs/a.png" → "inputs/c.png"'),
    ],
)
def test_the_field_that_changed_is_named_old_and_new(run: Run, field: str, value: object, said: str) -> None:
    now = replace(run, cases={"case-0": replace(ASKED, **{field: value})})
    assert changed_fields(now, run, run.samples[0], run.samples[0]) == said


def test_prompt_and_size_are_named(run: Run) -> None:
    old = replace(run.samples[0], width=512, height=512)
    new = replace(old, prompt="a dog", width=768)
    assert changed_fields(run, run, new, old) == (
        'prompt changed: "prompt 0" → "a dog"; size changed: 512x512 → 768x512'
    )


def test_an_old_baseline_that_knows_less_says_what_it_may_be(run: Run) -> None:
    bare = replace(run, cases={})
    said = changed_fields(run, bare, run.samples[0], run.samples[0])
    assert said == "prompt, image, mask, strength or size is not the baseline's"


def test_long_prompts_are_cut(run: Run) -> None:
    new = replace(run.samples[0], prompt="very " * 100)
    assert len(changed_fields(run, run, new, run.samples[0])) < 120


def test_cases_that_both_sides_have_alike(run: Run) -> None:
    fewer = make_run(np.ones((2, 2)))
    assert shared_cases(run, fewer) == ["case-0", "case-1"]
    assert removed_cases(fewer, run) == ["case-2"]
    changed = replace(run, samples=(replace(run.samples[0], fingerprint="other"), *run.samples[1:]))
    assert shared_cases(changed, run) == ["case-1", "case-2"]


def test_a_part_of_a_suite_removed_nothing(run: Run) -> None:
    assert removed_cases(make_run(np.ones((1, 2)), complete=False), run) == []
