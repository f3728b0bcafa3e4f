"""The order of cases where parts of a run are merged into a baseline."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from sdeval.baselines.acceptance.merge import _in_order

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
