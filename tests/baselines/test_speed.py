from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from sdeval import SdevalError
from sdeval.baselines import speed
from sdeval.baselines.transaction import changing
from sdeval.comparison.speed import SpeedRecord, speed_record_of
from sdeval.results.run import Run
from tests.comparison.test_speed import timed


def accept(run: Run, baselines: Path) -> None:
    with changing(baselines) as change:
        speed.accept(run, change)
        change.commit()


def accepted(baselines: Path) -> Mapping[str, SpeedRecord]:
    return speed.read(speed.path_of(baselines, "animals", "tiny"))


def test_every_class_of_machine_has_its_own_speed_record(tmp_path: Path) -> None:
    small, large = timed(0.5), timed(0.1, "8x GPU")
    for run in (small, large, timed(0.4)):
        accept(run, tmp_path)
    assert accepted(tmp_path) == {"1x GPU": speed_record_of(timed(0.4)), "8x GPU": speed_record_of(large)}


def test_a_run_without_times_changes_nothing(tmp_path: Path) -> None:
    accept(timed(0.5, timings={}), tmp_path)
    assert accepted(tmp_path) == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is corrupt"),
        ('{"schema": 9}', "written by another version of sdeval"),
        ('{"schema": 1, "machines": {"1x GPU": {"seconds": 3}}}', "machines: 1x GPU: memory: is missing"),
        ('{"schema": 1, "machines": {"1x GPU": {"seconds": {}}}}', "median: is missing"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, content: str, message: str) -> None:
    run = timed(0.5)
    path = speed.path_of(tmp_path, run.suite, run.target)
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with pytest.raises(SdevalError, match=message) as error:
        accepted(tmp_path)
    assert path.name in str(error.value)


def test_the_file_is_meant_to_be_read(tmp_path: Path) -> None:
    run = timed(0.5)
    accept(run, tmp_path)
    content = json.loads(speed.path_of(tmp_path, run.suite, run.target).read_text())
    assert content["machines"]["1x GPU"]["seconds"]["median"] == 0.5


def test_a_run_that_does_not_name_its_machine_is_of_an_unknown_class(tmp_path: Path) -> None:
    accept(timed(0.5, environment={}), tmp_path)
    assert set(accepted(tmp_path)) == {"unknown"}


@pytest.mark.parametrize("content", ["{", "[]", '{"machines": {}}', '{"schema": 1}'])
def test_advice_on_a_damaged_file_is_to_restore_or_delete_it(tmp_path: Path, content: str) -> None:
    path = speed.path_of(tmp_path, "animals", "tiny")
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with pytest.raises(SdevalError, match=r"is corrupt: .*; restore it with: git checkout -- .*, or delete it$"):
        accepted(tmp_path)


def test_advice_on_a_file_of_another_version_is_to_delete_it(tmp_path: Path) -> None:
    path = speed.path_of(tmp_path, "animals", "tiny")
    path.parent.mkdir(parents=True)
    path.write_text('{"schema": 2, "machines": {}}')
    with pytest.raises(SdevalError, match=r"another version of sdeval; delete it, and accept a run again$"):
        accepted(tmp_path)
