from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sdeval.comparison import judge_cases
from sdeval.comparison.defects import ALPHA_DEFECTS, UNMEASURED, DefectRates, expected_defects
from sdeval.results.run import Run
from tests.conftest import make_run

MEASURED = DefectRates(384, {"uniform": 3})


@pytest.mark.parametrize(("count", "of", "expected"), [(1, 64, True), (2, 128, True), (6, 64, False), (64, 64, False)])
def test_as_many_as_when_nothing_changed_are_expected(count: int, of: int, expected: bool) -> None:
    assert MEASURED.is_expected("uniform", count, of) == expected


def test_a_defect_that_was_never_seen_is_not_expected() -> None:
    assert not MEASURED.is_expected("black", 1, 1000)
    assert not UNMEASURED.is_expected("uniform", 1, 1000)


def test_a_target_that_stays_as_it_is_fails_as_rarely_as_it_says() -> None:
    rng = np.random.default_rng(0)
    failed = tried = 0
    for _ in range(2000):
        seen, now = rng.binomial(384, 0.01), rng.binomial(128, 0.01)
        if seen and now:
            tried += 1
            failed += not DefectRates(384, {"uniform": int(seen)}).is_expected("uniform", int(now), 128)
    assert failed / tried <= 5 * ALPHA_DEFECTS


RARE = DefectRates(images=1000, defects={"black": 10})


def broken(count: int, defect: str = "black", run: Run | None = None) -> Run:
    """A run of 24 cases and 2 seeds, its last images broken."""
    run = run or make_run(np.full((24, 2), 30.0))
    whole = len(run.samples) - count
    sick = tuple(replace(each, defect=defect, detail="as said") for each in run.samples[whole:])
    return replace(run, samples=(*run.samples[:whole], *sick))


def test_every_defect_of_a_run_is_counted_by_itself() -> None:
    both = broken(1, "uniform", broken(7))
    assert sum(each.defect == "black" for each in both.samples) == 6
    assert expected_defects(both, DefectRates(1000, {"black": 10, "uniform": 10})) == {"uniform"}
    assert expected_defects(broken(0), RARE) == frozenset()


def test_the_same_share_measured_on_more_images_excuses_less() -> None:
    def excused(images: int) -> int:
        rates = DefectRates(images, {"black": images // 50})
        return max(count for count in range(1, 49) if rates.is_expected("black", count, 48))

    assert excused(50) > excused(500) >= excused(50_000) > 1


@pytest.mark.parametrize(("seen", "images"), [(1, 100), (10, 1000), (3, 60)])
def test_the_chance_is_that_of_rates_which_fit_what_was_measured(seen: int, images: int) -> None:
    rng, rates = np.random.default_rng(seen), DefectRates(images, {"black": seen})
    counts = rng.binomial(48, rng.beta(seen + 0.5, images - seen + 0.5, 400_000))
    for count in range(1, 49):
        chance = float(np.mean(counts >= count))
        # Near the level the simulation cannot tell.
        if abs(chance - ALPHA_DEFECTS) > 3e-4:
            assert rates.is_expected("black", count, 48) == (chance > ALPHA_DEFECTS)


def test_a_case_with_an_expected_and_another_defect_is_broken() -> None:
    run = broken(1)
    run = replace(run, samples=(*run.samples[:-2], replace(run.samples[-2], defect="uniform"), run.samples[-1]))
    verdicts = judge_cases(run, make_run(np.full((24, 2), 30.0)), rates=RARE)
    assert {each.case: each.verdict for each in verdicts if each.verdict != "passed"} == {"case-23": "broken"}
