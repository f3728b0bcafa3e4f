"""Rows of the table of metrics, from verdicts of the real judge: no row contradicts itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdeval.comparison import ALPHA_FURTHER, ALPHA_METRICS, Circumstances, Verdict, collect_evidence, judge_metrics
from sdeval.history.store import Point, Series
from sdeval.report.html.metrics_table import Bar, MetricRow, metric_rows
from sdeval.results.run import Run
from tests.conftest import make_run

SHAPES = ("all cases alike", "a few cases", "more variance", "rounding")


def changed(before: np.ndarray, shape: str, shift: float, rng: np.random.Generator) -> np.ndarray:
    """Scores after a change of one of four shapes."""
    noise = rng.normal(0, 0.4, size=before.shape)
    if shape == "a few cases":
        losing = (np.arange(len(before)) < max(1, len(before) // 6))[:, None]
        return before + noise / 4 + 12 * shift * losing
    if shape == "more variance":
        return before + 8 * noise + shift
    return before + (noise + shift if shape == "all cases alike" else noise / 1000)


@st.composite
def judged(draw: st.DrawFn) -> list[Verdict]:
    """Verdicts of the real judge on one to three metrics of a session."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    cases, seeds = draw(st.integers(1, 40)), draw(st.integers(1, 4))
    share = draw(st.sampled_from((1.0, 0.11)))
    evidence = []
    for _ in range(draw(st.integers(1, 3))):
        before = rng.normal(30, 3, size=(cases, seeds))
        after = changed(before, draw(st.sampled_from(SHAPES)), draw(st.floats(-3, 3)), rng)
        runs = [towards(make_run(scores), higher=draw(st.booleans())) for scores in (after, before)]
        runs[1] = replace(runs[1], metrics=runs[0].metrics)
        evidence.append(collect_evidence(*runs, "clip_score", circumstances=Circumstances(share=share)))
    return judge_metrics(evidence)


def towards(run: Run, *, higher: bool) -> Run:
    record = replace(run.metrics["clip_score"], higher_is_better=higher)
    return replace(run, metrics={"clip_score": record})


@given(verdicts=judged())
@settings(max_examples=120, deadline=None)
def test_no_row_contradicts_itself(verdicts: list[Verdict]) -> None:
    for verdict in verdicts:
        sign = 1 if verdict.higher_is_better else -1
        lost, tolerance = -sign * (verdict.change or 0.0), verdict.tolerance or 0.0
        bounds = (verdict.low, verdict.high), (verdict.corrected_low, verdict.corrected_high)
        (least, most), (shown_least, shown_most) = ((low, high)[::sign] for low, high in bounds)
        is_shown = shown_most is not None and sign * shown_most < 0
        if verdict.p_value is not None and verdict.verdict != "improved":
            assert (verdict.p_value < ALPHA_METRICS) == is_shown
        if verdict.verdict == "regressed" and "regressed" in verdict.reason:
            assert most is not None
            assert -sign * most > tolerance
            assert verdict.p_value < ALPHA_FURTHER
        else:
            assert (verdict.verdict == "regressed") == (lost > tolerance and is_shown)
        if verdict.verdict == "improved":
            assert -lost > tolerance
            assert verdict.p_value < ALPHA_METRICS
            assert sign * shown_least > 0
        is_excluded = least is not None and sign * least > -tolerance
        if verdict.verdict in ("passed", "inconclusive"):
            assert (verdict.verdict == "passed") == is_excluded
        if None not in (verdict.low, verdict.high):
            assert verdict.low - 1e-9 <= verdict.change <= verdict.high + 1e-9


@given(verdicts=judged())
@settings(max_examples=60, deadline=None)
def test_what_a_row_shows_agrees_with_its_verdict(verdicts: list[Verdict]) -> None:
    """Bars and written numbers lie on the same sides of zero and of the tolerance as the verdict's."""
    for row in metric_rows(verdicts, make_run(np.full((2, 2), 30.0))):
        verdict = row.verdict
        if verdict.change is None or verdict.tolerance is None:
            continue
        assert len({_decimals(text) for text in (row.baseline, row.current, row.change, row.tolerance)}) == 1
        is_beyond = abs(verdict.change) > verdict.tolerance
        far = abs(abs(verdict.change) - verdict.tolerance) > 1e-4 * verdict.tolerance
        assert (abs(float(row.change)) > float(row.tolerance)) == is_beyond or not far
        assert row.bar is not None
        assert (row.bar.point < row.bar.band.left - 0.01) <= (verdict.change < -verdict.tolerance)
        _check_thin_line(row.bar, verdict)


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])


def _check_thin_line(bar: Bar, verdict: Verdict) -> None:
    """It reaches zero, in the middle, exactly where the corrected bounds do."""
    assert (bar.corrected is None) == (verdict.corrected_low is None and verdict.corrected_high is None)
    if bar.corrected is not None:
        assert (bar.corrected.left > 50) <= (verdict.corrected_low is not None and verdict.corrected_low > 0)
        right = bar.corrected.left + bar.corrected.width
        assert (right < 49.99) <= (verdict.corrected_high is not None and verdict.corrected_high < 0)


def verdict(**values: object) -> Verdict:
    made = Verdict(suite="animals", target="tiny", metric="clip_score", case="", verdict="passed")
    return replace(made, **values)


def row_of(verdict: Verdict, past: Series | None = None, session: str = "now") -> MetricRow:
    (row,) = metric_rows([verdict], make_run(np.full((2, 2), 30.0)), [past] if past else [], session)
    return row


def test_a_bound_that_is_not_known_goes_to_the_edge() -> None:
    bar = row_of(verdict(change=-2.0, low=None, high=0.4, corrected_low=None, corrected_high=0.7, tolerance=0.5)).bar
    assert bar.interval.left == bar.corrected.left == 0
    assert bar.corrected.width > bar.interval.width


def test_where_nothing_bounds_a_change_the_line_covers_all() -> None:
    bar = row_of(verdict(verdict="inconclusive", change=-2.0, tolerance=0.5)).bar
    assert (bar.interval.left, bar.interval.width) == (0, 100)


def test_a_time_has_no_bounds() -> None:
    bar = row_of(verdict(metric="seconds_per_image", change=0.1, tolerance=0.2)).bar
    assert (bar.interval, bar.corrected) == (None, None)


def test_bounds_of_a_shorter_thin_line_stay_as_they_are() -> None:
    """Another test than that of the thick line may be the strongest."""
    bar = row_of(
        verdict(change=-2.0, low=-5.0, high=1.0, corrected_low=-3.0, corrected_high=-0.5, tolerance=0.5, p_value=0.001)
    ).bar
    assert bar.interval.left < bar.corrected.left
    assert bar.corrected.left + bar.corrected.width < 50


def test_a_row_says_what_its_metric_is() -> None:
    about = row_of(verdict()).about
    assert (about.better, about.explanation) == ("higher", "How well the image fits its prompt.")
    assert about.chapter == "docs/metrics.md#clip_score"
    assert "spelling" in about.blind_to


def test_of_a_metric_of_another_package_a_row_says_what_the_run_knows() -> None:
    run = make_run(np.full((2, 2), 30.0))
    record = replace(run.metrics["clip_score"], title="share of red", explanation="How red it is.")
    (row,) = metric_rows([verdict(metric="redness")], replace(run, metrics={"redness": record}))
    assert (row.about.title, row.about.explanation, row.about.chapter) == ("share of red", "How red it is.", "")
    (unknown,) = metric_rows([verdict(metric="redness")], run)
    assert (unknown.about.title, unknown.about.explanation) == ("", "")


def series(values: list[float], **changes: object) -> Series:
    points = tuple(
        replace(Point(f"s{at}", value, 0.5, at == 1, at == 2, ""), **changes) for at, value in enumerate(values)
    )
    return Series("clip_score", "", "points", True, points)


def test_a_sparkline_ends_with_this_session() -> None:
    spark = row_of(verdict(), series([30.0, 29.0, 31.0]), "s2").history
    assert spark.current == spark.dots[-1]
    assert spark.failed == (spark.dots[1],)
    assert len(spark.accepted) == 1
    assert spark.dots[1].x < spark.accepted[0] < spark.dots[2].x
    assert spark.label == (
        "clip_score over 3 sessions: 30.00 to 31.00, between 29.00 and 31.00; 1 failed; 1 baseline accepted"
    )


def test_a_session_that_is_not_in_the_history_has_no_dot() -> None:
    assert row_of(verdict(), series([30.0, 29.0]), "another").history.current is None


def test_one_session_makes_no_line() -> None:
    assert row_of(verdict(), series([30.0]), "s0").history is None


@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=60))
@settings(deadline=None)
def test_a_sparkline_stays_in_its_box(values: list[float]) -> None:
    spark = row_of(verdict(), series(values)).history
    assert all(0 <= dot.x <= 120 and 0 <= dot.y <= 26 for dot in spark.dots)


def test_a_change_far_below_the_tolerance_looks_flat() -> None:
    spark = row_of(verdict(), series([30.0, 30.01])).history
    assert abs(spark.dots[0].y - spark.dots[1].y) < 1


@pytest.mark.parametrize(("memory", "unit"), [(900.0, "MiB"), (5000.0, "GiB")])
def test_memory_has_a_unit_that_can_be_read(memory: float, unit: str) -> None:
    assert row_of(verdict(metric="peak_memory", current=memory)).unit == unit
