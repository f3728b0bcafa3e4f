"""The order of cases where parts of a run are merged into a baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sdeval.baselines.acceptance.merge import _in_order, _rescored
from tests.conftest import make_run

NAMES = st.lists(st.sampled_from("abcdefghij"), unique=True)


def one_by_one(before: Sequence[str], now: Sequence[str]) -> list[str]:
    """Each new case inserted behind the one that is in front of it."""
    names = list(before)
    for place, case in enumerate(now):
        if case not in names:
            names.insert(names.index(now[place - 1]) + 1 if place else 0, case)
    return names


@given(before=NAMES, now=NAMES)
def test_a_new_case_stands_behind_the_one_that_the_suite_has_in_front_of_it(before: list[str], now: list[str]) -> None:
    assert _in_order(before, now) == one_by_one(before, now)


def test_what_was_read_is_taken_over_with_the_scores_of_the_same_image_only() -> None:
    old = make_run(np.array([[30.0]])).samples[0]
    same = replace(old, scores={"text_accuracy": 90.0}, readings={"text": "Open (1.00)"})
    other = replace(same, sha256="another")
    assert _rescored(old, same, ["text_accuracy"]).readings == {"text": "Open (1.00)"}
    assert _rescored(old, other, ["text_accuracy"]).readings == {}
    assert _rescored(old, other, ["text_accuracy"]).scores["text_accuracy"] == 90
