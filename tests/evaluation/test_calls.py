"""What fails in a batch is generated again one by one; what does not fit into memory, in halves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import sdeval.engines.diffusers_engine
from sdeval import Sample
from sdeval.engines.diffusers_engine import LoadedTarget
from sdeval.engines.engine import Engine
from sdeval.engines.generated import Generated
from sdeval.errors import CallFailed, ProcessEnded, Unusable
from sdeval.evaluation.calls import HOPELESS, CallLimit, Calls
from sdeval.evaluation.evaluate import generate
from sdeval.results.journal import NAME
from tests.generated import plan


class Scripted:
    """An engine of which a function says which batches fail."""

    def __init__(self, failing: Callable[[Sequence[Sample]], str]) -> None:
        self.failing = failing
        self.calls: list[list[str]] = []
        self.target = plan().target
        self.device = "cpu"
        self.batch_size = 8
        self.load_seconds = 0.0
        self.environment: dict[str, Any] = {}

    def describe(self, task: str) -> dict[str, Any]:
        return {"pipeline": "scripted"}

    def generate(self, task: str, batch: Sequence[Sample], settings: Any) -> list[Generated]:
        self.calls.append([sample.name for sample in batch])
        reason = self.failing(batch)
        if reason:
            raise CallFailed(reason)
        return [
            Generated(sample, Image.new("RGB", (64, 64), (sample.seed, 9, 99)), True, False, 1.0) for sample in batch
        ]


def run(engine: Scripted, samples: int = 6) -> tuple[dict[str, str], Calls]:
    """Why each of the first samples has no image, empty where it has one; and the calls."""
    request = plan(seeds=tuple(range(8)))
    calls = Calls(request)
    batch = list(request.samples[:samples])
    outcomes: dict[str, str] = {}
    for call in calls.of(engine, batch):
        outcomes |= {image.sample.name: "" for image in call.images}
        outcomes |= call.failures
    assert list(outcomes) == [sample.name for sample in batch]
    return outcomes, calls


def test_a_batch_that_fails_is_generated_again_one_by_one() -> None:
    engine = Scripted(lambda batch: "boom" if any(sample.seed == 2 for sample in batch) else "")
    outcomes, calls = run(engine)
    assert {name: why for name, why in outcomes.items() if why} == {"circle@2": "boom"}
    assert list(map(len, engine.calls)) == [6, 1, 1, 1, 1, 1, 1]
    # The next batch is generated in one call again.
    assert calls.limit.largest is None
    assert calls.notes == []


@pytest.mark.parametrize(
    "reason",
    [
        "MemoryError",
        "OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB",
        "RuntimeError: [enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory",
        "RuntimeError: MPS backend out of memory (MPS allocated: 9 GB)",
        "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "RuntimeError: Invalid buffer size: 12.00 GB",
    ],
)
def test_a_batch_that_does_not_fit_into_memory_is_halved_for_the_rest(reason: str) -> None:
    engine = Scripted(lambda batch: reason if len(batch) > 2 else "")
    outcomes, calls = run(engine, 8)
    assert set(outcomes.values()) == {""}
    assert list(map(len, engine.calls)) == [8, 4, 2, 2, 2, 2]
    assert calls.limit.largest == 2
    (note,) = calls.notes
    assert note.startswith("few on shapes: 4 images in a call did not fit into memory")
    assert note.endswith("--sdeval-batch-size 2")


def test_a_single_image_that_does_not_fit_into_memory_is_missing() -> None:
    engine = Scripted(lambda batch: "MemoryError" if any(sample.seed == 2 for sample in batch) else "")
    outcomes, _ = run(engine, 4)
    assert {name: why for name, why in outcomes.items() if why} == {"circle@2": "MemoryError"}


def test_a_target_that_fails_from_the_start_is_not_tried_for_ever() -> None:
    engine = Scripted(lambda batch: "no server")
    outcomes, _ = run(engine, HOPELESS + 3)
    assert list(map(len, engine.calls)) == [HOPELESS + 3, *[1] * HOPELESS]
    assert list(outcomes.values())[-1] == f"was not tried, as {HOPELESS} samples before it failed: no server"


def test_failures_with_reasons_of_their_own_are_all_tried() -> None:
    engine = Scripted(lambda batch: batch[0].name if batch[0].seed < 7 or len(batch) > 1 else "")
    outcomes, _ = run(engine, 16)
    assert [name for name, why in outcomes.items() if not why] == ["circle@7", "square@7"]


def test_a_missing_image_is_in_the_run_and_is_tried_again_when_the_session_is_resumed(tmp_path: Path) -> None:
    request = replace(plan(), journal=True, self_check=False)
    engine: Any = Scripted(lambda batch: "boom" if any(sample.name == "square@1" for sample in batch) else "")
    first = generate(request, engine, tmp_path, lambda _: None)
    (missing,) = [sample for sample in first.samples if not sample.image]
    assert (missing.case, missing.seed, missing.failure, missing.sha256) == ("square", 1, "boom", "")
    assert missing.key not in first.timings
    assert len(first.samples) == 6
    assert (tmp_path / NAME).is_file()

    resumed: Any = Scripted(lambda batch: "")
    second = generate(request, resumed, tmp_path, lambda _: None)
    # With its batch: that is how a session that was never stopped generates it.
    assert resumed.calls == [[sample.name for sample in request.samples]]
    assert all(sample.image for sample in second.samples)


def test_a_further_round_of_seeds_does_not_try_again(tmp_path: Path) -> None:
    request = replace(plan(), self_check=False)
    engine: Any = Scripted(lambda batch: "boom" if any(sample.name == "square@1" for sample in batch) else "")
    first = generate(request, engine, tmp_path, lambda _: None)
    again: Any = Scripted(lambda batch: "")
    assert generate(request, again, tmp_path, lambda _: None, first).samples == first.samples
    assert again.calls == []


def test_another_image_is_checked_where_the_first_one_fails_alone(tmp_path: Path) -> None:
    engine: Any = Scripted(lambda batch: "boom" if [sample.name for sample in batch] == ["circle@0"] else "")
    generated = generate(replace(plan(), self_check=True), engine, tmp_path, lambda _: None)
    assert all(sample.image for sample in generated.samples)


def test_the_scripted_engine_is_one() -> None:
    engine: Engine = Scripted(lambda batch: "")
    assert engine.batch_size == 8


def test_a_pipeline_goes_on_where_memory_is_short(
    loaded: LoadedTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, sizes = sdeval.engines.diffusers_engine.generate_batch, []

    def generate_batch(pipeline: Any, batch: Sequence[Sample], settings: Any) -> Any:
        sizes.append(len(batch))
        if len(batch) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return real(pipeline, batch, settings)

    monkeypatch.setattr(sdeval.engines.diffusers_engine, "generate_batch", generate_batch)
    run = generate(replace(plan(), self_check=False), loaded, tmp_path, lambda _: None)
    assert sizes == [6, 3, 1, 1, 1, 1, 1, 1]
    assert all(sample.image for sample in run.samples)
    assert run.notes[-1].endswith("--sdeval-batch-size 1")


class Mortal(Scripted):
    """An engine whose process ends over some batches."""

    def generate(self, task: str, batch: Sequence[Sample], settings: Any) -> list[Generated]:
        try:
            return super().generate(task, batch, settings)
        except CallFailed as error:
            raise ProcessEnded(str(error)) from None


def test_a_batch_whose_process_ended_is_generated_again_as_a_whole() -> None:
    engine = Mortal(lambda batch: "killed" if len(engine.calls) == 1 else "")
    outcomes, calls = run(engine)
    assert set(outcomes.values()) == {""}
    assert list(map(len, engine.calls)) == [6, 6]
    (note,) = calls.notes
    assert note.startswith("few on shapes: a process ended and was replaced while images were generated")
    assert "(killed)" in note


def test_a_batch_that_ends_two_processes_is_given_up_sample_by_sample() -> None:
    engine = Mortal(lambda batch: "killed" if any(sample.seed == 2 for sample in batch) else "")
    outcomes, calls = run(engine)
    assert {name: why for name, why in outcomes.items() if why} == {
        "circle@2": "the process that generated it ended each time: killed"
    }
    assert list(map(len, engine.calls)) == [6, 6, 1, 1, 1, 1, 1, 1]
    assert calls.notes[0].startswith("few on shapes: 3 processes ended and were replaced")


def test_an_error_that_leaves_this_process_unusable_ends_the_suite() -> None:
    engine = Scripted(lambda batch: "CUDA error: device-side assert triggered")
    with pytest.raises(Unusable, match=r"few on shapes: CUDA error: .*--sdeval-resume goes on in a new one"):
        run(engine)
    assert list(map(len, engine.calls)) == [6]


def test_a_call_that_left_the_process_unusable_is_made_again_last_and_one_by_one(tmp_path: Path) -> None:
    request = replace(plan(), journal=True, self_check=False)
    request = replace(request, target=replace(request.target, batch_size=2))
    bad: Any = Scripted(lambda batch: "CUDA error: device-side assert triggered" if len(bad.calls) == 2 else "")
    bad.batch_size = 2
    with pytest.raises(Unusable):
        generate(request, bad, tmp_path, lambda _: None)
    resumed: Any = Scripted(lambda batch: "")
    resumed.batch_size = 2
    generate(request, resumed, tmp_path, lambda _: None)
    assert [len(call) for call in resumed.calls] == [2, 1, 1]


def test_what_fits_into_memory_is_remembered_for_the_next_suite(tmp_path: Path) -> None:
    limit = CallLimit()
    engine: Any = Scripted(lambda batch: "MemoryError" if len(batch) > 4 else "")
    for name in ("first", "second"):
        generate(
            replace(plan(seeds=tuple(range(2))), self_check=False), engine, tmp_path / name, lambda _: None, None, limit
        )
    assert list(map(len, engine.calls)) == [6, 3, 3, 3, 3]
    again = Calls(plan(), limit=limit)
    assert again.notes == [
        "few on shapes: calls had 3 images at most, as 6 had not fitted into memory before; "
        "to begin with that: --sdeval-batch-size 3"
    ]
