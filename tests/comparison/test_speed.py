from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sdeval.comparison import Kind, Verdict, wording
from sdeval.comparison.speed import (
    ALPHA_SPEED,
    LatencyStats,
    SpeedRecord,
    judge_interleaved,
    judge_with_record,
    seconds_per_image,
    speed_record_of,
)
from sdeval.results.records import Timing
from sdeval.results.run import WORKERS, Run
from tests.conftest import make_run

GPU = {"hardware": "1x GPU"}


def timed(seconds: float, hardware: str = "1x GPU", memory: int = 1000, **changes: object) -> Run:
    """Ten calls of two images, the first of them slow."""
    run = make_run(np.ones((10, 2)), generated_by={"batch_size": 2})
    stages = {"encode": 0.1 * seconds, "denoise": 0.8 * seconds, "decode": 0.1 * seconds, "steps": 10}
    timings = {
        sample.key: Timing(call=row // 2, seconds=9.0 if row < 2 else seconds, warming=row < 2, **stages)
        for row, sample in enumerate(run.samples)
    }
    facts = {"environment": {"hardware": hardware}, "peak_memory_bytes": memory * 2**20}
    return replace(run, **{"timings": timings, **facts, **changes})


def judge(run: Run, stored: Run | None, metric: str = "seconds_per_image", **changes: object) -> Verdict:
    given = {"stated": None, "busy": "", **changes}
    return judge_with_record(run, metric, speed_record_of(stored) if stored else None, **given)


def test_calls_are_counted_once_and_without_the_one_that_warmed_up() -> None:
    assert seconds_per_image(timed(0.5)) == [0.5] * 9


def test_where_all_calls_warmed_up_they_are_all_there_is() -> None:
    run = timed(0.5)
    cold = {key: replace(each, warming=True) for key, each in run.timings.items()}
    assert len(seconds_per_image(replace(run, timings=cold))) == 10


def test_a_run_without_times_has_no_speed_record() -> None:
    assert speed_record_of(make_run(np.ones((2, 2)))) is None
    assert judge(make_run(np.ones((2, 2))), None).reason.startswith("nothing was timed")


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(0.5, "passed"), (0.54, "passed"), (0.56, "regressed"), (0.44, "improved")]
)
def test_speed_is_judged_by_a_tolerance_on_the_same_class_of_machine(seconds: float, verdict: str) -> None:
    said = judge(timed(seconds), timed(0.5))
    assert (said.verdict, said.tolerance, said.baseline) == (verdict, pytest.approx(0.05), 0.5)


def test_a_few_milliseconds_are_nothing_whatever_share_they_are() -> None:
    assert judge(timed(0.012), timed(0.008)).verdict == "passed"


@pytest.mark.parametrize(("memory", "verdict"), [(1010, "passed"), (1100, "regressed"), (900, "improved")])
def test_memory_is_judged_too(memory: int, verdict: str) -> None:
    assert judge(timed(0.5, memory=memory), timed(0.5), "peak_memory").verdict == verdict


@pytest.mark.parametrize("seconds", [0.25, 0.75])
def test_a_change_of_exactly_the_tolerance_passes(seconds: float) -> None:
    assert judge(timed(seconds), timed(0.5), stated=0.5).verdict == "passed"


def test_interleaved_both_times_are_told_and_how_far_they_differ() -> None:
    verdict = judge_interleaved(timed(0.6), timed(0.5), "seconds_per_image", "")
    assert (verdict.current, verdict.baseline, verdict.n) == (0.6, 0.5, 9)
    assert (verdict.change, verdict.tolerance) == (pytest.approx(0.1), pytest.approx(0.025))


@pytest.mark.parametrize(("seconds", "verdict"), [(0.6, "regressed"), (0.4, "improved")])
def test_interleaved_the_p_value_is_that_of_as_many_equal_signs(seconds: float, verdict: str) -> None:
    judged = judge_interleaved(timed(seconds), timed(0.5), "seconds_per_image", "")
    assert (judged.verdict, judged.p_value) == (verdict, 0.5**9)


def uneven(run: Run) -> Run:
    """The run with calls that take half as long and twice as long in turn."""
    timings = {
        key: replace(timing, seconds=timing.seconds * (2.0 if timing.call % 2 else 0.5))
        for key, timing in run.timings.items()
    }
    return replace(run, timings=timings)


@pytest.mark.parametrize(("calls", "few"), [(6, True), (7, False)])
def test_interleaved_seven_pairs_are_not_called_few(calls: int, few: bool) -> None:
    verdict = judge_interleaved(uneven(first_calls(timed(0.5), calls)), timed(0.5), "seconds_per_image", "")
    assert verdict.verdict == "inconclusive"
    assert ("pairs of calls; it takes 7" in verdict.reason) == few


def test_interleaved_a_call_that_took_no_time_is_left_out() -> None:
    run = timed(0.6)
    last = {key: replace(timing, seconds=0.0) for key, timing in run.timings.items() if timing.call == 9}
    verdict = judge_interleaved(replace(run, timings={**run.timings, **last}), timed(0.5), "seconds_per_image", "")
    assert (verdict.n, verdict.verdict) == (8, "regressed")


def test_interleaved_what_else_uses_the_machine_is_told() -> None:
    verdict = judge_interleaved(timed(0.6), timed(0.5), "seconds_per_image", "the GPU is shared")
    assert verdict.reason == "+20.0% time a call, interleaved with tiny; the GPU is shared"


def test_more_time_and_more_memory_are_losses(rng: np.random.Generator) -> None:
    verdicts = (
        judge(timed(0.6), timed(0.5)),
        judge(timed(0.5, memory=1100), timed(0.5), "peak_memory"),
        interleaved(rng, 1.3),
    )
    assert [verdict.loss > 1 for verdict in verdicts] == [True] * 3


@pytest.mark.parametrize(
    ("run", "stored", "changes", "reason"),
    [
        (timed(5.0), None, {}, "no speed was accepted for this class of machine"),
        (timed(5.0, "cpu AMD"), timed(0.5, "cpu AMD"), {}, "reported only (no tolerance set)"),
        (
            timed(5.0),
            timed(0.5, generated_by={"batch_size": 1}),
            {},
            "the accepted speed is that of batches of 1",
        ),
        (timed(5.0), timed(0.5), {"busy": "the GPU is shared with 2 programs"}, "not judged: the GPU is shared"),
    ],
)
def test_what_cannot_be_judged_is_told_with_the_reason(
    run: Run, stored: Run | None, changes: dict[str, object], reason: str
) -> None:
    said = judge(run, stored, **changes)
    assert said.verdict == "informational"
    assert reason in said.reason


def test_a_processor_is_judged_by_what_the_suite_states() -> None:
    assert judge(timed(0.7, "cpu AMD"), timed(0.5, "cpu AMD"), stated=0.5).verdict == "passed"
    assert judge(timed(0.8, "cpu AMD"), timed(0.5, "cpu AMD"), stated=0.5).verdict == "regressed"


def test_few_calls_are_not_judged() -> None:
    few = timed(5.0)
    few = replace(few, timings=dict(list(few.timings.items())[:6]))
    assert "only 2 pipeline calls; it takes 3 to judge times" in judge(few, timed(0.5)).reason


def first_calls(run: Run, count: int) -> Run:
    """The run with the call that warmed up and so many further ones."""
    return replace(run, timings=dict(list(run.timings.items())[: 2 * (count + 1)]))


def test_three_calls_are_judged() -> None:
    assert judge(first_calls(timed(5.0), 3), timed(0.5)).verdict == "regressed"


def test_where_the_time_went_is_told() -> None:
    assert "text encoding 10%, denoising 80%, VAE decoding 10%; 40 ms a step" in judge(timed(0.5), timed(0.5)).reason


def test_a_speed_record_says_how_it_was_measured() -> None:
    speed = speed_record_of(timed(0.5))
    assert isinstance(speed, SpeedRecord)
    assert (speed.batch_size, speed.seconds.n, speed.memory, speed.environment) == (2, 9, 1000.0, GPU)


def interleaved(rng: np.random.Generator, times: float, calls: int = 12) -> Verdict:
    """Two targets on a machine that is slowed now and then; one takes so many times as long."""

    def run(factor: float, slowed: np.ndarray) -> Run:
        made = make_run(np.ones((calls, 1)))
        seconds = factor * slowed * rng.lognormal(0, 0.04, calls)
        timings = {
            each.key: Timing(call=row, seconds=float(seconds[row]), warming=row == 0)
            for row, each in enumerate(made.samples)
        }
        return replace(made, timings=timings)

    slowed = 1 + (rng.random(calls) < 0.3) * rng.random(calls) * 5
    return judge_interleaved(run(times, slowed), run(1.0, slowed), "seconds_per_image", "")


def test_interleaved_a_slower_target_is_found_on_a_machine_that_others_slow(rng: np.random.Generator) -> None:
    said = interleaved(rng, 1.3)
    assert said.verdict == "regressed"
    assert "time a call, interleaved with tiny" in said.reason
    assert interleaved(rng, 0.7).verdict == "improved"


def test_interleaved_equally_fast_targets_are_called_slower_as_rarely_as_stated() -> None:
    rng = np.random.default_rng(5)
    verdicts = [interleaved(rng, 1.0).verdict for _ in range(400)]
    assert verdicts.count("regressed") / 400 <= 2 * ALPHA_SPEED
    assert verdicts.count("passed") / 400 > 0.8


def test_interleaved_few_calls_show_nothing(rng: np.random.Generator) -> None:
    said = interleaved(rng, 3.0, calls=5)
    assert said.verdict == "inconclusive"
    assert "only 4 pairs of calls; it takes 7 to show anything" in said.reason


def test_interleaved_memory_is_reported_only(rng: np.random.Generator) -> None:
    said = judge_interleaved(timed(0.5), timed(0.5), "peak_memory", "")
    assert (said.verdict, said.reason) == ("informational", "reported only, as both targets ran in one process")


def test_interleaved_without_times_nothing_is_judged() -> None:
    plain = make_run(np.ones((4, 1)))
    assert judge_interleaved(plain, plain, "seconds_per_image", "").reason == "nothing was timed"


def row(metric: str, kind: Kind, **values: object) -> Verdict:
    unit = {"seconds_per_image": "s", "peak_memory": "MiB"}[metric]
    return Verdict(suite="animals", target="tiny", metric=metric, case="", verdict=kind, unit=unit, **values)


STAGES = "text encoding 10%, denoising 80%, VAE decoding 10%; 40 ms a step"


def test_the_row_of_a_speed_that_is_judged() -> None:
    assert judge(timed(0.5), timed(0.4)) == row(
        "seconds_per_image",
        "regressed",
        baseline=0.4,
        current=0.5,
        change=pytest.approx(0.1),
        tolerance=pytest.approx(0.04),
        higher_is_better=False,
        n=9,
        reason=STAGES,
    )


def test_the_row_of_memory_that_is_judged() -> None:
    assert judge(timed(0.5, memory=900), timed(0.5), "peak_memory") == row(
        "peak_memory",
        "improved",
        baseline=1000.0,
        current=900.0,
        change=-100.0,
        tolerance=50.0,
        higher_is_better=False,
        n=1,
    )


def test_the_row_of_a_speed_that_nothing_was_accepted_for_has_its_value() -> None:
    assert judge(timed(0.5), None) == row(
        "seconds_per_image",
        "informational",
        current=0.5,
        higher_is_better=False,
        n=9,
        reason=f"{wording.no_speed_record('1x GPU')}; {STAGES}",
    )


def test_the_row_of_a_run_that_was_not_timed_has_no_value() -> None:
    assert judge(make_run(np.ones((2, 2))), None) == row(
        "seconds_per_image", "informational", higher_is_better=False, n=1, reason=wording.NOT_TIMED
    )


@pytest.mark.parametrize(("before", "after", "kind"), [(100, 131, "passed"), (100, 133, "regressed")])
def test_up_to_32_mib_of_memory_are_no_change(before: int, after: int, kind: Kind) -> None:
    assert judge(timed(0.5, memory=after), timed(0.5, memory=before), "peak_memory").verdict == kind


@pytest.mark.parametrize(("after", "kind"), [(0.0149, "passed"), (0.0151, "regressed")])
def test_up_to_five_milliseconds_are_no_change(after: float, kind: Kind) -> None:
    assert judge(timed(after), timed(0.01)).verdict == kind


@pytest.mark.parametrize(("memory", "kind"), [(1049, "passed"), (1051, "regressed")])
def test_a_twentieth_more_memory_is_allowed(memory: int, kind: Kind) -> None:
    assert judge(timed(0.5, memory=memory), timed(0.5), "peak_memory").verdict == kind


def test_memory_is_judged_on_a_busy_machine_and_of_few_calls() -> None:
    few = first_calls(timed(0.5, memory=2000), 1)
    assert judge(few, timed(0.5), "peak_memory", busy="2 programs").verdict == "regressed"


def test_two_accepted_calls_are_too_few() -> None:
    assert "only 2 pipeline calls" in judge(timed(0.5), first_calls(timed(0.5), 2)).reason


def test_a_run_that_does_not_name_its_machine_is_judged() -> None:
    assert judge(timed(0.9, environment={}), timed(0.5)).verdict == "regressed"
    assert "on this machine: no speed was accepted" in judge(timed(0.9, environment={}), None).reason


def test_a_run_without_a_batch_size_generated_one_at_a_time() -> None:
    speed = speed_record_of(timed(0.5, generated_by={}))
    assert speed is not None
    assert speed.batch_size == 1


def test_of_calls_that_all_warmed_up_stages_are_told_as_well() -> None:
    run = timed(0.5)
    cold = {key: replace(timing, warming=True, seconds=0.5) for key, timing in run.timings.items()}
    assert judge(replace(run, timings=cold), timed(0.5)).reason.endswith(STAGES)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"encode": None}, "denoising 89%, VAE decoding 11%; 40 ms a step"),
        ({"denoise": None}, ""),
        ({"denoise": 0.0}, ""),
        ({"steps": None}, "text encoding 10%, denoising 80%, VAE decoding 10%; 400 ms a step"),
    ],
)
def test_stages_that_were_not_timed_are_not_told(changes: dict[str, object], reason: str) -> None:
    run = timed(0.5)
    timings = {key: replace(timing, **changes) for key, timing in run.timings.items()}
    assert judge(replace(run, timings=timings), timed(0.5)).reason == reason


def test_a_stage_that_a_single_call_does_not_tell_is_not_told() -> None:
    run = timed(0.5)
    last = {key: replace(timing, decode=None) for key, timing in run.timings.items() if timing.call == 9}
    reason = judge(replace(run, timings={**run.timings, **last}), timed(0.5)).reason
    assert reason == "text encoding 11%, denoising 89%; 40 ms a step"


def test_the_row_of_two_interleaved_targets() -> None:
    assert judge_interleaved(timed(0.6), timed(0.5), "seconds_per_image", "") == row(
        "seconds_per_image",
        "regressed",
        baseline=0.5,
        current=0.6,
        change=pytest.approx(0.1),
        tolerance=pytest.approx(0.025),
        higher_is_better=False,
        p_value=0.5**9,
        n=9,
        reason="+20.0% time a call, interleaved with tiny",
    )


def test_the_row_of_the_memory_of_interleaved_targets_has_nothing_to_compare_with() -> None:
    assert judge_interleaved(timed(0.6), timed(0.5), "peak_memory", "") == row(
        "peak_memory", "informational", current=1000.0, higher_is_better=False, reason=wording.SHARED_PROCESS
    )


@pytest.mark.parametrize("untimed", ["run", "rival"])
def test_interleaved_what_one_side_did_not_time_is_not_judged(untimed: str) -> None:
    plain = make_run(np.ones((10, 2)))
    run, rival = (plain if side == untimed else timed(0.5) for side in ("run", "rival"))
    verdict = judge_interleaved(run, rival, "seconds_per_image", "")
    assert (verdict.verdict, verdict.reason) == ("informational", wording.NOT_TIMED)
    assert (verdict.current, verdict.baseline) == ((None, 0.5) if untimed == "run" else (0.5, None))


@pytest.mark.parametrize(
    ("seconds", "kind"), [(0.524, "passed"), (0.526, "regressed"), (0.476, "passed"), (0.474, "improved")]
)
def test_interleaved_less_than_a_twentieth_is_no_difference(seconds: float, kind: Kind) -> None:
    assert judge_interleaved(timed(seconds), timed(0.5), "seconds_per_image", "").verdict == kind


@pytest.mark.parametrize("side", ["run", "rival"])
def test_interleaved_calls_of_either_side_that_took_no_time_or_warmed_up_are_left_out(side: str) -> None:
    slow, fast = timed(0.6), timed(0.5)
    changed = slow if side == "run" else fast
    odd = {key: replace(t, seconds=0.0) for key, t in changed.timings.items() if t.call == 9}
    cold = {key: replace(t, warming=True) for key, t in changed.timings.items() if t.call == 8}
    changed = replace(changed, timings={**changed.timings, **odd, **cold})
    run, rival = (changed, fast) if side == "run" else (slow, changed)
    verdict = judge_interleaved(run, rival, "seconds_per_image", "")
    assert (verdict.n, verdict.p_value) == (7, 0.5**7)


def test_interleaved_samples_that_only_one_side_has_are_left_out() -> None:
    run = timed(0.6)
    verdict = judge_interleaved(run, first_calls(timed(0.5), 7), "seconds_per_image", "")
    assert verdict.n == 7


def test_speeds_are_kept_to_a_ten_thousandth() -> None:
    assert judge(timed(0.123456), timed(0.5)).current == 0.1235


def test_the_deviation_of_times_is_the_median_of_distances_from_their_median() -> None:
    assert LatencyStats.of([1.0, 1.0, 2.0, 4.0, 9.0]) == LatencyStats(2.0, pytest.approx(7.0), 1.0, 5)


def test_the_memory_of_a_server_is_not_known() -> None:
    run = replace(make_run(np.zeros((1, 1))), peak_memory_bytes=0, timings={("case-0", 0): Timing(call=0, seconds=1.0)})
    verdict = judge_with_record(run, "peak_memory", None, None, "")
    assert (verdict.verdict, verdict.current, verdict.reason) == (
        "informational",
        None,
        "the memory of what generated is not known",
    )


def test_times_of_two_clocks_are_not_compared() -> None:
    times = {("case-0", seed): Timing(call=seed, seconds=1.0) for seed in range(12)}
    run = replace(make_run(np.zeros((1, 12))), timings=times, environment={"times": "its own"})
    rival = replace(run, timings={key: replace(one, seconds=2.0) for key, one in times.items()})
    assert judge_interleaved(run, rival, "seconds_per_image", "").verdict == "improved"
    rival = replace(rival, environment={"times": "of whole requests"})
    verdict = judge_interleaved(run, rival, "seconds_per_image", "")
    assert (verdict.verdict, verdict.reason[:14]) == ("informational", "reported only:")


@pytest.mark.parametrize("metric", ["seconds_per_image", "peak_memory"])
def test_workers_that_shared_a_device_are_reported_only(metric: str) -> None:
    workers = {"devices": ["cpu", "cpu"], "speed": "processes of this session shared a device"}
    shared = timed(5.0, memory=9000, environment={**GPU, WORKERS: workers})
    verdict = judge(shared, timed(0.5), metric)
    assert verdict.verdict == "informational"
    assert verdict.reason.startswith("not judged: processes of this session shared a device")


def test_workers_with_devices_of_their_own_are_judged() -> None:
    workers = {"devices": ["0", "1"], "speed": ""}
    assert judge(timed(5.0, environment={**GPU, WORKERS: workers}), timed(0.5)).verdict == "regressed"
