from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdeval.comparison import wording
from sdeval.comparison.defects import UNMEASURED, DefectRates
from sdeval.comparison.requests import Change
from sdeval.results.records import SampleResult
from tests.conftest import ROOT, make_run

RATES = DefectRates(images=1000, defects={"black": 10})


@pytest.fixture
def broken() -> list[SampleResult]:
    samples = make_run(np.full((1, 2), 30.0)).samples
    return [replace(sample, defect="black", detail="no level above 0") for sample in samples]


def test_parts_that_are_empty_are_left_out_of_a_reason() -> None:
    assert wording.join("", "one", "", "two") == "one; two"


def test_every_changed_field_is_shown_old_and_new() -> None:
    changes = [Change("prompt", "a cat", "a dog"), Change("size", (512, 512), (768, 512)), Change("strength", 0.5, 0.7)]
    assert wording.changed_request(changes) == (
        'prompt changed: "a cat" → "a dog"; size changed: 512x512 → 768x512; strength changed: 0.5 → 0.7'
    )


def test_where_the_changed_field_is_not_known_all_that_it_may_be_are_named() -> None:
    assert wording.changed_request([]) == "the prompt, image, mask, strength or size differs from the baseline's"


def test_long_prompts_are_cut() -> None:
    assert len(wording.changed_request([Change("prompt", "a cat", "very " * 100)])) < 120


def test_the_defect_of_every_seed_is_named_and_how_often_it_is_usual(broken: list[SampleResult]) -> None:
    assert wording.broken_seeds(broken, RATES) == (
        "seeds 0, 1 are black (no level above 0); when nothing changed, 10 of 1000 images of this target were black"
    )


def test_where_no_defect_was_counted_the_command_that_counts_them_is_named(broken: list[SampleResult]) -> None:
    assert wording.broken_seeds(broken, UNMEASURED).endswith("sdeval calibrate measures how often")


def test_the_first_broken_images_are_named_and_all_are_counted(broken: list[SampleResult]) -> None:
    assert wording.broken_images(broken[:1]) == "1 broken image: case-0, seed 0 is black"
    assert wording.broken_images(broken * 3).startswith(
        "6 broken images: case-0, seed 0 is black, case-0, seed 1 is black"
    )
    assert wording.broken_images(broken * 3).count(" is black") == wording.MOST_NAMES


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ([], "no sample collapsed; 1 recovered"),
        (["a@0"], "1 of 8 samples collapsed in clip_score (1 recovered): a@0"),
        (list("abcd"), "4 of 8 samples collapsed in clip_score (1 recovered): a, b, c, d"),
        (list("abcdef"), "6 of 8 samples collapsed in clip_score (1 recovered): a, b, c, d and 2 more"),
    ],
)
def test_collapsed_samples_are_counted_and_the_first_are_named(names: list[str], reason: str) -> None:
    assert wording.collapsed_samples(names, 8, 1, "clip_score") == reason


@pytest.mark.parametrize(
    ("shared", "removed", "reason"),
    [
        (3, 0, ""),
        (2, 0, "on 2 of 3 cases, which both sides generated from the same request"),
        (3, 1, "without 1 case that the suite no longer has"),
    ],
)
def test_the_cases_that_a_metric_was_judged_on_are_counted(shared: int, removed: int, reason: str) -> None:
    assert wording.shared_part(shared, 3, removed) == reason


def test_the_suite_of_another_metric_is_named_where_it_is_another_one() -> None:
    assert wording.beyond_with_another("psnr").endswith("and psnr regressed")
    assert wording.beyond_with_another("psnr", "animals").endswith("and psnr in animals regressed")


def test_a_doubt_goes_before_what_chance_may_do() -> None:
    assert wording.perhaps_lost("") == "every seed of this case lost much; that may still be chance"
    assert wording.perhaps_lost(wording.ONE_SEED).endswith(wording.ONE_SEED)


def test_time_is_divided_among_the_stages_that_were_timed() -> None:
    assert (
        wording.time_per_stage({"encode": 1.0, "denoise": 3.0}, 10) == "text encoding 25%, denoising 75%; 300 ms a step"
    )


LACKING = {"a": "seed 0 has no image: the disk is full", "b": "seed 1: it failed"}


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (wording.missing_image(3, "it timed out"), "seed 3 has no image: it timed out"),
        (wording.missing_image_of_baseline(3, "it timed out"), "seed 3 has no image on the other side: it timed out"),
        (
            wording.lacking_cases(LACKING),
            "of 2 cases an image or a score is missing; seed 0 has no image: the disk is full",
        ),
        (
            wording.lacking_among_images(dict(list(LACKING.items())[1:])),
            "it looks at all images together, and of 1 case an image or a score is missing; seed 1: it failed",
        ),
        (wording.without_lacking(2), "without 2 cases of which an image or a score is missing"),
        (wording.unscored_seed(1, "it failed"), "seed 1: it failed"),
        (wording.new_seed(5), "the baseline does not have seed 5"),
        (
            wording.perhaps_lost_with_suite(""),
            "this case lost much, and so did the whole suite; its own seeds vary as much",
        ),
        (
            wording.perhaps_lost_with_suite(wording.ONE_SEED),
            f"this case lost much, and so did the whole suite; {wording.ONE_SEED}",
        ),
        (
            wording.not_significant("images changed", 0, 4, 3.0),
            "chance may explain it; images changed",
        ),
        (
            wording.not_significant("images changed", 3, 4, 3.0),
            "3 of 4 seeds lost over 3 x the tolerance; a case fails where all do; images changed",
        ),
        (wording.few_samples(16), "a rate is judged from 16 samples on"),
        (wording.unscored_samples(2, 48, "it failed"), "2 of 48 samples: it failed"),
        (wording.other_version("1 on cpu", "2"), "the baseline was scored by 1 on cpu, this run by 2"),
        (wording.only_rounding(0.1), "no sample changed by more than 10% of the tolerance"),
        (wording.gain_beside_losses(["psnr", "ssim"]), "look first: psnr, ssim regressed"),
        (wording.more_seeds_failed("out of memory"), "more seeds were needed to judge it: out of memory"),
        (
            wording.shared_part(2, 3, 2),
            "on 2 of 3 cases, which both sides generated from the same request; "
            "without 2 cases that the suite no longer has",
        ),
        (
            wording.no_speed_tolerance("cpu AMD"),
            "on cpu AMD: reported only (no tolerance set)",
        ),
        (wording.no_speed_record("1x GPU"), "on 1x GPU: no speed was accepted for this class of machine"),
        (
            wording.other_batch_size(4, 8),
            "generated in batches of 4, while the accepted speed is that of batches of 8",
        ),
        (wording.busy_machine("2 programs use it"), "not judged: 2 programs use it"),
        (wording.few_calls(1, 3), "only 1 pipeline call; it takes 3 to judge times"),
        (wording.few_pairs(4, 7), "only 4 pairs of calls; it takes 7 to show anything"),
        (wording.interleaved_change(-0.05, "other"), "-5.0% time a call, interleaved with other"),
        (
            wording.few_baseline_seeds(1, 3),
            "the baseline's 1 seed a case are too few to tell how much this case varies; "
            "set max_seeds=3 or more, and accept a run made with --sdeval-all-seeds",
        ),
    ],
)
def test_every_number_and_name_has_its_place_in_a_reason(reason: str, sentence: str) -> None:
    assert reason == sentence


def test_of_a_long_prompt_sixty_characters_are_shown() -> None:
    words = "a cat on a mat " * 20
    (shown,) = re.findall('→ "(.*)"', wording.changed_request([Change("prompt", "a dog", words)]))
    assert shown == "a cat on a mat a cat on a mat a cat on a mat a cat on a …"
    assert len(shown) <= 60


JUDGES = [*sorted((ROOT / "sdeval/comparison").glob("*.py")), ROOT / "sdeval/session/judging.py"]


def sentences(source: str) -> Iterator[str]:
    """Strings with spaces that are built where they are no docstring and no error message."""
    tree = ast.parse(source)
    raised = {id(part) for node in ast.walk(tree) if isinstance(node, ast.Raise) for part in ast.walk(node)}
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and id(node) not in raised | docstrings else None
        if isinstance(text, str) and text.strip().count(" ") >= 2:
            yield text


@pytest.mark.parametrize("path", JUDGES, ids=lambda path: path.stem)
def test_judges_build_no_sentences(path: Path) -> None:
    if path.name not in ("wording.py", "notes.py"):
        assert list(sentences(path.read_text(encoding="utf-8"))) == []


def test_a_sentence_in_a_judge_would_be_found() -> None:
    assert list(sentences('"""A docstring of a judge."""\nreason = f"seed {seed} is not here"')) == [" is not here"]
