from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from sdeval import stats
from sdeval.comparison import DefectRates, Kind, Verdict, judge_cases, settle_cases, wording
from sdeval.results.run import Run
from tests.conftest import CLIP_SCORE, make_run


@pytest.fixture
def scores(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(30, 3, size=(24, 2))


def by_case(verdicts: list[Verdict]) -> dict[str, Verdict]:
    return {each.case: each for each in verdicts}


def test_unchanged_cases_pass(scores: np.ndarray) -> None:
    verdicts = judge_cases(make_run(scores), make_run(scores))
    assert {each.verdict for each in verdicts} == {"passed"}


def test_without_a_baseline_every_case_is_new(scores: np.ndarray) -> None:
    verdicts = judge_cases(make_run(scores), None)
    assert {(verdict.verdict, verdict.reason) for verdict in verdicts} == {("new", wording.NO_BASELINE)}


def test_a_defect_is_broken_even_without_a_baseline(scores: np.ndarray) -> None:
    run = make_run(scores)
    sick = replace(run.samples[5], defect="black", detail="no level above 0 of 255")
    run = replace(run, samples=(*run.samples[:5], sick, *run.samples[6:]))
    said = by_case(judge_cases(run, None))["case-2"]
    assert said.verdict == "broken"
    assert said.reason.startswith("seed 1 is black (no level above 0 of 255); ")
    assert "sdeval calibrate measures how often" in said.reason


def accepted(seeds: int, rng: np.random.Generator) -> np.ndarray:
    """Scores of a baseline: cases differ, seeds of a case hardly."""
    return rng.normal(30, 3, size=(24, 1)) + rng.normal(0, 0.3, size=(24, seeds))


def collapsed(before: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two seeds generated again, and case 11 gone."""
    after = before[:, :2] + rng.normal(0, 0.2, size=(24, 2))
    after[11] -= 5
    return after


def test_a_single_collapsed_case_is_found_though_the_mean_is_fine(rng: np.random.Generator) -> None:
    before = accepted(4, rng)
    verdicts = by_case(judge_cases(make_run(collapsed(before, rng)), make_run(before)))
    assert verdicts["case-11"].verdict == "regressed"
    assert verdicts["case-11"].metric == "clip_score"
    assert [name for name, each in verdicts.items() if each.verdict != "passed"] == ["case-11"]


def test_two_seeds_do_not_tell_how_much_a_case_varies(rng: np.random.Generator) -> None:
    before = accepted(2, rng)
    verdicts = by_case(judge_cases(make_run(collapsed(before, rng)), make_run(before)))
    assert verdicts["case-11"].verdict == "inconclusive"
    assert "2 seeds a case are too few to tell how much this case varies; set max_seeds=3" in verdicts["case-11"].reason
    assert [name for name, each in verdicts.items() if each.verdict != "passed"] == ["case-11"]


def test_one_image_does_not_accuse_its_case(rng: np.random.Generator) -> None:
    before = accepted(4, rng)
    said = by_case(judge_cases(make_run(collapsed(before, rng)[:, :1]), make_run(before)))["case-11"]
    assert said.verdict == "inconclusive"
    assert "with one seed, one failed image" in said.reason


def test_a_seed_that_the_baseline_could_not_score_does_not_count(rng: np.random.Generator) -> None:
    before = accepted(4, rng)
    before[3, 2:] = np.nan
    said = by_case(judge_cases(make_run(collapsed(before, rng)), make_run(before)))["case-11"]
    assert said.verdict == "inconclusive"


def test_a_case_whose_images_changed_passes_with_its_change(scores: np.ndarray) -> None:
    after = scores.copy()
    after[3] += 0.5
    verdicts = by_case(judge_cases(make_run(after), make_run(scores)))
    changed = verdicts["case-3"]
    assert (changed.verdict, changed.metric, round(changed.change or 0, 6)) == ("passed", "clip_score", 0.5)
    assert verdicts["case-4"].metric == "defect"


def test_another_request_is_new(scores: np.ndarray) -> None:
    before = make_run(scores)
    other = replace(before.samples[0], fingerprint="something else", prompt="another prompt")
    before = replace(before, samples=(other, *before.samples[1:]))
    said = by_case(judge_cases(make_run(scores), before))["case-0"]
    assert (said.verdict, said.reason) == ("new", 'prompt changed: "another prompt" → "prompt 0"')


def test_a_case_that_the_baseline_lacks_is_new(scores: np.ndarray) -> None:
    verdict = by_case(judge_cases(make_run(scores), make_run(scores[:23])))["case-23"]
    assert (verdict.verdict, verdict.reason) == ("new", wording.NO_BASELINE_CASE)


def test_a_seed_that_the_baseline_lacks_is_new(scores: np.ndarray) -> None:
    verdicts = judge_cases(make_run(scores), make_run(scores[:, :1]))
    assert {(verdict.verdict, verdict.reason) for verdict in verdicts} == {("new", wording.new_seed(1))}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (("identical", "identical"), wording.IDENTICAL_IMAGES),
        (("identical", "imperceptible"), wording.IMPERCEPTIBLE_CHANGES),
        (("imperceptible", "changed"), wording.CHANGED_IMAGES),
        (("", ""), wording.IDENTICAL_IMAGES),
    ],
)
def test_a_case_that_passes_says_how_far_its_images_changed(changes: tuple[str, str], reason: str) -> None:
    baseline = make_run(np.full((1, 2), 30.0))
    samples = [
        replace(sample, image_change=change, sha256=sample.sha256 if change in ("", "identical") else "another")
        for sample, change in zip(baseline.samples, changes, strict=True)
    ]
    (verdict,) = judge_cases(replace(baseline, samples=tuple(samples)), baseline)
    assert (verdict.verdict, verdict.reason) == ("passed", reason)


@pytest.mark.parametrize("seeds", [2, 4])
def test_the_p_value_of_a_case_counts_all_suites_of_the_session(rng: np.random.Generator, seeds: int) -> None:
    """With two seeds the case is suspected, with four it regressed."""
    before = accepted(seeds, rng)
    run, baseline = make_run(collapsed(before, rng)), make_run(before)
    alone, of_three = (by_case(judge_cases(run, baseline, suites))["case-11"] for suites in (1, 3))
    assert alone.p_value is not None
    assert 0 < alone.p_value < 0.01
    assert of_three.p_value == pytest.approx(3 * alone.p_value)


def test_a_failed_metric_is_unscored(scores: np.ndarray) -> None:
    holed = scores.copy()
    holed[4, 0] = np.nan
    said = by_case(judge_cases(make_run(holed), make_run(scores)))["case-4"]
    assert (said.verdict, said.reason) == ("unscored", "seed 0: it failed")


def test_a_missing_distance_that_is_told_and_not_judged_fails_no_case(scores: np.ndarray) -> None:
    run = make_run(scores)
    told = replace(run.metrics["clip_score"], gating=False)
    samples = tuple(replace(each, reasons={"psnr": "identical images"}) for each in run.samples)
    run = replace(run, metrics={**run.metrics, "psnr": told}, samples=samples)
    assert {each.verdict for each in judge_cases(run, make_run(scores))} == {"passed"}


def settle(before: np.ndarray, after: np.ndarray) -> tuple[list[Verdict], int]:
    """Judged with two seeds, and with all of them where a case is suspected; with how many in the end."""
    generated = [2]

    def widen() -> bool:
        more = generated[0] < after.shape[1]
        generated[0] = after.shape[1]
        return more

    verdicts = settle_cases(lambda: judge_cases(make_run(after[:, : generated[0]]), make_run(before)), widen)
    return verdicts, generated[0]


def test_a_suspected_case_is_cleared_by_further_seeds(rng: np.random.Generator) -> None:
    before = accepted(4, rng)
    after = before + rng.normal(0, 0.2, size=before.shape)
    after[11, :2] -= 5
    verdicts, seeds = settle(before, after)
    assert by_case(verdicts)["case-11"].verdict == "not_significant"
    assert {each.verdict for each in verdicts} == {"passed", "not_significant"}
    assert seeds == 4


def test_a_suspected_case_is_accused_if_every_seed_speaks_against_it(rng: np.random.Generator) -> None:
    before = accepted(4, rng)
    after = before + rng.normal(0, 0.2, size=before.shape)
    after[11] -= 5
    verdicts, seeds = settle(before, after)
    assert by_case(verdicts)["case-11"].verdict == "regressed"
    assert seeds == 4


def test_without_suspicion_no_further_seed_is_generated(rng: np.random.Generator) -> None:
    before = accepted(4, rng)
    assert settle(before, before + rng.normal(0, 0.2, size=before.shape))[1] == 2


def test_false_accusations_are_rare() -> None:
    rng = np.random.default_rng(4)
    accused = 0
    for _ in range(400):
        # Every image is generated again and one in twenty goes wrong on either side.
        before, after = (30 - 15 * (rng.random((24, 4)) < 0.05) + rng.normal(0, 1, (24, 4)) for _ in range(2))
        accused += any(each.verdict == "regressed" for each in settle(before, after)[0])
    assert accused <= 4


def test_a_prompt_that_varies_by_nature_is_not_accused() -> None:
    rng = np.random.default_rng(6)
    spread = np.where(np.arange(24) < 2, 4.0, 0.6)[:, None]
    accused = 0
    for _ in range(300):
        before, after = (30 + rng.normal(0, spread, (24, 4)) for _ in range(2))
        accused += any(each.verdict == "regressed" for each in settle(before, after)[0])
    assert accused <= 3


def test_a_part_of_a_suite_fails_by_its_own_seeds(rng: np.random.Generator) -> None:
    before = accepted(4, rng)
    part = replace(make_run(before[:1, :2] - 20), complete=False)
    assert judge_cases(part, make_run(before))[0].verdict == "regressed"


def with_metric(run: Run, name: str, scores: np.ndarray, first: bool = False) -> Run:
    """The run with another metric of single images."""
    record = replace(CLIP_SCORE, tolerance=1.0)
    values = scores.ravel()
    samples = tuple(replace(s, scores={**s.scores, name: float(v)}) for s, v in zip(run.samples, values, strict=True))
    metrics = {name: record, **run.metrics} if first else {**run.metrics, name: record}
    return replace(run, samples=samples, metrics=metrics)


def sharp(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    before = rng.normal(20, 4, size=(24, 1)) + rng.normal(0, 0.3, size=(24, 4))
    after = before + rng.normal(0, 0.2, size=before.shape)
    after[5] -= 17
    return before, after


@pytest.mark.parametrize("first", [True, False])
def test_a_case_is_judged_by_every_metric_wherever_it_stands(rng: np.random.Generator, first: bool) -> None:
    before, (sharp_before, sharp_after) = accepted(4, rng), sharp(rng)
    run = with_metric(make_run(before + rng.normal(0, 0.1, before.shape)), "sharpness", sharp_after, first)
    verdicts = by_case(judge_cases(run, with_metric(make_run(before), "sharpness", sharp_before, first)))
    assert (verdicts["case-5"].verdict, verdicts["case-5"].metric) == ("regressed", "sharpness")
    assert [name for name, each in verdicts.items() if each.verdict == "regressed"] == ["case-5"]


@pytest.mark.parametrize("higher_is_better", [True, False])
def test_a_loss_beyond_the_tolerance_that_chance_explains_is_marked_and_fails_nothing(
    rng: np.random.Generator, higher_is_better: bool
) -> None:
    before = rng.normal(30, 3, size=(24, 1)) + rng.normal(0, 3, size=(24, 4))
    after = before + rng.normal(0, 3, size=before.shape)
    metrics = {"clip_score": replace(CLIP_SCORE, higher_is_better=higher_is_better)}
    verdicts = judge_cases(*(replace(make_run(scores), metrics=metrics) for scores in (after, before)))
    beyond = [each for each in verdicts if each.loss > 1]
    assert beyond
    assert {each.verdict for each in beyond} == {"not_significant"}
    assert not any(each.fails(strict=True) for each in beyond)
    assert {each.verdict for each in verdicts if each.loss <= 1} == {"passed"}


def test_cases_that_fell_with_a_suite_that_regressed_fail_with_it(rng: np.random.Generator) -> None:
    before = accepted(4, rng)
    after = before - 20 + rng.normal(0, 2, size=(24, 1))
    alone = judge_cases(make_run(after), make_run(before))
    assert "regressed" not in {each.verdict for each in alone}
    verdicts = judge_cases(make_run(after), make_run(before), regressed=["clip_score"])
    assert {each.verdict for each in verdicts} == {"regressed"}
    assert verdicts[0].reason == wording.CASE_LOST_WITH_SUITE


def test_what_fell_with_its_suite_is_never_called_chance(rng: np.random.Generator) -> None:
    """Two seeds of the baseline cannot accuse a case, but all of them lost a lot, and so did the suite."""
    before = accepted(2, rng)
    verdicts = judge_cases(make_run(before - 20), make_run(before), regressed=["clip_score"])
    assert {each.verdict for each in verdicts} == {"inconclusive"}
    assert verdicts[0].reason.startswith(
        "this case lost much, and so did the whole suite; the baseline's 2 seeds a case"
    )


def test_scores_that_hang_together_accuse_no_single_case(rng: np.random.Generator) -> None:
    before = make_run(accepted(4, rng))
    together = {"clip_score": replace(CLIP_SCORE, alone=False)}
    after = make_run(collapsed(accepted(4, rng), rng))
    verdicts = judge_cases(replace(after, metrics=together), replace(before, metrics=together))
    assert "regressed" not in {each.verdict for each in verdicts}


def test_a_large_loss_in_scores_that_hang_together_says_why_it_is_only_suspected(rng: np.random.Generator) -> None:
    before = accepted(4, rng)
    after = before[:, :2].copy()
    after[11] -= 300
    metrics = {"clip_score": replace(CLIP_SCORE, alone=False)}
    run, baseline = (replace(make_run(scores), metrics=metrics) for scores in (after, before))
    verdict = by_case(judge_cases(run, baseline))["case-11"]
    assert verdict.verdict == "inconclusive"
    assert verdict.reason == f"every seed of this case lost much; {wording.DEPENDS_ON_OTHER_IMAGES}"


def flat(run: Run, count: int) -> Run:
    """The run with so many flat images, one a case."""
    samples = [replace(s, defect="uniform") if s.seed == 0 and int(s.case[5:]) < count else s for s in run.samples]
    return replace(run, samples=tuple(samples))


RATES = DefectRates(384, {"uniform": 3})


def test_broken_images_that_the_target_makes_by_itself_are_shown_and_fail_nothing(scores: np.ndarray) -> None:
    said = by_case(judge_cases(flat(make_run(scores), 1), make_run(scores), rates=RATES))["case-0"]
    assert said.verdict == "not_significant"
    assert "when nothing changed, 3 of 384 images of this target were uniform" in said.reason


def test_more_broken_images_than_that_fail(scores: np.ndarray) -> None:
    verdicts = by_case(judge_cases(flat(make_run(scores), 6), make_run(scores), rates=RATES))
    assert {verdicts[f"case-{number}"].verdict for number in range(6)} == {"broken"}


def test_a_case_of_which_every_seed_fell_fails_though_its_images_may_be_broken(rng: np.random.Generator) -> None:
    before = accepted(4, rng)
    after = before + rng.normal(0, 0.2, size=before.shape)
    after[0] -= 20
    run = flat(make_run(after), 1)
    assert by_case(judge_cases(run, make_run(before), rates=RATES))["case-0"].verdict == "regressed"


def row(case: str, verdict: Kind, reason: str, **values: object) -> Verdict:
    """A verdict on a case of two images."""
    whole = {"metric": "defect", "n": 2, **values}
    return Verdict(suite="animals", target="tiny", case=case, verdict=verdict, reason=reason, **whole)


def test_a_case_without_statistics_has_a_reason_and_no_numbers(scores: np.ndarray) -> None:
    run, baseline = make_run(scores), make_run(scores[:23])
    failed = replace(run.samples[2], failure="the disk is full", sha256="", image="", scores={})
    sick = replace(run.samples[5], defect="black", detail="no level above 0")
    holed = replace(run.samples[6], reasons={"clip_score": "it failed"}, scores={"clip_score": None})
    run = replace(run, samples=(*run.samples[:2], failed, *run.samples[3:5], sick, holed, *run.samples[7:]))
    verdicts = by_case(judge_cases(run, baseline))
    assert verdicts["case-0"] == row("case-0", "passed", "identical images")
    assert verdicts["case-1"] == row("case-1", "unscored", "seed 0 has no image: the disk is full")
    assert verdicts["case-2"] == row(
        "case-2",
        "broken",
        "seed 1 is black (no level above 0); "
        "if this target sometimes does so anyway, sdeval calibrate measures how often",
    )
    assert verdicts["case-3"] == row("case-3", "unscored", "seed 0: it failed", metric="clip_score")
    assert verdicts["case-23"] == row("case-23", "new", wording.NO_BASELINE_CASE)


def test_a_case_whose_other_side_was_not_generated_is_unscored(scores: np.ndarray) -> None:
    baseline = make_run(scores)
    failed = replace(baseline.samples[3], failure="it timed out", sha256="", image="", scores={})
    baseline = replace(baseline, samples=(*baseline.samples[:3], failed, *baseline.samples[4:]))
    verdict = by_case(judge_cases(make_run(scores), baseline))["case-1"]
    assert verdict == row("case-1", "unscored", "seed 1 has no image on the other side: it timed out")


def adjusted_by_hand(before: np.ndarray, after: np.ndarray, *, seeds_alone: bool = False) -> list[float]:
    """P-values of cases by the others and by their own seeds, corrected for the number of cases."""
    spread = stats.seed_spread(before)
    assert spread is not None
    first = before[:, : after.shape[1]]
    others = stats.p_among_cases(first, after, stats.Prior.of(spread, after.shape[1], CLIP_SCORE.tolerance))
    own = stats.p_among_seeds(before, after)
    return false_discovery_control(own if seeds_alone else np.maximum(others, own)).tolist()


def numbers(before: np.ndarray, after: np.ndarray, number: int) -> dict[str, object]:
    """What the row of a case says of its scores."""
    old, new = float(before[number, : after.shape[1]].mean()), float(after[number].mean())
    return {
        "metric": "clip_score",
        "unit": CLIP_SCORE.unit,
        "baseline": pytest.approx(old),
        "current": pytest.approx(new),
        "change": pytest.approx(new - old),
        "tolerance": CLIP_SCORE.tolerance,
    }


@pytest.mark.parametrize("suites", [1, 5])
def test_the_row_of_a_case_that_regressed_alone(rng: np.random.Generator, suites: int) -> None:
    before = accepted(4, rng)
    after = collapsed(before, rng)
    verdict = by_case(judge_cases(make_run(after), make_run(before), suites))["case-11"]
    p_value = suites * adjusted_by_hand(before, after)[11]
    assert verdict == row(
        "case-11",
        "regressed",
        wording.ONLY_THIS_CASE_LOST,
        p_value=pytest.approx(p_value),
        **numbers(before, after, 11),
    )


@pytest.mark.parametrize("suites", [1, 5])
def test_the_row_of_a_case_that_regressed_with_its_suite(rng: np.random.Generator, suites: int) -> None:
    before = accepted(4, rng)
    after = before[:, :2] - 20 + rng.normal(0, 2, size=(24, 1))
    verdicts = judge_cases(make_run(after), make_run(before), suites, ["clip_score"])
    p_values = adjusted_by_hand(before, after, seeds_alone=True)
    assert verdicts[7] == row(
        "case-7",
        "regressed",
        wording.CASE_LOST_WITH_SUITE,
        p_value=pytest.approx(suites * p_values[7]),
        **numbers(before, after, 7),
    )


def test_the_row_of_a_case_that_may_have_lost_with_its_suite_has_no_p_value(rng: np.random.Generator) -> None:
    before = accepted(2, rng)
    verdicts = judge_cases(make_run(before - 20), make_run(before), regressed=["clip_score"])
    reason = wording.perhaps_lost_with_suite(wording.few_baseline_seeds(2, 3))
    assert verdicts[3] == row("case-3", "inconclusive", reason, **numbers(before, before - 20, 3))


def test_the_row_of_a_case_that_chance_may_explain(rng: np.random.Generator) -> None:
    before = rng.normal(30, 3, size=(24, 1)) + rng.normal(0, 3, size=(24, 4))
    after = before[:, :2] + rng.normal(0, 3, size=(24, 2))
    beyond = [verdict for verdict in judge_cases(make_run(after), make_run(before)) if verdict.loss > 1]
    p_values = adjusted_by_hand(before, after)
    for verdict in beyond:
        number = int(verdict.case.removeprefix("case-"))
        collapsed = int((before[number, :2] - after[number] > 3 * CLIP_SCORE.tolerance).sum())
        assert verdict == row(
            verdict.case,
            "not_significant",
            wording.not_significant(wording.CHANGED_IMAGES, collapsed, 2, 3.0),
            p_value=pytest.approx(p_values[number]),
            **numbers(before, after, number),
        )
    assert beyond


def test_p_values_of_many_suites_are_at_most_one(rng: np.random.Generator) -> None:
    before = rng.normal(30, 3, size=(24, 1)) + rng.normal(0, 3, size=(24, 4))
    after = before[:, :2] + rng.normal(0, 3, size=(24, 2))
    verdicts = judge_cases(make_run(after), make_run(before), 100_000)
    assert {verdict.p_value for verdict in verdicts if verdict.loss > 1} == {1.0}


def levels(p_value: float, seeds: int) -> Kind:
    """The verdict on a case that lost 20 points, of 24 cases whose others stay, with a p-value near this one."""
    before = 30 + np.array([[-1.0, 0.0, 1.0, 0.0]] * 24)[:, :seeds]
    after = before[:, :2].copy()
    after[11] -= 20
    run, baseline = make_run(after), make_run(before)
    alone = by_case(judge_cases(run, baseline))["case-11"].p_value
    assert alone is not None
    return by_case(judge_cases(run, baseline, p_value / alone))["case-11"].verdict  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("p_value", "seeds", "verdict"),
    [
        (0.99e-3, 4, "regressed"),
        (1.01e-3, 4, "inconclusive"),
        (0.0499, 4, "inconclusive"),
        (0.0501, 4, "not_significant"),
        (0.99e-3, 2, "inconclusive"),
        (0.00999, 2, "inconclusive"),
        (0.01001, 2, "not_significant"),
    ],
)
def test_a_case_is_judged_at_the_levels_that_are_documented(p_value: float, seeds: int, verdict: Kind) -> None:
    assert levels(p_value, seeds) == verdict


@pytest.mark.parametrize(("loss", "verdict"), [(1.49, "not_significant"), (1.51, "regressed")])
def test_a_case_collapsed_if_every_seed_lost_more_than_three_tolerances(loss: float, verdict: Kind) -> None:
    before = np.full((24, 4), 30.0) + np.array([-1e-3, 0.0, 1e-3, 0.0])
    after = before[:, :2].copy()
    after[11] -= [loss, 5.0]
    verdicts = judge_cases(make_run(after), make_run(before), regressed=["clip_score"])
    assert by_case(verdicts)["case-11"].verdict == verdict


def test_where_nothing_is_tolerated_any_loss_of_every_seed_counts() -> None:
    before = np.full((24, 4), 30.0) + np.array([-1e-3, 0.0, 1e-3, 0.0])
    after = before[:, :2].copy()
    after[11] -= 0.1
    metrics = {"clip_score": replace(CLIP_SCORE, tolerance=0.0)}
    run, baseline = (replace(make_run(scores), metrics=metrics) for scores in (after, before))
    verdicts = by_case(judge_cases(run, baseline))
    assert verdicts["case-11"].verdict == "regressed"
    assert {verdict.verdict for case, verdict in verdicts.items() if case != "case-11"} == {"passed"}


def test_the_worst_of_several_metrics_within_tolerance_is_shown(rng: np.random.Generator) -> None:
    before, other = accepted(4, rng), rng.normal(20, 1, (24, 4))
    for first in (True, False):
        run = with_metric(make_run(before[:, :2] - 0.1), "sharpness", other[:, :2] - 0.5, first)
        baseline = with_metric(make_run(before), "sharpness", other, first)
        verdict = judge_cases(run, baseline)[0]
        assert (verdict.verdict, verdict.metric) == ("passed", "sharpness")


def test_a_metric_of_another_version_judges_no_case(rng: np.random.Generator) -> None:
    before = accepted(4, rng)
    run = make_run(before[:, :2] - 20)
    run = replace(run, metrics={"clip_score": replace(CLIP_SCORE, version="other")})
    assert {verdict.metric for verdict in judge_cases(run, make_run(before), regressed=["clip_score"])} == {"defect"}
