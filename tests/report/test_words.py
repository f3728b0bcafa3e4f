"""How a session is said in one line, and what it is called good or bad by."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from sdeval.comparison import KINDS, Kind, Verdict
from sdeval.report.words import (
    bounds,
    case_text,
    counted,
    doubts,
    headline,
    notes_on_target_defects,
    sentence,
    sign,
    tone,
)

BASE = Verdict(suite="animals", target="tiny", metric="clip_score", case="", verdict="passed")
BEYOND = replace(BASE, verdict="inconclusive", baseline=30.0, current=25.0, change=-5.0, tolerance=1.25)
WITHIN = replace(BEYOND, current=29.5, change=-0.5)
GAIN = replace(BEYOND, current=35.0, change=5.0)
CASE = replace(BEYOND, case="cat")


def of(*kinds: Kind) -> list[Verdict]:
    return [replace(BASE, verdict=kind) for kind in kinds]


@pytest.mark.parametrize(
    ("kinds", "said", "how"),
    [
        (("broken",), "Broken images: 1 broken", "bad"),
        (("broken", "new", "informational"), "Broken images: 1 broken", "bad"),
        (("broken", "unscored", "new"), "Broken images: 1 broken, 1 unscored", "bad"),
        (("broken", "passed"), "Something got worse: 1 broken", "bad"),
        (("broken", "not_comparable"), "Something got worse: 1 broken, 1 not comparable", "bad"),
        (("regressed", "not_comparable"), "Something got worse: 1 regressed, 1 not comparable", "bad"),
        (("not_comparable", "passed"), "Not everything could be judged: 1 not comparable", "bad"),
        (("unscored", "new", "passed"), "Not everything could be judged: 1 unscored", "bad"),
        (("new", "new"), "Nothing to compare with yet: 2 new", "open"),
        (("new", "improved"), "Nothing got worse; 1 new", "good"),
        (("passed", "skipped"), "Nothing got worse; 1 skipped", "good"),
        (("inconclusive",), "Nothing could be decided: 1 inconclusive", "open"),
        (("inconclusive", "informational", "skipped"), "Nothing could be decided: 1 inconclusive, 1 skipped", "open"),
        (("informational",), "Nothing was judged: 1 informational", "open"),
        (("skipped", "informational"), "Nothing was judged: 1 skipped", "open"),
        (("skipped", "new"), "Nothing to compare with yet: 1 new, 1 skipped", "open"),
        (("passed", "not_significant"), "Nothing got worse; 1 with as many broken images as usual", "good"),
        ((), "Nothing was judged: no case", "open"),
    ],
)
def test_every_mix_of_verdicts_has_its_line_and_tone(kinds: tuple[Kind, ...], said: str, how: str) -> None:
    assert (headline(of(*kinds)), tone(of(*kinds))) == (said, how)


def test_what_is_new_is_bad_only_where_it_is_strict() -> None:
    assert (headline(of("new"), strict=True), tone(of("new"), strict=True)) == (
        "Nothing to compare with yet: 1 new",
        "bad",
    )
    assert headline(of("new", "passed"), strict=True) == "Not everything could be judged: 1 new"


def test_a_metric_that_is_perhaps_worse_is_amber_and_named() -> None:
    verdicts = [BASE, BEYOND]
    assert headline(verdicts) == "Perhaps worse: clip_score of animals (-5.00, tolerance 1.25)"
    assert (tone(verdicts), sign(verdicts)) == ("warn", "~")


def test_the_worst_of_several_is_named_and_the_others_are_counted() -> None:
    verdicts = [BEYOND, replace(BEYOND, metric="sharpness", change=-9.0), replace(BEYOND, metric="noise", change=-6.0)]
    assert headline(verdicts) == "Perhaps worse: sharpness of animals (-9.00, tolerance 1.25) and 2 more"


def test_a_metric_is_named_before_a_case_that_fell_further() -> None:
    verdicts = [replace(CASE, change=-20.0), BEYOND]
    assert [each.case for each in doubts(verdicts)] == ["", "cat"]
    assert headline(verdicts) == "Perhaps worse: clip_score of animals (-5.00, tolerance 1.25) and 1 more"


def test_a_case_that_fell_far_is_amber_and_named_with_its_metric() -> None:
    assert headline([BASE, CASE]) == "Perhaps worse: cat clip_score of animals (-5.00, tolerance 1.25)"


def test_broken_images_of_a_target_without_a_baseline_are_not_worse_than_anything() -> None:
    first = [replace(BASE, target="other", verdict=kind) for kind in ("broken", "new")]
    assert headline([BASE, *first]) == "Broken images: 1 broken"
    assert headline([BASE, replace(BASE, verdict="broken"), *first]) == "Something got worse: 2 broken"


def test_cases_beyond_a_tolerance_are_amber_though_chance_explains_them() -> None:
    verdicts = [BASE, replace(CASE, verdict="not_significant")]
    assert headline(verdicts) == "No regression is shown; 1 case beyond tolerance, not significant"
    assert (tone(verdicts), sign(verdicts)) == ("warn", "~")


def _verdicts() -> SearchStrategy[Verdict]:
    values = {"change": st.none() | st.floats(-9, 9), "tolerance": st.none() | st.floats(0, 3)}
    names = {"suite": st.sampled_from("ab"), "target": st.sampled_from("cd"), "case": st.sampled_from(["", "cat"])}
    return st.builds(
        lambda kind, fatal, better, fields: replace(
            BASE, verdict=kind, fatal=fatal and kind == "inconclusive", higher_is_better=better, **fields
        ),
        st.sampled_from(KINDS),
        st.booleans(),
        st.booleans(),
        st.fixed_dictionaries({**names, **values}),
    )


@given(st.lists(_verdicts(), max_size=6), st.booleans())
def test_nothing_is_green_where_something_is_worse_or_undecided_beyond_its_tolerance(
    verdicts: list[Verdict], strict: bool
) -> None:
    undecided = ("inconclusive", "not_significant")
    beyond = any(verdict.verdict in undecided and verdict.loss > 1 for verdict in verdicts)
    failed = any(verdict.fails(strict=strict) for verdict in verdicts)
    how, line = tone(verdicts, strict=strict), headline(verdicts, strict=strict)
    assert (how == "bad") == failed
    assert not (how == "good" and beyond)
    assert line.startswith("Nothing got worse") == (how == "good")
    assert line.startswith(("Perhaps worse", "No regression is shown")) == (how == "warn")


@given(st.lists(_verdicts(), max_size=6))
def test_something_got_worse_only_where_there_was_something_to_be_worse_than(verdicts: list[Verdict]) -> None:
    if headline(verdicts).startswith("Something got worse"):
        assert any(
            verdict.verdict not in ("broken", "new", "unscored", "informational", "skipped") for verdict in verdicts
        )


def test_a_case_is_explained_in_plain_words() -> None:
    lost = replace(CASE, verdict="regressed", n=4, reason="every seed lost much")
    assert case_text(lost, "points", 4) == (
        "clip_score 30.00 → 25.00, worse by 5.00 points, 4.0 times its tolerance. Every seed lost much."
    )
    gain = replace(CASE, verdict="passed", current=31.0, change=1.0, n=2, reason="images changed")
    assert case_text(gain, "", 4) == (
        "clip_score 30.00 → 31.00, better by 1.00. Images changed. Judged by 2 of 4 seeds."
    )
    assert case_text(replace(CASE, change=-0.5, current=29.5), "", 4).endswith("worse by 0.5, within its tolerance.")
    assert case_text(replace(BASE, metric="defect", reason="identical images"), "", 4) == "Identical images."


@pytest.mark.parametrize("verdict", [WITHIN, GAIN])
def test_what_is_within_its_tolerance_or_better_is_not_amber(verdict: Verdict) -> None:
    assert tone([BASE, verdict]) == "good"
    assert headline([BASE, verdict]).startswith("Nothing got worse; 1 ")


def test_a_loss_beyond_a_tolerance_of_nothing_is_amber() -> None:
    assert tone([BASE, replace(BEYOND, tolerance=0.0)]) == "warn"


@pytest.mark.parametrize("worse", ["broken", "regressed", "unscored", "not_comparable"])
def test_what_fails_is_told_before_what_is_perhaps_worse(worse: Kind) -> None:
    verdicts = [BEYOND, *of(worse)]
    assert tone(verdicts) == "bad"
    assert "Perhaps" not in headline(verdicts)


def test_where_proof_is_request_for_a_loss_that_is_not_excluded_is_bad() -> None:
    verdicts = [BASE, replace(WITHIN, fatal=True)]
    assert (headline(verdicts), tone(verdicts)) == ("A loss is not excluded: 1 inconclusive", "bad")
    assert sign(verdicts) == "✗"


def test_proof_that_is_missing_beside_a_regression_is_counted_with_it() -> None:
    verdicts = [*of("regressed"), replace(WITHIN, fatal=True)]
    assert headline(verdicts) == "Something got worse: 1 regressed, 1 inconclusive"


def test_counts_are_plain_words_worst_first() -> None:
    assert counted(of("passed", "not_significant", "broken", "passed")) == "1 broken, 1 not significant, 2 passed"


def test_bounds_are_told_as_far_as_they_are_known() -> None:
    assert bounds(BEYOND) == ""
    known = replace(BEYOND, low=-7.0, high=-3.0)
    assert bounds(known) == "95% bounds -7.00 and -3.00"
    corrected = replace(known, corrected_low=-9.0, corrected_high=-1.0)
    assert bounds(corrected) == "95% bounds -7.00 and -3.00; corrected -9.00 and -1.00"


def test_a_sentence_has_everything_that_a_verdict_rests_on() -> None:
    said = replace(BEYOND, low=-7.0, high=-3.0, p_value=0.02, n=8, variability=2.5, reason="too few")
    assert sentence(said) == (
        "clip_score 30.00 → 25.00 (-5.00, tolerance 1.25; 95% bounds -7.00 and -3.00; 2.0 × seed variability; "
        "p 0.020, n=8): too few"
    )


def test_broken_images_that_the_target_makes_by_itself_are_named() -> None:
    reason = "seed 2 is uniform (grey); by itself the target makes 2 of 384 images uniform"
    blank = Verdict(suite="a", target="b", metric="defect", case="cat", verdict="not_significant", reason=reason)
    assert notes_on_target_defects([blank, replace(blank, metric="clip_score")]) == [
        "a on b: 1 case with broken images, no more than the target makes by itself: cat (seed 2 is uniform (grey))"
    ]
