from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sdeval.compare import MetricEvidence, Verdict, collect_collapsed, judge_metrics
from sdeval.run import Run
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
    assert said.reason.startswith(
        f"{count} of 128 samples fell far in clip_score (0 rose as far): case-{case}@{seed}, "
    )


def test_samples_that_rise_as_far_are_taken_off(before: np.ndarray, rng: np.random.Generator) -> None:
    after = wrong(wrong(before, 1 / 8, rng), 1 / 8, rng, points=-60.0)
    assert judged(after, before).verdict != "regressed"


def test_seeds_alone_collapse_nothing(before: np.ndarray, rng: np.random.Generator) -> None:
    said = judged(before + rng.normal(0, 1.5, size=before.shape), before)
    assert (said.verdict, said.reason) == ("passed", "no sample fell or rose so far")


def test_identical_images_pass(before: np.ndarray) -> None:
    assert (judged(before, before).verdict, judged(before, before).reason) == ("passed", "identical pictures")


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
    assert "fell far in clip_score" in said.reason


def test_metrics_that_depend_on_other_images_do_not_count(before: np.ndarray) -> None:
    together = {"clip_score": replace(CLIP_SCORE, alone=False)}
    assert judged(before - 60, before, metrics=together).verdict == "unscored"


def test_without_a_baseline_it_is_new(before: np.ndarray) -> None:
    found: MetricEvidence = collect_collapsed(make_run(before), None)
    assert judge_metrics([found])[0].verdict == "new"


def test_a_suite_states_how_many_may_collapse(before: np.ndarray, rng: np.random.Generator) -> None:
    found = collect_collapsed(make_run(wrong(before, 1 / 8, rng)), make_run(before), 30.0)
    assert judge_metrics([found])[0].verdict == "passed"
