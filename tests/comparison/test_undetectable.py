from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from sdeval import stats
from sdeval.comparison import ALPHA_METRICS, Circumstances, collect_evidence, judge_metrics
from sdeval.comparison.notes import detectable_losses as in_words
from sdeval.comparison.notes import undetectable_loss
from sdeval.comparison.undetectable import (
    SPREADS,
    TOLERANCES,
    SuiteDesign,
    UndetectableLoss,
    detectable_losses,
    undetectable_losses,
)
from sdeval.results.records import MetricRecord
from sdeval.results.run import Run
from tests.conftest import CLIP_SCORE, make_run


def seen(cases: int, held: int, seeds: int, tolerance: float = 1.0) -> list[UndetectableLoss]:
    rng = np.random.default_rng(cases)
    baseline = make_run(rng.normal(90, 3, size=(cases, 1)) + rng.normal(0, 2, size=(cases, held)))
    names = list(baseline.by_case())
    return undetectable_losses(baseline, SuiteDesign(names, seeds, {"clip_score": tolerance}, ALPHA_METRICS / 4))


@pytest.mark.parametrize(("cases", "seeds"), [(4, 4), (8, 2), (32, 1)])
def test_a_suite_that_shows_a_gross_loss_is_not_named(cases: int, seeds: int) -> None:
    assert seen(cases, 4, seeds) == []


def test_a_suite_that_does_not_is_told_what_it_takes() -> None:
    (each,) = seen(1, 4, 2)
    assert (each.metric, each.cases, each.seeds) == ("clip_score", 1, 2)
    assert each.detectable > each.gross >= 10
    assert each.enough_cases is not None
    assert f"that takes {each.enough_cases} cases" in undetectable_loss(each)
    assert undetectable_loss(each).startswith("1 case and 2 seeds show a loss of clip_score only from ")


def test_with_so_many_cases_it_shows_it() -> None:
    (each,) = seen(1, 4, 2)
    assert seen(each.enough_cases or 0, 4, 2) == []


def test_where_nothing_is_known_of_the_spread_no_loss_shows() -> None:
    (each,) = seen(1, 1, 1)
    assert "cannot show any loss of clip_score, however large" in undetectable_loss(each)
    assert "at least 3 seeds" in undetectable_loss(each)


def test_metrics_that_the_baseline_lacks_are_left_out() -> None:
    baseline = make_run(np.ones((2, 2)))
    assert undetectable_losses(baseline, SuiteDesign(["case-0"], 2, {"sharpness": 1.0}, 0.001)) == []


NOTHING_MEASURED: dict[str, stats.Spread] = {}


def accepted(cases: int, held: int, rng: np.random.Generator) -> Run:
    return make_run(rng.normal(30, 5, (cases, 1)) + rng.normal(0, 2, (cases, held)))


def missed(
    baseline: Run, seeds: int, level: float = ALPHA_METRICS, spreads: dict[str, stats.Spread] = NOTHING_MEASURED
) -> list[UndetectableLoss]:
    return undetectable_losses(
        baseline, SuiteDesign(list(baseline.by_case()), seeds, {"clip_score": 0.5}, level, spreads)
    )


def spread_of(baseline: Run) -> stats.Spread:
    scores = np.array([each.scores["clip_score"] for each in baseline.samples], dtype=float)
    found = stats.seed_spread(scores.reshape(len(baseline.by_case()), -1))
    assert found
    return found


@pytest.mark.parametrize(("cases", "seeds"), [(2, 1), (2, 2), (3, 2), (3, 1)])
def test_what_it_takes_is_enough_and_one_less_is_not(cases: int, seeds: int, rng: np.random.Generator) -> None:
    baseline = accepted(cases, 2, rng)
    (each,) = missed(baseline, seeds, level=1e-5)
    spread = spread_of(baseline)

    def shows(more: int, of_each: int) -> bool:
        return stats.detectable_loss(spread, more, of_each, 0.5, 1e-5) <= each.gross

    for found, one_less in ((each.enough_cases, (-1, 0)), (each.enough_seeds, (0, -1))):
        if found:
            more, of_each = (found, seeds) if one_less[0] else (cases, found)
            assert shows(more, of_each)
            assert not shows(more + one_less[0], of_each + one_less[1])
    assert each.enough_cases or each.enough_seeds


def test_a_gross_loss_is_many_spreads_and_many_tolerances(rng: np.random.Generator) -> None:
    baseline = accepted(2, 2, rng)
    (each,) = missed(baseline, 2, level=1e-6)
    assert each.gross == pytest.approx(max(SPREADS * spread_of(baseline).deviation, TOLERANCES * 0.5))
    (wide,) = undetectable_losses(baseline, SuiteDesign(["case-0", "case-1"], 2, {"clip_score": 1.2}, 1e-6))
    assert wide.gross == TOLERANCES * 1.2


def test_of_a_value_of_zero_no_share_is_gross() -> None:
    baseline = make_run(np.tile([[-2.0, 2.0, -2.0, 2.0]], (8, 1)))
    assert missed(baseline, 2) == []


def test_more_metrics_in_a_session_show_less(rng: np.random.Generator) -> None:
    baseline = accepted(8, 4, rng)
    assert missed(baseline, 2) == []
    assert missed(baseline, 2, level=ALPHA_METRICS / 1e6)


def test_what_calibrate_measured_speaks_for_a_baseline_of_one_seed(rng: np.random.Generator) -> None:
    baseline = accepted(2, 1, rng)
    assert missed(baseline, 2)
    assert missed(baseline, 2, spreads={"clip_score": stats.Spread(4.0, 40.0)}) == []


@pytest.mark.parametrize("record", [None, replace(CLIP_SCORE, alone=False)])
def test_what_rounds_at_all_images_or_is_not_there_is_not_told_of(
    record: MetricRecord | None, rng: np.random.Generator
) -> None:
    baseline = replace(accepted(1, 1, rng), metrics={"clip_score": record} if record else {})
    assert missed(baseline, 1) == []


def test_missing_scores_are_told_by_others() -> None:
    assert missed(make_run(np.array([[30.0, np.nan]])), 2) == []


@pytest.mark.parametrize(("cases", "held", "seeds"), [(2, 4, 2), (3, 4, 2), (3, 2, 2), (5, 2, 2), (12, 1, 1)])
def test_where_nothing_is_told_a_gross_loss_is_found(cases: int, held: int, seeds: int) -> None:
    """Every image as if by another seed, and lower by what is gross."""
    judged = found = 0
    for number in range(60):
        rng = np.random.default_rng((number, cases, held))
        level = rng.normal(30, 2, (cases, 1))
        before, after = (level + rng.normal(0, 2, (cases, count)) for count in (held, seeds))
        baseline = make_run(before)
        if missed(baseline, seeds):
            continue
        spread = stats.seed_spread(before) or stats.between_cases(before)
        assert spread
        lost = make_run(after - max(SPREADS * spread.deviation, TOLERANCES * 0.5))
        circumstances = Circumstances(all_seeds=baseline)
        evidence = collect_evidence(lost, make_run(before[:, :seeds]), "clip_score", circumstances=circumstances)
        judged += 1
        found += judge_metrics([evidence])[0].verdict == "regressed"
    assert judged >= 20
    assert found / judged >= 0.75


def test_half_of_a_value_is_gross_however_much_seeds_differ() -> None:
    rng = np.random.default_rng(0)
    baseline = make_run(rng.normal(48, 25, size=(3, 4)))
    (each,) = undetectable_losses(
        baseline, SuiteDesign(list(baseline.by_case()), 4, {"clip_score": 0.3}, ALPHA_METRICS / 2)
    )
    assert each.gross == pytest.approx(np.mean([sample.scores["clip_score"] for sample in baseline.samples]) / 2)
    assert each.detectable > each.gross


def design(**changes: object) -> SuiteDesign:
    """Of a suite of two cases and two seeds."""
    whole = {"cases": ["case-0", "case-1"], "seeds": 2, "tolerances": {"clip_score": 0.5}, "level": 1e-6, **changes}
    return SuiteDesign(**whole)


def of_spread(deviation: float, mean: float = 30.0) -> Run:
    """A baseline of two cases and two seeds, in which seeds differ by so much."""
    step = deviation / np.sqrt(2)
    return make_run(np.array([[mean - step, mean + step]] * 2))


@pytest.mark.parametrize(
    ("deviation", "mean", "tolerance", "gross"),
    [(2.0, 30.0, 0.5, 10.0), (0.5, 30.0, 0.5, 5.0), (2.0, 12.0, 0.5, 6.0), (2.0, 4.0, 3.0, 3.0), (2.0, -30.0, 0.5, 10)],
)
def test_a_gross_loss_is_five_deviations_or_ten_tolerances_and_at_most_half_of_the_value(
    deviation: float, mean: float, tolerance: float, gross: float
) -> None:
    (loss,) = undetectable_losses(of_spread(deviation, mean), design(tolerances={"clip_score": tolerance}))
    assert loss.gross == pytest.approx(gross)


def test_of_a_metric_of_which_less_is_better_no_share_of_the_value_is_gross() -> None:
    metrics = {"clip_score": replace(CLIP_SCORE, higher_is_better=False)}
    (loss,) = undetectable_losses(replace(of_spread(2.0, 12.0), metrics=metrics), design())
    assert loss.gross == pytest.approx(10.0)


def test_the_whole_of_an_undetectable_loss() -> None:
    baseline, spread = of_spread(2.0), stats.Spread(4.0, 2)
    detectable = stats.detectable_loss(spread, 2, 2, 0.5, 1e-6)
    (loss,) = undetectable_losses(baseline, design())
    assert loss == UndetectableLoss(
        "clip_score",
        pytest.approx(10.0),
        pytest.approx(detectable),
        2,
        2,
        enough_cases=loss.enough_cases,
        enough_seeds=None,
        baseline_seeds=2,
    )
    assert loss.enough_cases is not None


@pytest.mark.parametrize("measured", [None, 0.1, 3.0])
def test_margins_are_multiples_of_the_smaller_tolerance(measured: float | None) -> None:
    spread = stats.Spread(4.0, 50.0, np.inf if measured is None else measured)
    (loss,) = undetectable_losses(of_spread(1.0), design(spreads={"clip_score": spread}, level=1e-9))
    unit = min(0.5, spread.tolerance)
    assert loss.detectable == pytest.approx(stats.detectable_loss(spread, 2, 2, 0.5, 1e-9, margin_unit=unit))


def enough(cases: int, seeds: int) -> tuple[list[int], list[int]]:
    """How many cases and seeds would do, at stricter and stricter levels; without those at which none would."""
    baseline = make_run(np.array([[0.5, 3.5]] * cases))
    spreads = {"clip_score": stats.Spread(4.0, 1e6, 0.001)}
    names, levels = list(baseline.by_case()), 10.0 ** -np.linspace(1, 8, 200)
    found = [
        loss
        for level in levels
        for loss in undetectable_losses(baseline, design(cases=names, seeds=seeds, spreads=spreads, level=level))
    ]
    assert any(loss.enough_cases is None and loss.enough_seeds is None for loss in found)
    return (
        [loss.enough_cases for loss in found if loss.enough_cases is not None],
        [loss.enough_seeds for loss in found if loss.enough_seeds is not None],
    )


def test_up_to_64_cases_and_8_seeds_are_tried() -> None:
    assert max(enough(2, 4)[0]) == 64
    assert max(enough(12, 2)[1]) == 8


def test_one_case_or_one_seed_more_may_be_enough() -> None:
    assert min(enough(12, 4)[0]) == 13
    assert min(enough(12, 4)[1]) == 5


def test_only_cases_of_the_suite_that_the_baseline_has_count() -> None:
    (loss,) = undetectable_losses(of_spread(2.0), design(cases=["case-1"]))
    assert loss.cases == 1


def test_where_nothing_is_known_of_seeds_ten_tolerances_are_gross() -> None:
    (loss,) = undetectable_losses(
        make_run(np.array([[30.0]])), design(cases=["case-0"], tolerances={"clip_score": 0.1})
    )
    assert loss.gross == pytest.approx(1.0)


def noisy_run(cases: int, seeds: int) -> Run:
    rng = np.random.default_rng(cases)
    return make_run(rng.normal(90, 3, size=(cases, 1)) + rng.normal(0, 2, size=(cases, seeds)))


def test_more_cases_show_smaller_losses() -> None:
    losses = [detectable_losses(noisy_run(cases, 4))[0] for cases in (4, 12, 40)]
    assert [loss.cases for loss in losses] == [4, 12, 40]
    assert losses[0].loss > losses[1].loss > losses[2].loss > losses[2].tolerance


def test_a_loss_that_is_said_to_show_is_shown() -> None:
    baseline = noisy_run(12, 4)
    (loss,) = detectable_losses(baseline)
    rng = np.random.default_rng(1)
    regressed = 0
    for _ in range(40):
        scores = np.array([[sample.scores["clip_score"] for sample in case] for case in baseline.by_case().values()])
        means = scores.mean(axis=1, keepdims=True)
        run = make_run(means - loss.loss + rng.normal(0, 2, size=scores.shape))
        evidence = collect_evidence(run, baseline, "clip_score")
        regressed += judge_metrics([evidence], 2)[0].verdict == "regressed"
    assert regressed >= 24


def test_metrics_that_never_fail_are_left_out() -> None:
    run = noisy_run(12, 4)
    reported = replace(run.metrics["clip_score"], gating=False)
    assert detectable_losses(replace(run, metrics={"clip_score": reported})) == []


def test_in_words() -> None:
    (loss,) = detectable_losses(noisy_run(12, 4))
    text = in_words([loss, replace(loss, metric="seam", loss=math.inf)])
    assert text.startswith("12 cases with 4 seeds can show a loss of clip_score from ")
    assert "(tolerance 0.5), if all cases lose alike; cannot show any loss of seam" in text
    assert in_words([]) == ""


def test_of_images_of_ordinary_tests_nothing_is_said(rng: np.random.Generator) -> None:
    run = make_run(rng.normal(30, 3, size=(12, 4)))
    assert detectable_losses(run)
    assert detectable_losses(replace(run, request={**run.request, "from_tests": True})) == []
