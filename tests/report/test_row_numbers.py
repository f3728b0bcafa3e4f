"""Numbers of one row: one unit, one number of decimals, and on the right side of what they are compared with."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdeval.comparison import ALPHA_METRICS, Verdict
from sdeval.report.row_numbers import RowNumbers, p_value


def verdict(**values: float | None) -> Verdict:
    return Verdict(suite="animals", target="tiny", metric="m", case="", verdict="passed", **values)


def row(unit: str = "points", **values: float | None) -> list[str]:
    made = verdict(**values)
    numbers = RowNumbers.of(made, unit)
    values = (numbers.value(value) for value in (made.baseline, made.current, made.tolerance))
    return [numbers.change(made.change), *values]


@pytest.mark.parametrize(
    ("tolerance", "expected"),
    [
        (0.3, ["-2.05", "91.29", "89.24", "0.30"]),
        (5.0, ["-2.0", "91.3", "89.2", "5.0"]),
        (0.05, ["-2.050", "91.287", "89.237", "0.050"]),
        (250.0, ["-2", "91", "89", "250"]),
    ],
)
def test_the_tolerance_decides_how_many_decimals_a_row_has(tolerance: float, expected: list[str]) -> None:
    assert row(baseline=91.287, current=89.237, change=-2.05, tolerance=tolerance) == expected


def test_without_a_tolerance_the_values_decide() -> None:
    assert row(current=0.012345) == ["–", "–", "0.0123", "–"]
    assert row(current=1234.5) == ["–", "–", "1234", "–"]


def test_large_memory_is_in_gibibytes() -> None:
    numbers = RowNumbers.of(verdict(baseline=1055.54, current=1100.0, tolerance=52.8), "MiB")
    assert (numbers.unit, numbers.value(1055.54), numbers.change(44.46)) == ("GiB", "1.031", "+0.043")
    assert RowNumbers.of(verdict(current=900.0), "MiB").unit == "MiB"


def test_a_change_that_rounds_to_zero_has_no_sign() -> None:
    assert row(baseline=1.0, current=0.999, change=-0.001, tolerance=1.0)[0] == "0.0"


def test_a_loss_just_beyond_the_tolerance_looks_larger_than_it() -> None:
    assert row(baseline=30.0, current=29.498, change=-0.502, tolerance=0.5) == ["-0.502", "30.000", "29.498", "0.500"]


@given(
    change=st.floats(-5, 5),
    tolerance=st.floats(0.01, 5),
    low=st.floats(-9, 9),
    corrected=st.floats(-9, 9),
)
@settings(deadline=None)
def test_rounding_changes_no_side(change: float, tolerance: float, low: float, corrected: float) -> None:
    said = verdict(baseline=30.0, current=30.0 + change, change=change, tolerance=tolerance, low=low, high=9.0,
                   corrected_low=corrected, corrected_high=9.0)  # fmt: skip
    numbers = RowNumbers.of(said, "")
    shown = {value: float(numbers.change(value)) for value in (change, low, corrected, tolerance)}
    step = 10.0**-numbers.decimals
    # What is closer than the smallest step that is ever shown may look equal, and never further off.
    for value in (change, low):
        assert (shown[value] - shown[tolerance]) * (value - tolerance) >= 0
        assert shown[value] != shown[tolerance] or abs(value - tolerance) <= step
    assert shown[corrected] * corrected >= 0


@given(value=st.floats(0, 1))
@settings(deadline=None)
def test_a_p_value_is_shown_on_its_side_of_the_level(value: float) -> None:
    text = p_value(value)
    shown = 0.0009 if text == "<0.001" else float(text)
    assert (shown < ALPHA_METRICS) == (value < ALPHA_METRICS) or abs(value - ALPHA_METRICS) < 1e-6


def test_what_is_not_known_is_a_dash() -> None:
    numbers = RowNumbers("", 2)
    assert (numbers.value(None), numbers.change(None), p_value(None)) == ("–", "–", "–")


def test_a_bound_that_is_not_known_bounds_nothing() -> None:
    said = verdict(low=-1.0, high=None, corrected_low=None, corrected_high=-0.5, tolerance=0.5)
    assert RowNumbers.of(said, "").bounds(said) == "95% bounds -1.00 and +∞; corrected for all metrics -∞ and -0.50"
