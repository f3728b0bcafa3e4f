from __future__ import annotations

import numpy as np
import pytest

from sdeval.compare.defects import ALPHA_DEFECTS, UNMEASURED, DefectRates

MEASURED = DefectRates(384, {"flat": 3})


@pytest.mark.parametrize(("count", "of", "expected"), [(1, 64, True), (2, 128, True), (6, 64, False), (64, 64, False)])
def test_as_many_as_the_target_makes_by_itself_are_expected(count: int, of: int, expected: bool) -> None:
    assert MEASURED.expected("flat", count, of) == expected


def test_a_defect_that_was_never_seen_is_not_expected() -> None:
    assert not MEASURED.expected("black", 1, 1000)
    assert not UNMEASURED.expected("flat", 1, 1000)


def test_a_target_that_stays_as_it_is_fails_as_rarely_as_it_says() -> None:
    rng = np.random.default_rng(0)
    failed = tried = 0
    for _ in range(2000):
        seen, now = rng.binomial(384, 0.01), rng.binomial(128, 0.01)
        if seen and now:
            tried += 1
            failed += not DefectRates(384, {"flat": int(seen)}).expected("flat", int(now), 128)
    assert failed / tried <= 5 * ALPHA_DEFECTS


def test_what_is_known_is_said() -> None:
    assert MEASURED.words("flat") == "by itself the target makes 3 of 384 images flat"
    assert "sdeval calibrate measures how often" in UNMEASURED.words("flat")
