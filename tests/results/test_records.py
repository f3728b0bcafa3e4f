"""What is known of samples and metrics."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from sdeval.results.records import SampleResult, Timing, TimingLine
from tests.conftest import CLIP_SCORE


@pytest.mark.parametrize(("higher_is_better", "sign"), [(True, 1), (False, -1)])
def test_the_sign_of_a_metric_turns_a_change_into_a_gain(higher_is_better: bool, sign: int) -> None:
    assert replace(CLIP_SCORE, higher_is_better=higher_is_better).sign == sign


SAMPLE = SampleResult(case="cat", seed=3, prompt="a cat", fingerprint="1", sha256="2", image="images/cat@3.png")


@pytest.mark.parametrize(("width", "height", "size"), [(64, 32, (64, 32)), (0, 32, None), (64, 0, None), (0, 0, None)])
def test_a_size_is_known_where_both_edges_are(width: int, height: int, size: tuple[int, int] | None) -> None:
    assert replace(SAMPLE, width=width, height=height).size == size


def test_why_a_metric_can_say_nothing_is_the_missing_image_or_its_own_reason() -> None:
    assert SAMPLE.reason_without("psnr") == ""
    failed = replace(SAMPLE, reasons={"psnr": "identical images"})
    assert (failed.reason_without("psnr"), failed.reason_without("ssim")) == ("identical images", "")
    assert replace(failed, failure="the disk is full").reason_without("psnr") == "no image: the disk is full"


def test_a_line_of_times_says_of_which_sample_they_are() -> None:
    timing = Timing(call=2, seconds=0.5, encode=0.1, denoise=0.3, decode=0.1, steps=20, warming=True)
    line = TimingLine(case="cat", seed=3, **asdict(timing))
    assert (line.key, line.timing) == (("cat", 3), timing)
