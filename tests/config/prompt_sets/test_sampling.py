"""Samples: the same everywhere, of equal shares, and the smaller within the larger."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from sdeval import Case
from sdeval.config.prompt_sets.reading import SetCase
from sdeval.config.prompt_sets.sampling import SHARES, Shares, pick

VALUES = st.lists(st.sampled_from(["sign", "label", "slide", ""]), min_size=1, max_size=60)


def cases(values: list[str]) -> list[SetCase]:
    """A case for each value of the field `kind`; empty is without."""
    return [
        SetCase(Case(id=f"a-{number}", prompt="a"), {"kind": value} if value else {})
        for number, value in enumerate(values)
    ]


def ids(chosen: list[SetCase]) -> list[str]:
    return [made.case.id for made in chosen]


def test_a_sample_is_the_same_on_every_machine() -> None:
    made = cases(["sign", "sign", "sign", "sign", "label", "label", "slide", ""])
    assert ids(pick(made, 3, None, 0)) == ["a-0", "a-2", "a-5"]
    assert ids(pick(made, 4, "kind", 0)) == ["a-2", "a-5", "a-6", "a-7"]


def test_another_seed_gives_another_sample() -> None:
    made = cases(["sign"] * 60)
    assert ids(pick(made, 10, None, 0)) != ids(pick(made, 10, None, 1))


@given(VALUES, st.integers(1, 70), st.integers())
def test_shares_are_equal_as_far_as_there_are_cases(values: list[str], limit: int, seed: int) -> None:
    chosen = pick(cases(values), limit, "kind", seed)
    assert len(chosen) == min(limit, len(values))
    counts = Counter(made.fields.get("kind", "") for made in chosen)
    there = Counter(values)
    most = max(counts.values())
    assert all(counts[value] >= min(most - 1, there[value]) for value in there)


@given(VALUES, st.integers(1, 70), st.integers())
def test_proportional_shares_are_those_of_the_set(values: list[str], limit: int, seed: int) -> None:
    chosen = pick(cases(values), limit, "kind", seed, "proportional")
    assert len(chosen) == min(limit, len(values))
    counts = Counter(made.fields.get("kind", "") for made in chosen)
    for value, count in Counter(values).items():
        assert abs(counts[value] - len(chosen) * count / len(values)) < len(set(values))


def test_proportional_shares_leave_out_what_is_rare() -> None:
    chosen = pick(cases(["sign"] * 90 + ["label"] * 10), 10, "kind", 0, "proportional")
    assert Counter(made.fields["kind"] for made in chosen) == {"sign": 9, "label": 1}


@given(VALUES, st.sampled_from([None, "kind"]), st.sampled_from(SHARES), st.integers(1, 60), st.integers(0, 10))
def test_a_smaller_sample_is_part_of_a_larger_one(
    values: list[str], field: str | None, shares: Shares, limit: int, more: int
) -> None:
    made = cases(values)
    assert set(ids(pick(made, limit, field, 0, shares))) <= set(ids(pick(made, limit + more, field, 0, shares)))


@given(VALUES, st.integers(1, 60))
def test_the_order_of_the_set_stays_and_does_not_matter(values: list[str], limit: int) -> None:
    made = cases(values)
    chosen = ids(pick(made, limit, "kind", 0))
    assert chosen == [case_id for case_id in ids(made) if case_id in chosen]
    assert sorted(ids(pick(made[::-1], limit, "kind", 0))) == sorted(chosen)
