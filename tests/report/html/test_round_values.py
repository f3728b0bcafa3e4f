"""Round values for the axes of plots."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sdeval.report.html.round_values import round_values


@given(st.floats(-1e4, 1e4), st.floats(1e-6, 1e6), st.integers(3, 8))
def test_round_values_lie_on_the_scale_and_are_few(lengths: float, length: float, most: int) -> None:
    low = lengths * length
    high = low + length
    values = [value for value, _ in round_values(low, high, most)]
    assert len(values) <= most + 1
    assert all(low - 1e-6 * length <= value <= high + 1e-6 * length for value in values)
    assert len(set(values)) == len(values)
