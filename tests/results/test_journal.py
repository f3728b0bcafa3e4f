"""A session that was stopped goes on where it stopped, and ends with the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sdeval.config.case import Sample, Task
from sdeval.engines.diffusers_engine import LoadedTarget
from sdeval.engines.generated import Generated
from sdeval.evaluation.evaluate import evaluate
from sdeval.evaluation.plan import Plan
from sdeval.results.journal import NAME, Journal
from tests.generated import plan


class Counted:
    """The embedded model, which can be stopped."""

    def __init__(self, loaded: LoadedTarget, stop_after: int = 99) -> None:
        self._loaded, self._left = loaded, stop_after
        self.generated: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loaded, name)

    @property
    def batch_size(self) -> int:
        return 1

    def generate(self, task: Task, batch: Sequence[Sample], settings: Mapping[str, Any]) -> list[Generated]:
        if self._left == 0:
            raise KeyboardInterrupt
        self._left -= 1
        self.generated += [each.name for each in batch]
        return self._loaded.generate(task, batch, settings)


class Batches:
    """The embedded model, and which samples it generated together."""

    def __init__(self, loaded: LoadedTarget) -> None:
        self._loaded = loaded
        self.batches: list[list[str]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loaded, name)

    def generate(self, task: Task, batch: Sequence[Sample], settings: Mapping[str, Any]) -> list[Generated]:
        self.batches.append([sample.name for sample in batch])
        return self._loaded.generate(task, batch, settings)


def journaled(**changes: object) -> Plan:
    return replace(plan(**changes), journal=True, self_check=False)


@pytest.fixture
def stopped(loaded: LoadedTarget, tmp_path: Path) -> Path:
    """A run that was stopped after two of six images."""
    folder = tmp_path / "reports" / "20260101-000000-abcd" / "few" / "shapes"
    with pytest.raises(KeyboardInterrupt):
        evaluate(journaled(), Counted(loaded, 2), folder)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    files = (
        path for path in folder.rglob("*") if path.is_file() and path.name not in (NAME, "timings.jsonl", "run.json")
    )
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_what_is_generated_is_not_generated_again_and_the_end_is_the_same(
    loaded: LoadedTarget, stopped: Path, tmp_path: Path
) -> None:
    engine = Counted(loaded)
    run = evaluate(journaled(), engine, stopped)
    assert len(engine.generated) == 4
    assert len(run.timings) == 6
    evaluate(journaled(), Counted(loaded), tmp_path / "whole")
    assert content(stopped) == content(tmp_path / "whole")


@pytest.mark.parametrize("damage", ["half a line", "an image", "a line in between"])
def test_what_is_damaged_is_generated_again(loaded: LoadedTarget, stopped: Path, damage: str) -> None:
    journal = stopped / NAME
    if damage == "an image":
        next(stopped.glob("images/*.png")).write_bytes(b"no image")
    elif damage == "half a line":
        text = journal.read_text()
        journal.write_text(text[: text.rindex('{"sample"') + 40])
    else:
        journal.write_text(journal.read_text().replace('"seed": 0', '"seed": "x"', 1))
    engine = Counted(loaded)
    evaluate(journaled(), engine, stopped)
    assert len(engine.generated) == 5
    # And a second stop would lose nothing more.
    again = Counted(loaded)
    evaluate(journaled(), again, stopped)
    assert again.generated == []


def die(folder: Path, keys: Sequence[tuple[str, int]]) -> None:
    """Leave a journal as a process leaves it that ends in the midst of a call."""
    journal = folder / NAME
    with Journal(folder, {}).call(keys):
        begun = journal.read_text()
    journal.write_text(begun)


def test_what_may_have_ended_a_process_is_generated_alone(loaded: LoadedTarget, stopped: Path) -> None:
    die(stopped, [("square", 0), ("square", 1)])
    engine = Batches(loaded)
    run = evaluate(journaled(), engine, stopped)
    # The batch that was stopped half-way is generated again as a whole.
    assert sorted(engine.batches) == [["circle@0", "circle@1", "cross@0", "cross@1"], ["square@0"], ["square@1"]]
    assert not [sample for sample in run.samples if sample.failure]


def test_what_ends_every_process_is_not_tried_for_ever(loaded: LoadedTarget, stopped: Path) -> None:
    die(stopped, [("square", 0), ("square", 1)])
    die(stopped, [("square", 1)])
    engine = Batches(loaded)
    run = evaluate(journaled(), engine, stopped)
    assert sorted(engine.batches) == [["circle@0", "circle@1", "cross@0", "cross@1"], ["square@0"]]
    failures = {sample.key: sample.failure for sample in run.samples if sample.failure}
    assert failures.keys() == {("square", 1)}
    assert failures["square", 1].startswith("2 processes ended while they generated it")


def test_another_test_run_tries_it_again(loaded: LoadedTarget, stopped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_TESTRUNUID", "before")
    die(stopped, [("square", 1)])
    die(stopped, [("square", 1)])
    monkeypatch.setenv("PYTEST_XDIST_TESTRUNUID", "now")
    run = evaluate(journaled(), Batches(loaded), stopped)
    assert not [sample for sample in run.samples if sample.failure]


@pytest.mark.parametrize("what", ["settings", "target", "prompt"])
def test_nothing_is_taken_from_what_was_generated_in_another_way(
    loaded: LoadedTarget, stopped: Path, what: str
) -> None:
    other = journaled()
    if what == "settings":
        other = replace(other, settings={**other.settings, "num_inference_steps": 3})
    elif what == "target":
        other = replace(other, target=replace(other.target, dtype="bfloat16"))
    else:
        cases = tuple(replace(each, prompt=f"{each.prompt} and more") for each in other.suite.cases)
        other = journaled(cases=cases)
    engine = Counted(loaded)
    evaluate(other, engine, stopped)
    assert len(engine.generated) == 6
