from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.simulated import CLIP, NOISES, as_run, keep_scores, simulate
from sdeval import stats
from sdeval.comparison import Circumstances, Kind, MetricEvidence, Verdict, collect_collapsed, judge_metrics, wording
from sdeval.comparison.collapsed import collapsed_samples
from sdeval.comparison.paired import pair_scores
from sdeval.results.run import Run
from tests.conftest import CLIP_SCORE, make_run


@pytest.fixture
def before(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(90, 2, size=(32, 1)) + rng.normal(0, 1, size=(32, 4))


def judged(after: np.ndarray, before: np.ndarray, **changes: object) -> Verdict:
    found = collect_collapsed(make_run(after, **changes), make_run(before, **changes))
    return judge_metrics([found])[0]


def wrong(before: np.ndarray, share: float, rng: np.random.Generator, points: float = 60.0) -> np.ndarray:
    """Some images show something else; the others are the baseline's."""
    return before - points * (rng.random(before.shape) < share)


def test_one_image_in_eight_that_shows_something_else_is_found_and_named(
    before: np.ndarray, rng: np.random.Generator
) -> None:
    after = wrong(before, 1 / 8, rng)
    said = judged(after, before)
    count = int((after != before).sum())
    assert (said.verdict, said.current) == ("regressed", pytest.approx(100 * count / 128))
    case, seed = np.argwhere(after != before)[0]
    assert said.reason.startswith(f"{count} of 128 samples collapsed in clip_score (0 recovered): case-{case}@{seed}, ")


def test_samples_that_rise_as_far_are_taken_off(before: np.ndarray, rng: np.random.Generator) -> None:
    after = wrong(wrong(before, 1 / 8, rng), 1 / 8, rng, points=-60.0)
    assert judged(after, before).verdict != "regressed"


def test_seeds_alone_collapse_nothing(before: np.ndarray, rng: np.random.Generator) -> None:
    said = judged(before + rng.normal(0, 1.5, size=before.shape), before)
    assert (said.verdict, said.reason) == ("passed", "no sample collapsed or recovered")


def test_identical_images_pass(before: np.ndarray) -> None:
    assert (judged(before, before).verdict, judged(before, before).reason) == ("passed", "identical images")


def test_a_sample_above_what_its_case_does_anyway_did_not_collapse(rng: np.random.Generator) -> None:
    before = np.tile([[90.0, 20.0, 90.0, 90.0]], (32, 1)) + rng.normal(0, 1, size=(32, 4))
    after = before.copy()
    after[:4, 0] -= 60
    assert judged(after, before).current == 0


def test_a_few_samples_are_no_rate(before: np.ndarray) -> None:
    after = before[:, :1].copy()
    after[3] -= 60
    said = judged(after, before[:, :1])
    assert (said.tolerance, said.verdict) == (12.5, "passed")


def test_it_is_judged_by_the_metric_in_which_it_shows_best(before: np.ndarray, rng: np.random.Generator) -> None:
    def both(clip: np.ndarray, other: np.ndarray) -> Run:
        run = make_run(clip)
        pairs = zip(run.samples, other.ravel(), strict=True)
        samples = tuple(replace(each, scores={**each.scores, "sharpness": float(value)}) for each, value in pairs)
        return replace(run, samples=samples, metrics={"sharpness": CLIP_SCORE, "clip_score": CLIP_SCORE})

    after = both(wrong(before, 1 / 6, rng), before + rng.normal(0, 0.2, before.shape))
    said = judge_metrics([collect_collapsed(after, both(before, before))])[0]
    assert said.verdict == "regressed"
    assert "collapsed in clip_score" in said.reason


def test_metrics_that_depend_on_other_images_do_not_count(before: np.ndarray) -> None:
    together = {"clip_score": replace(CLIP_SCORE, alone=False)}
    assert judged(before - 60, before, metrics=together).verdict == "unscored"


def test_without_a_baseline_it_is_new(before: np.ndarray) -> None:
    evidence: MetricEvidence = collect_collapsed(make_run(before), None)
    verdict = judge_metrics([evidence])[0]
    assert (verdict.verdict, verdict.reason) == ("new", wording.NO_BASELINE)


def test_where_all_metrics_are_new_it_is_new_too(before: np.ndarray) -> None:
    """A suite that had set metrics only is given its first metric of single images: nothing failed."""
    bare = replace(make_run(before), metrics={})
    verdict = judge_metrics([collect_collapsed(make_run(before), bare)])[0]
    assert (verdict.verdict, verdict.reason) == ("new", wording.NO_COUNTING_METRIC)


def test_on_which_cases_it_was_counted_is_told(before: np.ndarray) -> None:
    note = Circumstances(note="on 32 of 33 cases, which both sides generated from the same request")
    for after in (before, moved(before, 1, -40)):
        (said,) = judge_metrics([collect_collapsed(make_run(after), make_run(before), circumstances=note)])
        assert note.note in said.reason


def test_a_suite_states_how_many_may_collapse(before: np.ndarray, rng: np.random.Generator) -> None:
    found = collect_collapsed(make_run(wrong(before, 1 / 8, rng)), make_run(before), 30.0)
    assert judge_metrics([found])[0].verdict == "passed"


def moved(before: np.ndarray, count: int, by: float) -> np.ndarray:
    """The scores with one sample of so many cases moved."""
    after = before.copy()
    after[:count, 0] += by
    return after


def test_samples_that_recovered_are_an_improvement(before: np.ndarray) -> None:
    said = judged(before, moved(before, 12, -40))
    assert (said.verdict, said.baseline, said.current) == ("improved", 9.375, 0.0)


def test_the_first_four_are_named_and_the_others_counted(before: np.ndarray) -> None:
    told = "6 of 128 samples collapsed in clip_score (0 recovered): case-0@0, case-1@0, case-2@0, case-3@0 and 2 more"
    assert told in judged(moved(before, 6, -40), before).reason


def test_a_loss_that_all_share_without_falling_far_is_left_to_the_mean(before: np.ndarray) -> None:
    said = judged(before - 4, before)
    assert (said.verdict, said.change, said.reason) == ("passed", 0.0, "no sample collapsed or recovered")


def test_lower_is_better_is_turned_around(before: np.ndarray) -> None:
    turned = {"clip_score": replace(CLIP_SCORE, higher_is_better=False)}
    assert judged(moved(before, 32, 40), before, metrics=turned).verdict == "regressed"


def collapsed_rows(after: np.ndarray, before: np.ndarray) -> list[int]:
    table = pair_scores(make_run(after), make_run(before), "clip_score", [f"case-{row}" for row in range(len(before))])
    assert table is not None
    return sorted({int(row) for row, _ in np.argwhere(collapsed_samples(table))})


def test_a_sample_must_fall_below_all_that_its_case_does(before: np.ndarray) -> None:
    before[0, 1] = 20.0
    assert collapsed_rows(moved(before, 2, 21.0 - before[0, 0]), before) == [1]
    assert collapsed_rows(moved(before, 2, 19.0 - before[0, 0]), before) == [0, 1]


def test_a_sample_must_fall_by_four_deviations_of_a_difference_of_two_seeds(rng: np.random.Generator) -> None:
    """The median of a variance of three seeds is ln 2 of its mean."""
    before = rng.normal(90, 2, (32, 1)) + np.array([-3.0, 0.0, 3.0])
    far = 4 * np.sqrt(2 * 3.0**2 / np.log(2))
    assert collapsed_rows(moved(before, 2, -0.99 * far), before) == []
    assert collapsed_rows(moved(before, 2, -1.01 * far), before) == [0, 1]


def test_cases_that_vary_much_do_not_set_the_measure_for_the_others(
    before: np.ndarray, rng: np.random.Generator
) -> None:
    before[:3] += rng.normal(0, 30, (3, 4))
    assert collapsed_rows(moved(before, 32, -15), before)[-29:] == list(range(3, 32))


def test_a_score_that_is_missing_on_either_side_is_unscored(before: np.ndarray) -> None:
    holed = before.copy()
    holed[3, 1] = np.nan
    assert judged(holed, before).verdict == judged(before, holed).verdict == "unscored"


@pytest.mark.parametrize("change", [{"gating": False}, {"scope": "set"}])
def test_metrics_that_do_not_judge_single_images_do_not_count(before: np.ndarray, change: dict[str, object]) -> None:
    metrics = {"clip_score": replace(CLIP_SCORE, **change)}
    assert judged(before - 60, before, metrics=metrics).reason == "no metric has scores on both sides"


def test_why_there_is_nothing_to_compare_with_is_told(before: np.ndarray) -> None:
    note = Circumstances(note="the baseline has none of these cases")
    assert collect_collapsed(make_run(before), None, circumstances=note).draft.reason == note.note


def test_all_metrics_that_were_tried_share_the_level(before: np.ndarray) -> None:
    def twice(scores: np.ndarray) -> Run:
        run = make_run(scores)
        samples = (
            replace(each, scores={**each.scores, "sharpness": each.scores["clip_score"]}) for each in run.samples
        )
        return replace(run, samples=tuple(samples), metrics={**run.metrics, "sharpness": CLIP_SCORE})

    after = moved(before, 6, -40)
    one, two = collect_collapsed(make_run(after), make_run(before)), collect_collapsed(twice(after), twice(before))
    assert (one.share, two.share) == (1.0, 0.5)
    assert two.p_worse == pytest.approx(2 * one.p_worse)


@pytest.mark.parametrize(("share", "seeds"), [(0.05, 8), (0.1, 4), (0.2, 2)])
def test_images_that_go_wrong_as_often_on_either_side_raise_no_alarm(share: float, seeds: int) -> None:
    """Every image is generated again, and the target gets some of them wrong, before and after."""
    alarms = 0
    for number in range(100):
        rng = np.random.default_rng((number, seeds))
        level = rng.normal(90, 3, (32, 1))
        before, after = (
            level + rng.normal(0, 1, (32, seeds)) - 45 * (rng.random((32, seeds)) < share) for _ in range(2)
        )
        alarms += judged(after, before).verdict == "regressed"
    # Binomial, 100 at 1%: more than 4 in three of a thousand.
    assert alarms <= 4


@pytest.mark.parametrize("noise", ["normal", "skewed", "heavy tails", "unequal cases", "sparse images"])
def test_chance_alone_raises_no_alarm(noise: str) -> None:
    alarms = 0
    for seed in range(100):
        (scores,) = simulate(np.random.default_rng((seed, 2)), NOISES[noise], keep_scores, (24, 4), {"a": (CLIP,)})
        after, before = (as_run(scores, each, range(4)) for each in (scores.after, scores.before))
        alarms += judge_metrics([collect_collapsed(after, before)])[0].verdict == "regressed"
    assert alarms <= 1


def test_one_image_in_eight_that_shows_something_else_is_found_among_other_images() -> None:
    found = 0
    for seed in range(20):
        rng, suites = np.random.default_rng((seed, 3)), {"text2img": (replace(CLIP, within=1.0),)}
        (scores,) = simulate(rng, NOISES["normal"], keep_scores, (32, 8), suites)
        wrong = scores.after[0] - 20.0 * (rng.random((32, 8)) < 1 / 8)
        after, before = (as_run(scores, each, range(8)) for each in ((wrong,), scores.before))
        found += judge_metrics([collect_collapsed(after, before)])[0].verdict == "regressed"
    assert found >= 16


def test_fewer_than_sixteen_samples_make_no_rate(before: np.ndarray) -> None:
    said = judged(moved(before[:3], 3, -60), before[:3])
    assert (said.verdict, said.reason[:47]) == ("informational", "3 of 12 samples collapsed in clip_score (0 reco")


@pytest.mark.parametrize(
    ("cases", "stated", "tolerance"),
    [(32, None, 5.0), (8, None, 12.5), (4, None, 25.0), (3, None, None), (32, 7.0, 7.0)],
)
def test_five_percent_or_four_samples_may_collapse_unless_a_suite_states_another_share(
    before: np.ndarray, cases: int, stated: float | None, tolerance: float | None
) -> None:
    """Of four samples a case."""
    found = collect_collapsed(make_run(before[:cases]), make_run(before[:cases]), stated)
    assert found.draft.tolerance == tolerance


@pytest.mark.parametrize(("fall", "rows"), [(5.99, []), (6.01, [0])])
def test_a_sample_must_fall_by_twelve_tolerances(fall: float, rows: list[int]) -> None:
    constant = np.full((32, 4), 90.0)
    assert collapsed_rows(moved(constant, 1, -fall), constant) == rows


def test_of_one_seed_only_tolerances_count() -> None:
    constant = np.full((32, 1), 90.0)
    assert collapsed_rows(moved(constant, 2, -6.01), constant) == [0, 1]


def verdict_row(kind: Kind, **values: object) -> Verdict:
    """Of 32 cases with four samples each."""
    whole = {"unit": "%", "tolerance": 5.0, "n": 32, "higher_is_better": False, **values}
    return Verdict(suite="animals", target="tiny", metric="collapsed_samples", case="", verdict=kind, **whole)


def test_the_row_where_nothing_collapsed_has_rates_and_bounds_of_nothing(before: np.ndarray) -> None:
    values = {"baseline": 0.0, "current": 0.0, "change": 0.0, "low": 0.0, "high": 0.0}
    assert judged(before, before) == verdict_row("passed", reason=wording.IDENTICAL_IMAGES, **values)


def test_the_row_of_a_suite_without_a_baseline_has_its_tolerance(before: np.ndarray) -> None:
    found = collect_collapsed(make_run(before), None)
    assert found == MetricEvidence(verdict_row("new", reason=wording.NO_BASELINE))


def prior_by_hand(recovered: int, samples: int, seeds: int) -> stats.Prior:
    """Of the variance of a case's percentage, as if one more sample had recovered; four more cases' worth of it."""
    rate = (1 + recovered) / (1 + samples)
    return stats.Prior(2 * 100**2 * rate * (1 - rate) / seeds, 4.0)


@pytest.mark.parametrize(("collapsed", "recovered"), [(6, 0), (6, 3), (1, 5)])
def test_evidence_is_the_mean_of_what_collapsed_and_recovered_case_by_case(
    before: np.ndarray, collapsed: int, recovered: int
) -> None:
    after = moved(before, collapsed, -40)
    before[10 : 10 + recovered, 1] -= 40
    found = collect_collapsed(make_run(after), make_run(before))
    gains = np.zeros(32)
    gains[:collapsed] = -25.0
    gains[10 : 10 + recovered] = 25.0
    assert found.estimate == stats.moderated_mean(gains, prior_by_hand(recovered, 128, 4))
    assert (found.seeds, found.reach) == (4, pytest.approx((collapsed + recovered) * 25 / 32))
    now, then = 100 * collapsed / 128, 100 * recovered / 128
    assert (found.draft.current, found.draft.baseline, found.draft.change) == (now, then, now - then)
    assert f"{collapsed} of 128 samples collapsed in clip_score ({recovered} recovered)" in found.draft.reason


def test_a_round_of_seeds_has_its_share_of_the_level(before: np.ndarray) -> None:
    found = collect_collapsed(
        make_run(moved(before, 6, -40)), make_run(before), circumstances=Circumstances(share=0.25)
    )
    assert found.share == 0.25


def test_a_metric_of_another_version_does_not_count(before: np.ndarray) -> None:
    older = {"clip_score": replace(CLIP_SCORE, version="0")}
    found = collect_collapsed(make_run(moved(before, 32, -60)), make_run(before, metrics=older))
    assert (found.draft.verdict, found.draft.reason) == ("new", wording.NO_COUNTING_METRIC)


def test_a_metric_without_scores_does_not_count_beside_one_that_has_them(before: np.ndarray) -> None:
    def with_failed(scores: np.ndarray) -> Run:
        return replace(make_run(scores), metrics={"failed": CLIP_SCORE, "clip_score": CLIP_SCORE})

    found = collect_collapsed(with_failed(moved(before, 6, -40)), with_failed(before))
    assert (found.share, found.draft.current) == (1.0, pytest.approx(100 * 6 / 128))


def test_seeds_that_the_baseline_holds_besides_tell_how_much_seeds_differ(before: np.ndarray) -> None:
    """With the first seed alone nothing would be known of it."""
    wide = before + np.array([0.0, 15.0, -15.0, 0.0])
    after = moved(wide[:, :1], 6, -40)
    told = Circumstances(all_seeds=make_run(wide))
    assert collect_collapsed(make_run(after), make_run(wide[:, :1]), circumstances=told).estimate is None
    assert collect_collapsed(make_run(after), make_run(wide[:, :1])).estimate is not None


def test_a_few_samples_are_told_with_the_cases_that_they_are_of(before: np.ndarray) -> None:
    told = Circumstances(note="on 3 of 4 cases")
    run, baseline = make_run(moved(before[:3], 3, -60)), make_run(before[:3])
    draft = collect_collapsed(run, baseline, circumstances=told).draft
    assert draft.reason.endswith("; a rate is judged from 16 samples on; on 3 of 4 cases")
    assert (draft.verdict, draft.current, draft.tolerance) == ("informational", 25.0, None)


def test_samples_that_a_metric_says_nothing_of_count_as_fine(before: np.ndarray) -> None:
    def of_two_cases(scores: np.ndarray) -> Run:
        run = make_run(scores)
        samples = (
            sample
            if sample.case in ("case-0", "case-7")
            else replace(sample, scores={}, inapplicable={"clip_score": "text"})
            for sample in run.samples
        )
        return replace(run, samples=tuple(samples))

    after = before.copy()
    after[7, 2] -= 60
    evidence = collect_collapsed(of_two_cases(after), of_two_cases(before))
    said = judge_metrics([evidence])[0]
    assert said.current == pytest.approx(100 / 128)
    assert said.reason.startswith("1 of 128 samples collapsed in clip_score (0 recovered): case-7@2")
    assert said.verdict != "regressed"
