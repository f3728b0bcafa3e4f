"""What is reported of seeds, from suites and baselines made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sdeval import Case, Suite
from sdeval.comparison.seed_limits import seed_notes
from sdeval.results.run import Run
from tests.conftest import make_run


def suite(seeds: int, max_seeds: int | None = None) -> Suite:
    cases = (Case(id="cat", prompt="a cat"),)
    return Suite(name="animals", task="text2img", cases=cases, seeds=range(seeds), max_seeds=max_seeds)


def held(seeds: int) -> Run:
    return make_run(np.ones((2, seeds)))


@pytest.mark.parametrize("seeds", [1, 2])
def test_seeds_that_are_too_few_to_accuse_a_case_are_told(seeds: int) -> None:
    assert seed_notes(suite(seeds), "tiny", None, all_seeds=False) == (
        "animals: regressions of single cases need 3 seeds or more; "
        "set max_seeds=3 and accept a run made with --sdeval-all-seeds",
    )


@pytest.mark.parametrize(
    ("generated", "most", "kept", "reached"), [(2, 8, 4, 4), (2, 8, 6, 4), (2, 8, 2, 2), (2, 3, 1, 1)]
)
def test_seeds_that_the_baseline_does_not_hold_are_told_with_what_mends_it(
    generated: int, most: int, kept: int, reached: int
) -> None:
    assert seed_notes(suite(generated, most), "tiny", held(kept), all_seeds=False) == (
        f"animals on tiny: has {most} seeds, but the baseline holds {kept} of them, "
        f"so at most {reached} are generated; to have all: pytest suites --sdeval-all-seeds, then sdeval accept",
    )


@pytest.mark.parametrize(("kept", "all_seeds"), [(held(4), False), (held(8), False), (None, False), (held(2), True)])
def test_where_all_seeds_are_held_or_generated_there_is_nothing_to_tell(kept: Run | None, all_seeds: bool) -> None:
    assert seed_notes(suite(2, 4), "tiny", kept, all_seeds=all_seeds) == ()


def test_a_baseline_without_any_seed_of_the_suite_holds_none_of_them() -> None:
    other = make_run(np.ones((2, 2)))
    other = replace(other, samples=tuple(replace(sample, seed=sample.seed + 100) for sample in other.samples))
    assert seed_notes(suite(3), "tiny", other, all_seeds=False) == (
        "animals on tiny: has 3 seeds, but the baseline holds 0 of them, "
        "so at most 3 are generated; to have all: pytest suites --sdeval-all-seeds, then sdeval accept",
    )


def test_few_seeds_and_missing_ones_are_both_told() -> None:
    few, missing = seed_notes(suite(2), "tiny", held(1), all_seeds=False)
    assert few.startswith("animals: regressions of single cases need")
    assert "the baseline holds 1 of them, so at most 1 are generated" in missing
