"""Images that are kept while the next ones are generated are those that would be kept interleaved."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from sdeval.engines.diffusers_engine import LoadedTarget
from sdeval.evaluation.evaluate import generate
from sdeval.evaluation.plan import Plan
from sdeval.results.run import LOAD
from tests.generated import plan


@pytest.fixture
def aside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work as with an accelerator."""
    monkeypatch.setattr("sdeval.evaluation.generate.encoders", lambda *_: ThreadPoolExecutor(2))


def one_by_one() -> Plan:
    whole = plan()
    return replace(whole, target=replace(whole.target, batch_size=1), self_check=False)


@pytest.mark.usefixtures("aside")
def test_what_is_kept_aside_is_what_is_kept_in_turns(
    loaded: LoadedTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = generate(one_by_one(), loaded, tmp_path / "aside", lambda _: None)
    monkeypatch.undo()
    again = generate(one_by_one(), loaded, tmp_path / "again", lambda _: None)
    assert run.samples == again.samples
    assert all((tmp_path / "aside" / sample.image).is_file() for sample in run.samples)


@pytest.mark.usefixtures("aside")
def test_an_image_that_cannot_be_written_is_told(
    loaded: LoadedTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("sdeval.evaluation.image_records.write_shared", full)
    with pytest.raises(OSError, match="no space left"):
        generate(one_by_one(), loaded, tmp_path, lambda _: None)


@pytest.mark.parametrize("load", ["", "the machine is shared: a load of 9.0 on 2 cores"])
def test_a_run_tells_what_else_used_the_machine(
    loaded: LoadedTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, load: str
) -> None:
    monkeypatch.setattr("sdeval.engines.hardware.busy", lambda: load)
    run = generate(one_by_one(), loaded, tmp_path, lambda _: None)
    assert run.environment.get(LOAD, "") == load
    assert (LOAD in run.environment) == bool(load)
