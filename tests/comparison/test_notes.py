from __future__ import annotations

import math
from dataclasses import replace

import pytest

from sdeval.comparison import notes
from sdeval.comparison.undetectable import UndetectableLoss

LOSS = UndetectableLoss("clip_score", 10.0, 25.0, 1, 2, enough_cases=4, enough_seeds=8, baseline_seeds=4)


def test_a_gross_loss_that_cannot_be_shown_is_named_with_what_it_takes() -> None:
    assert notes.undetectable_loss(LOSS) == (
        "1 case and 2 seeds show a loss of clip_score only from 25 on, and so not even a gross loss of 10; "
        "that takes 4 cases or 8 seeds"
    )


def test_where_no_number_is_enough_more_cases_are_advised_and_a_baseline_that_shows_how_seeds_vary() -> None:
    loss = replace(LOSS, detectable=math.inf, enough_cases=None, enough_seeds=None, baseline_seeds=1)
    assert notes.undetectable_loss(loss) == (
        "1 case and 2 seeds cannot show any loss of clip_score, however large; "
        "give it more cases, and a baseline of at least 3 seeds"
    )


@pytest.mark.parametrize(("seeds", "advised"), [(2, True), (3, False)])
def test_a_baseline_of_more_seeds_is_advised_where_it_has_too_few(seeds: int, advised: bool) -> None:
    loss = replace(LOSS, enough_cases=None, enough_seeds=None, baseline_seeds=seeds)
    assert notes.undetectable_loss(loss).endswith("and a baseline of at least 3 seeds") == advised


def test_a_file_that_does_not_fit_is_named_with_all_causes_and_the_remedy() -> None:
    remedy = notes.measure_again("sdeval calibrate animals")
    causes = [notes.other_samples(["cases: 3 → 4"]), notes.other_generation(["dtype: float32 → float16"])]
    assert notes.variability_left_out("a.json", causes, remedy) == (
        "a.json is left out: the suite asks for other samples since (cases: 3 → 4) and "
        "the baseline was generated in another way (dtype: float32 → float16); measure again: sdeval calibrate animals"
    )


def test_metrics_that_do_not_fit_are_named_with_what_changed() -> None:
    assert notes.metrics_left_out("a.json", {"psnr": "version: 1 → 2", "ssim": "version: 3 → 4"}, "do it") == (
        "a.json: the variability of psnr (version: 1 → 2), ssim (version: 3 → 4) is left out; do it"
    )


def test_where_nothing_is_known_to_differ_all_that_it_may_be_are_named() -> None:
    assert "(prompts, images, strength or size)" in notes.other_samples([])
