from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from sdeval import stats
from sdeval.compare import ALPHA_METRICS, collect_evidence, judge_metrics
from tests.conftest import CLIP_SCORE, make_run

SPREAD = stats.Spread(4.0, 96.0)


@pytest.mark.parametrize(("cases", "seeds"), [(2, 2), (5, 2), (16, 4), (32, 1)])
def test_a_loss_as_large_as_it_says_is_found_four_times_in_five(cases: int, seeds: int) -> None:
    loss = stats.detectable_loss(SPREAD, cases, seeds, 1.0, ALPHA_METRICS)
    metrics = {"clip_score": replace(CLIP_SCORE, tolerance=1.0)}
    found = 0
    for seed in range(150):
        rng = np.random.default_rng((seed, cases))
        level = rng.normal(90, 3, size=(cases, 1))
        before, after = (level + rng.normal(0, 2, size=(cases, 4)) for _ in range(2))
        run = replace(make_run(after[:, :seeds] - loss), metrics=metrics)
        held = replace(make_run(before), metrics=metrics)
        baseline = replace(make_run(before[:, :seeds]), metrics=metrics)
        from sdeval.compare import Circumstances

        evidence = collect_evidence(run, baseline, "clip_score", circumstances=Circumstances(held=held))
        found += judge_metrics([evidence])[0].verdict == "regressed"
    assert 0.68 < found / 150 <= 1.0


def test_more_of_anything_detects_less() -> None:
    few = stats.detectable_loss(SPREAD, 3, 2, 1.0, 0.001)
    assert stats.detectable_loss(SPREAD, 6, 2, 1.0, 0.001) < few
    assert stats.detectable_loss(SPREAD, 3, 4, 1.0, 0.001) < few
    assert stats.detectable_loss(SPREAD, 3, 2, 0.5, 0.001) < few
    assert stats.detectable_loss(SPREAD, 3, 2, 1.0, 0.01) < few


def test_nothing_is_detectable_where_nothing_is_known() -> None:
    assert stats.detectable_loss(None, 30, 4, 1.0, 0.001) == math.inf


def test_as_many_cases_as_are_needed_and_one_less() -> None:
    needed = stats.needed_cases(SPREAD, 2, 1.0, 0.001)

    def over_tolerance(cases: int) -> float:
        # Of what is shown four times in five, what the tolerance itself asks for is left out.
        chance = 0.8416 * math.sqrt(4.0 / cases)
        return stats.detectable_loss(SPREAD, cases, 2, 1e-9, 0.001) - chance + chance

    assert needed > 30
    assert over_tolerance(needed) <= over_tolerance(needed - 1)
