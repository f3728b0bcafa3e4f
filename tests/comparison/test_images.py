"""A single image compared with the accepted one: what its metrics, its defects and its request decide."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdeval.comparison.images import judge_image, tolerances_of_one
from sdeval.results.records import MetricRecord
from sdeval.results.run import Run
from tests.conftest import make_run

SSIM = MetricRecord(
    version="1",
    unit="percent",
    higher_is_better=True,
    scope="sample",
    tolerance=10,
    tolerance_is_relative=False,
    gating=False,
)
TOLERANCES = {"ssim": 10.0, "clip_score": 1.5}


def run_with(score: float, ssim: float | None = None, **changes: object) -> Run:
    run = make_run(np.array([[score]]))
    (sample,) = run.samples
    scores = dict(sample.scores) if ssim is None else {**sample.scores, "ssim": ssim}
    sample = replace(sample, scores=scores, sha256=f"{score}", **{"image_change": "changed", **changes})
    return replace(run, samples=(sample,), metrics={**run.metrics, "ssim": SSIM})


BASELINE = run_with(30.0)


@pytest.mark.parametrize(
    ("run", "verdict", "metric"),
    [
        (run_with(30.0, 95.0), "passed", "ssim"),
        (run_with(30.0, 89.0), "regressed", "ssim"),
        (run_with(28.4, 99.0), "regressed", "clip_score"),
        (run_with(28.6, 99.0), "passed", "clip_score"),
        (run_with(33.0, 99.0), "passed", "ssim"),
        (run_with(20.0, 50.0, image_change="imperceptible"), "passed", "defect"),
        (run_with(30.0, 99.0, defect="black", detail="all of it"), "broken", "defect"),
        (run_with(30.0, reasons={"ssim": "sizes differ"}), "unscored", "ssim"),
        (run_with(20.0, reasons={"ssim": "sizes differ"}), "regressed", "clip_score"),
        (run_with(30.0, 99.0, fingerprint="another"), "new", "defect"),
    ],
)
def test_what_decides(run: Run, verdict: str, metric: str) -> None:
    judged = judge_image(run, BASELINE, TOLERANCES)
    assert (judged.verdict, judged.metric) == (verdict, metric)


def test_without_a_baseline_an_image_is_new() -> None:
    assert judge_image(run_with(30.0), None, TOLERANCES).verdict == "new"


def test_without_a_tolerance_an_image_that_changed_is_reported_only() -> None:
    judged = judge_image(run_with(10.0, 10.0), BASELINE, {})
    assert (judged.verdict, judged.reason) == ("passed", "image changed; no metric of this check has a tolerance")


def test_a_score_of_another_version_of_the_metric_is_not_compared() -> None:
    run = run_with(10.0, 99.0)
    metrics = {**run.metrics, "clip_score": replace(run.metrics["clip_score"], version="2")}
    assert judge_image(replace(run, metrics=metrics), BASELINE, TOLERANCES).verdict == "passed"


def test_only_a_style_is_advised_to_be_allowed() -> None:
    black = run_with(30.0, 99.0, defect="black", detail="all of it")
    assert "allow" not in judge_image(black, BASELINE, TOLERANCES).reason
    assert judge_image(black, BASELINE, TOLERANCES, ["black"]).reason.endswith('check(…, allow=["black"])')


def test_usual_tolerances_are_those_of_the_documentation() -> None:
    names = ("ssim", "psnr", "sharpness", "noise", "lpips")
    assert tolerances_of_one(names, {}) == {"ssim": 10.0, "psnr": 70.0, "sharpness": 3.0, "noise": 1.5}
    assert tolerances_of_one(names, {"lpips": 0.2, "noise": 1, "dists": 1})["lpips"] == 0.2
    assert tolerances_of_one(names, {"noise": 1})["noise"] == 1


@given(ssim=st.floats(-100, 100), score=st.floats(0, 60))
def test_an_image_fails_exactly_where_a_metric_lost_more_than_its_tolerance(ssim: float, score: float) -> None:
    judged = judge_image(run_with(score, ssim), BASELINE, TOLERANCES)
    lost = (100 - ssim) / 10, (30 - score) / 1.5
    if max(lost) < 0.999:
        assert judged.verdict == "passed"
    if max(lost) > 1.001:
        assert judged.verdict == "regressed"
        assert judged.loss == pytest.approx(max(lost), rel=1e-3)
