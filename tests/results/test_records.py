"""What is known of samples and metrics."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.conftest import CLIP_SCORE


@pytest.mark.parametrize(("higher_is_better", "sign"), [(True, 1), (False, -1)])
def test_the_sign_of_a_metric_turns_a_change_into_a_gain(higher_is_better: bool, sign: int) -> None:
    assert replace(CLIP_SCORE, higher_is_better=higher_is_better).sign == sign
