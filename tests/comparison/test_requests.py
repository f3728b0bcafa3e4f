from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sdeval.comparison.requests import Change, changed_fields, removed_cases, shared_cases
from sdeval.comparison.wording import changed_request
from sdeval.results.records import CaseRecord
from sdeval.results.run import Run
from tests.conftest import make_run

REQUEST = CaseRecord(case="case-0", negative_prompt="blurry", image="inputs/a.png", mask="inputs/b.png", strength=0.5)


@pytest.fixture
def run() -> Run:
    return make_run(np.ones((3, 2)), cases={"case-0": REQUEST})


@pytest.mark.parametrize(
    ("field", "before", "after"),
    [
        ("negative_prompt", "blurry", "ugly"),
        ("strength", 0.5, 0.7),
        ("mask", "inputs/b.png", "inputs/c.png"),
        ("image", "inputs/a.png", "inputs/c.png"),
    ],
)
def test_the_field_that_changed_is_named_old_and_new(run: Run, field: str, before: object, after: object) -> None:
    now = replace(run, cases={"case-0": replace(REQUEST, **{field: after})})
    assert changed_fields(now, run, run.samples[0], run.samples[0]) == [Change(field, before, after)]


def test_prompt_and_size_are_named(run: Run) -> None:
    old = replace(run.samples[0], width=512, height=512)
    new = replace(old, prompt="a dog", width=768)
    assert changed_fields(run, run, new, old) == [
        Change("prompt", "prompt 0", "a dog"),
        Change("size", (512, 512), (768, 512)),
    ]


def test_fields_that_an_old_baseline_does_not_hold_are_not_compared(run: Run) -> None:
    bare = replace(run, cases={})
    assert changed_fields(run, bare, run.samples[0], run.samples[0]) == []


def test_cases_that_both_sides_have_alike(run: Run) -> None:
    fewer = make_run(np.ones((2, 2)))
    assert shared_cases(run, fewer) == ["case-0", "case-1"]
    assert removed_cases(fewer, run) == ["case-2"]
    changed = replace(run, samples=(replace(run.samples[0], fingerprint="other"), *run.samples[1:]))
    assert shared_cases(changed, run) == ["case-1", "case-2"]


def test_a_part_of_a_suite_removed_nothing(run: Run) -> None:
    assert removed_cases(make_run(np.ones((1, 2)), complete=False), run) == []


def test_shared_cases_come_in_the_order_of_the_suite(run: Run) -> None:
    assert shared_cases(replace(run, samples=run.samples[::-1]), run) == ["case-2", "case-1", "case-0"]


def test_a_seed_that_the_baseline_lacks_takes_its_case_away_and_a_further_one_does_not(run: Run) -> None:
    assert shared_cases(run, make_run(np.ones((3, 4)))) == ["case-0", "case-1", "case-2"]
    assert shared_cases(make_run(np.ones((3, 4))), run) == []


def test_a_field_that_was_empty_is_one_that_changed(run: Run) -> None:
    now = replace(run, cases={"case-0": replace(REQUEST, region_prompt="a cat")})
    assert changed_fields(now, run, run.samples[0], run.samples[0]) == [Change("region_prompt", "", "a cat")]


def test_other_tags_and_a_size_that_one_side_does_not_know_are_no_change(run: Run) -> None:
    now = replace(run, cases={"case-0": replace(REQUEST, tags=("round",))})
    sized = replace(run.samples[0], width=64, height=64)
    assert changed_fields(now, run, sized, run.samples[0]) == []


def test_several_fields_that_changed_are_told_together(run: Run) -> None:
    now = replace(run, cases={"case-0": replace(REQUEST, strength=0.7, negative_prompt="ugly")})
    changes = changed_fields(now, run, run.samples[0], run.samples[0])
    assert changes == [Change("negative_prompt", "blurry", "ugly"), Change("strength", 0.5, 0.7)]


def test_nothing_was_removed_where_both_sides_have_the_same(run: Run) -> None:
    assert removed_cases(run, run) == []


def test_a_case_of_which_one_seed_was_asked_otherwise_is_not_shared(run: Run) -> None:
    changed = replace(run, samples=(*run.samples[:3], replace(run.samples[3], fingerprint="other"), *run.samples[4:]))
    assert shared_cases(changed, run) == ["case-0", "case-2"]


def test_every_field_of_a_request_may_have_changed(run: Run) -> None:
    other = CaseRecord(
        case="case-0",
        negative_prompt="ugly",
        image="inputs/x.png",
        mask="inputs/y.png",
        strength=0.9,
        region_prompt="a cat",
        image_prompt="a dog",
        text=("Open",),
    )
    before, after = (replace(run, cases={"case-0": record}) for record in (REQUEST, other))
    changes = changed_fields(after, before, run.samples[0], run.samples[0])
    fields = {change.field for change in changes}
    assert fields == {"negative_prompt", "image", "mask", "strength", "region_prompt", "image_prompt", "text"}


def test_another_input_image_of_an_edit_is_named(run: Run) -> None:
    before, after = (
        replace(run, cases={"case-0": CaseRecord(case="case-0", images=("inputs/a.png", name))})
        for name in ("inputs/b.png", "inputs/c.png")
    )
    changes = changed_fields(after, before, run.samples[0], run.samples[0])
    assert changed_request(changes) == 'images changed: "inputs/a.png | inputs/b.png" → "inputs/a.png | inputs/c.png"'


def edits(run: Run, *records: CaseRecord) -> str:
    """What is said of an edit that changed from one record to another."""
    before, after = (replace(run, cases={"case-0": record}) for record in records)
    return changed_request(changed_fields(after, before, run.samples[0], run.samples[0]))


def test_one_input_image_that_became_two_is_one_change(run: Run) -> None:
    one = CaseRecord(case="case-0", image="inputs/a.png")
    two = CaseRecord(case="case-0", images=("inputs/a.png", "inputs/b.png"))
    assert edits(run, one, two) == 'images changed: "inputs/a.png" → "inputs/a.png | inputs/b.png"'
    assert edits(run, two, one) == 'images changed: "inputs/a.png | inputs/b.png" → "inputs/a.png"'


def test_the_last_of_many_input_images_is_shown_where_it_changed(run: Run) -> None:
    names = tuple(f"inputs/{number:016}.png" for number in range(8))
    old, new = (CaseRecord(case="case-0", images=(*names, last)) for last in ("inputs/old.png", "inputs/new.png"))
    assert edits(run, old, new) == 'images changed: "… inputs/old.png" → "… inputs/new.png"'


def test_a_long_prompt_is_shown_from_the_word_on_that_changed(run: Run) -> None:
    old = replace(run.samples[0], prompt="a very long description of a street " * 3 + "with a red car")
    new = replace(old, prompt=old.prompt.replace("red car", "blue car"))
    changes = changed_fields(run, run, new, old)
    assert changed_request(changes) == 'prompt changed: "… red car" → "… blue car"'
