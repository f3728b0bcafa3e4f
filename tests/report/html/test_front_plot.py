"""The geometry of the plot of quality against time."""

from __future__ import annotations

from dataclasses import replace

from sdeval.comparison.matrix import Matrix, Row
from sdeval.comparison.speed import LatencyStats
from sdeval.report.html.front_plot import FrontPlot, front_plot
from tests.report.html.test_run_plots import VERDICT


def row(name: str, seconds: float, value: float, **changes: object) -> Row:
    verdict = replace(VERDICT, current=value, change=value - 30, low=value - 30.5, high=value - 29)
    stats = LatencyStats(median=seconds, p90=1.5 * seconds, deviation=0.1, n=8)
    made = Row(name=name, verdicts=(verdict,), seconds=stats, hardware="a laptop", broken=0)
    return replace(made, **changes)


def matrix(*rows: Row) -> Matrix:
    return Matrix(suite="animals", reference=rows[0].name, rows=rows, metrics=("clip_score",))


def plot(*rows: Row) -> FrontPlot:
    made = front_plot(matrix(*rows), "CLIP score", "points")
    assert made is not None
    return made


SLOW, FAST = row("slow", 2.0, 30.0, on_front=True), row("fast", 1.0, 29.0, on_front=True)


def test_settings_are_named_by_letters_and_in_words() -> None:
    points = plot(SLOW, FAST).points
    assert [point.letter for point in points] == ["A", "B"]
    assert points[1].text == "B fast: 1.00 s/image, 29.00, Pareto-optimal"


def test_faster_is_to_the_left_and_more_is_higher() -> None:
    slow, fast = plot(SLOW, FAST).points
    assert fast.x < slow.x
    assert fast.y > slow.y


def test_bars_reach_to_the_90th_percentile_and_to_the_bounds() -> None:
    slow, fast = plot(SLOW, FAST).points
    assert slow.right > slow.x
    per_point = (fast.y - slow.y) / 1.0
    assert abs((slow.bottom - slow.y) - 0.5 * per_point) < 0.11
    assert abs((slow.y - slow.top) - 1.0 * per_point) < 0.11


def test_the_line_goes_through_pareto_optimal_settings_only() -> None:
    beaten = row("beaten", 3.0, 28.0)
    made = plot(SLOW, beaten, FAST)
    assert made.front == " ".join(f"{point.x:g},{point.y:g}" for point in (made.points[2], made.points[0]))
    assert made.points[1].text.endswith("another setting is faster and better")


def test_a_setting_whose_time_is_not_compared_is_left_out() -> None:
    assert [point.letter for point in plot(SLOW, replace(FAST, time_obstacle="other machine"), FAST).points] == [
        "A",
        "C",
    ]


def test_one_setting_makes_no_plot() -> None:
    assert front_plot(matrix(SLOW), "CLIP score", "points") is None


def test_a_broken_setting_is_not_in_the_plot() -> None:
    assert front_plot(matrix(SLOW, replace(FAST, broken=2)), "CLIP score", "points") is None


def test_the_axis_says_which_way_is_better() -> None:
    assert plot(SLOW, FAST).metric == "CLIP score (points), higher is better"
