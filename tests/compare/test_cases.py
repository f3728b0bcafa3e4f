from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sdeval.compare import Verdict, judge_cases, settle_cases
from tests.conftest import make_run


@pytest.fixture
def scores(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(30, 3, size=(24, 2))


def by_case(verdicts: list[Verdict]) -> dict[str, Verdict]:
    return {each.case: each for each in verdicts}


def test_unchanged_cases_pass(scores: np.ndarray) -> None:
    verdicts = judge_cases(make_run(scores), make_run(scores))
    assert {each.verdict for each in verdicts} == {"passed"}


def test_without_a_baseline_every_case_is_new(scores: np.ndarray) -> None:
    assert {each.verdict for each in judge_cases(make_run(scores), None)} == {"new"}


def test_a_defect_is_broken_even_without_a_baseline(scores: np.ndarray) -> None:
    run = make_run(scores)
    sick = replace(run.samples[5], health="black", detail="no level above 0 of 255")
    run = replace(run, samples=(*run.samples[:5], sick, *run.samples[6:]))
    said = by_case(judge_cases(run, None))["case-2"]
    assert (said.verdict, said.reason) == ("broken", "seed 1 is black (no level above 0 of 255)")


def accepted(seeds: int, rng: np.random.Generator) -> np.ndarray:
    """Scores of a baseline: cases differ, seeds of a case hardly."""
    return rng.normal(30, 3, size=(24, 1)) + rng.normal(0, 0.3, size=(24, seeds))


def collapsed(before: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two seeds drawn again, and case 11 gone."""
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
    assert "2 seeds of the baseline do not tell" in verdicts["case-11"].reason
    assert [name for name, each in verdicts.items() if each.verdict != "passed"] == ["case-11"]


def test_one_picture_does_not_accuse_its_case(rng: np.random.Generator) -> None:
    before = accepted(4, rng)
    said = by_case(judge_cases(make_run(collapsed(before, rng)[:, :1]), make_run(before)))["case-11"]
    assert said.verdict == "inconclusive"
    assert "one seed cannot tell" in said.reason


def test_a_seed_that_the_baseline_could_not_score_does_not_count(rng: np.random.Generator) -> None:
    before = accepted(4, rng)
    before[3, 2:] = np.nan
    said = by_case(judge_cases(make_run(collapsed(before, rng)), make_run(before)))["case-11"]
    assert said.verdict == "inconclusive"


def test_a_case_whose_pictures_changed_passes_with_its_change(scores: np.ndarray) -> None:
    after = scores.copy()
    after[3] += 0.5
    verdicts = by_case(judge_cases(make_run(after), make_run(scores)))
    changed = verdicts["case-3"]
    assert (changed.verdict, changed.metric, round(changed.delta or 0, 6)) == ("passed", "clip_score", 0.5)
    assert verdicts["case-4"].metric == "health"


def test_another_request_is_not_comparable(scores: np.ndarray) -> None:
    before = make_run(scores)
    other = replace(before.samples[0], fingerprint="something else")
    before = replace(before, samples=(other, *before.samples[1:]))
    assert by_case(judge_cases(make_run(scores), before))["case-0"].verdict == "not comparable"


def test_a_case_that_the_baseline_lacks_is_new(scores: np.ndarray) -> None:
    assert by_case(judge_cases(make_run(scores), make_run(scores[:23])))["case-23"].verdict == "new"


def test_a_seed_that_the_baseline_lacks_is_new(scores: np.ndarray) -> None:
    assert {each.verdict for each in judge_cases(make_run(scores), make_run(scores[:, :1]))} == {"new"}


def test_a_failed_metric_is_unscored(scores: np.ndarray) -> None:
    holed = scores.copy()
    holed[4, 0] = np.nan
    said = by_case(judge_cases(make_run(holed), make_run(scores)))["case-4"]
    assert (said.verdict, said.reason) == ("unscored", "seed 0: it failed")


def test_a_missing_distance_that_is_told_and_not_judged_fails_no_case(scores: np.ndarray) -> None:
    run = make_run(scores)
    told = replace(run.metrics["clip_score"], judged=False)
    samples = tuple(replace(each, reasons={"psnr": "identical pictures"}) for each in run.samples)
    run = replace(run, metrics={**run.metrics, "psnr": told}, samples=samples)
    assert {each.verdict for each in judge_cases(run, make_run(scores))} == {"passed"}


def settle(before: np.ndarray, after: np.ndarray) -> tuple[list[Verdict], int]:
    """Judged with two seeds, and with all of them where a case is suspected; with how many in the end."""
    drawn = [2]

    def widen() -> bool:
        more = drawn[0] < after.shape[1]
        drawn[0] = after.shape[1]
        return more

    verdicts = settle_cases(lambda: judge_cases(make_run(after[:, : drawn[0]]), make_run(before)), widen)
    return verdicts, drawn[0]


def test_a_suspected_case_is_cleared_by_further_seeds(rng: np.random.Generator) -> None:
    before = accepted(4, rng)
    after = before + rng.normal(0, 0.2, size=before.shape)
    after[11, :2] -= 5
    verdicts, seeds = settle(before, after)
    assert {each.verdict for each in verdicts} == {"passed"}
    assert seeds == 4


def test_a_suspected_case_is_accused_if_every_seed_speaks_against_it(rng: np.random.Generator) -> None:
    before = accepted(4, rng)
    after = before + rng.normal(0, 0.2, size=before.shape)
    after[11] -= 5
    verdicts, seeds = settle(before, after)
    assert by_case(verdicts)["case-11"].verdict == "regressed"
    assert seeds == 4


def test_without_suspicion_no_further_seed_is_drawn(rng: np.random.Generator) -> None:
    before = accepted(4, rng)
    assert settle(before, before + rng.normal(0, 0.2, size=before.shape))[1] == 2


def test_false_accusations_are_rare() -> None:
    rng = np.random.default_rng(4)
    accused = 0
    for _ in range(400):
        # Every picture is drawn anew and one in twenty goes wrong on either side.
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


def test_a_part_of_a_suite_cannot_clear_a_deep_fall(scores: np.ndarray) -> None:
    part = replace(make_run(scores[:1] - 20), complete=False)
    said = judge_cases(part, make_run(scores))[0]
    assert (said.verdict, said.reason) == ("inconclusive", "fell far; only the whole suite can judge that")
