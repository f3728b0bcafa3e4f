from __future__ import annotations

import numpy as np
import pytest

from sdeval.compare import ALPHA_METRICS
from sdeval.compare.visibility import Sight, Unseen, unseen
from tests.conftest import make_run


def seen(cases: int, held: int, seeds: int, tolerance: float = 1.0) -> list[Unseen]:
    rng = np.random.default_rng(cases)
    baseline = make_run(rng.normal(90, 3, size=(cases, 1)) + rng.normal(0, 2, size=(cases, held)))
    names = list(baseline.by_case())
    return unseen(baseline, Sight(names, seeds, {"clip_score": tolerance}, ALPHA_METRICS / 4))


@pytest.mark.parametrize(("cases", "seeds"), [(4, 4), (8, 2), (32, 1)])
def test_a_suite_that_shows_a_gross_loss_is_not_named(cases: int, seeds: int) -> None:
    assert seen(cases, 4, seeds) == []


def test_a_suite_that_does_not_is_told_what_it_takes() -> None:
    (each,) = seen(1, 4, 2)
    assert (each.metric, each.cases, each.seeds) == ("clip_score", 1, 2)
    assert each.detectable > each.gross >= 10
    assert each.enough_cases is not None
    assert f"that takes {each.enough_cases} cases" in each.words
    assert each.words.startswith("1 case and 2 seeds show a loss of clip_score only from ")


def test_with_so_many_cases_it_shows_it() -> None:
    (each,) = seen(1, 4, 2)
    assert seen(each.enough_cases or 0, 4, 2) == []


def test_where_nothing_is_known_of_the_spread_no_loss_shows() -> None:
    (each,) = seen(1, 1, 1)
    assert "of no size" in each.words
    assert "at least 3 seeds" in each.words


def test_metrics_that_the_baseline_lacks_are_left_out() -> None:
    baseline = make_run(np.ones((2, 2)))
    assert unseen(baseline, Sight(["case-0"], 2, {"sharpness": 1.0}, 0.001)) == []
