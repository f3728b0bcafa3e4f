"""Which metric sees which fault: what is committed is what a measurement gives."""

from __future__ import annotations

import pytest

from benchmarks import metric_faults
from benchmarks.metric_faults import BENCHES, CONTROL, SAYS, measure, signs_bench
from sdeval import SdevalError, metrics
from sdeval.diagnostics import known_faults
from sdeval.diagnostics.faults import FAULTS
from sdeval.diagnostics.known_faults import Loss, metrics_that_see

KNOWN = known_faults.load()
CHEAP = ("objects", "clip_score", "sharpness", "noise", "psnr", "directional_clip", "seam", "outside_change")


def test_every_metric_of_images_is_measured_or_says_why_not() -> None:
    ours = {info.name for info in metrics.documented()} - set(metrics.OF_EVERY_SUITE)
    assert set(KNOWN.measured) | set(KNOWN.not_measured) == ours
    assert not set(KNOWN.measured) & set(KNOWN.not_measured)
    assert all(KNOWN.not_measured.values())


def test_every_fault_says_what_it_is() -> None:
    assert {fault for one in KNOWN.measured.values() for fault in one.losses} == set(KNOWN.faults) == set(SAYS)


def test_faults_of_a_name_that_sensitivity_plants_are_the_same() -> None:
    shared = set(SAYS) & set(FAULTS)
    assert shared >= {"letters-swapped", "text-removed", "object-removed", "object-recoloured", "blur", "seeds-ignored"}


def test_tolerances_and_units_are_those_of_today() -> None:
    for name, measured in KNOWN.measured.items():
        info = metrics.info(name)
        share = abs(measured.sound) if info.tolerance_is_relative else 1.0
        assert measured.tolerance == pytest.approx(info.tolerance * share if info.gating else 0.0, rel=1e-2)
        assert measured.unit == info.unit


def test_a_fault_is_seen_where_its_interval_lies_above_the_tolerance() -> None:
    for measured in KNOWN.measured.values():
        for loss in measured.losses.values():
            assert loss.low <= loss.loss <= loss.high
            expected = True if loss.low > measured.tolerance else False if loss.high <= measured.tolerance else None
            assert loss.seen is expected


def test_metrics_that_judge_do_not_see_what_is_no_fault() -> None:
    assert metrics_that_see(CONTROL) == ()


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("letters-swapped", {"text_accuracy", "text_word_recall"}),
        ("text-misspelt", {"text_accuracy", "text_word_recall"}),
        ("stray-text", {"spurious_text"}),
        ("object-removed", {"objects", "clip_score"}),
        ("object-recoloured", {"objects", "clip_score"}),
        ("seeds-ignored", {"diversity"}),
        ("half-the-same", {"duplicates", "coverage", "frechet_distance"}),
        ("mask-ignored", {"outside_change"}),
    ],
)
def test_metrics_see_what_they_are_meant_to_see(fault: str, expected: set[str]) -> None:
    assert expected <= set(metrics_that_see(fault))


def agrees(small: Loss, committed: Loss) -> bool:
    """Neither the opposite verdict, nor intervals that are apart."""
    opposite = {small.seen, committed.seen} == {True, False}
    return not opposite and small.low <= committed.high and committed.low <= small.high


@pytest.mark.parametrize("name", CHEAP)
def test_a_smaller_measurement_agrees_with_what_is_committed(name: str) -> None:
    committed = KNOWN.measured[name]
    small = measure(name, cases=10)
    assert set(small.losses) == set(committed.losses)
    apart = {fault for fault, loss in small.losses.items() if not agrees(loss, committed.losses[fault])}
    assert not apart


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in KNOWN.measured if name not in CHEAP])
def test_the_smaller_measurement_of_the_others_agrees_too(name: str) -> None:
    if name in ("text_accuracy", "text_word_recall", "spurious_text"):
        pytest.importorskip("rapidocr")
    committed = KNOWN.measured[name]
    small = measure(name, cases=12, set_count=3)
    assert not {fault for fault, loss in small.losses.items() if not agrees(loss, committed.losses[fault])}


def test_the_agreement_can_fail() -> None:
    committed = Loss(n=48, loss=5.0, low=4.0, high=6.0, seen=True)
    assert agrees(Loss(n=10, loss=5.5, low=2.0, high=9.0, seen=None), committed)
    assert not agrees(Loss(n=10, loss=0.0, low=0.0, high=0.0, seen=False), committed)
    assert not agrees(Loss(n=10, loss=9.0, low=8.0, high=10.0, seen=True), committed)


@pytest.mark.parametrize("name", [name for name in BENCHES if name != "signs"])
def test_every_fault_changes_images_and_the_same_cases_are_asked(name: str) -> None:
    bench = BENCHES[name](4)
    for fault, pictures in bench.faulty.items():
        assert [one.case.id for one in pictures] == [one.case.id for one in bench.sound], fault
        assert any(a.image.tobytes() != b.image.tobytes() for a, b in zip(pictures, bench.sound, strict=True)), fault


def test_every_misspelt_word_is_another_one() -> None:
    pytest.importorskip("rapidocr")
    bench = signs_bench(len(metric_faults.WORDS))
    misspelt = bench.faulty["text-misspelt"]
    assert all(a.image.tobytes() != b.image.tobytes() for a, b in zip(misspelt, bench.sound, strict=True))


def test_a_metric_without_weights_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str, cases: int) -> None:
        raise SdevalError("no weights")

    monkeypatch.setattr(metric_faults, "measure", missing)
    result = metric_faults.measure_all(["sharpness", "nsfw_rate"], 2)
    assert not result.measured
    assert result.not_measured["sharpness"].startswith("needs weights that could not be had where this was written")
    assert "checker" in result.not_measured["nsfw_rate"]
