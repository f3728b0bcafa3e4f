"""Comparison, from run folders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdeval import Suite
from sdeval.comparison import Verdict, wording
from sdeval.config.case import Case
from sdeval.report.comparison import compared_of
from sdeval.results import run_folder, verdicts_file
from sdeval.results.records import Timing
from sdeval.results.run import AGAINST, LOAD, Run
from sdeval.results.session_folder import VERDICTS
from sdeval.results.verdicts_file import Record
from tests.conftest import CLIP_SCORE, make_run

REGRESSED = Verdict(suite="animals", target="tiny", metric="clip_score", case="", verdict="regressed")


def run_of(target: str, **changes: object) -> Run:
    """A run with times, on a machine that others used."""
    environment = {"hardware": "one GPU", LOAD: "the machine is shared"}
    run = make_run(np.full((4, 2), 30.0) + np.arange(4)[:, None], target=target, environment=environment)
    timings = {sample.key: Timing(call=call, seconds=1.0) for call, sample in enumerate(run.samples)}
    return replace(run, timings=timings, **changes)


def two_metrics(run: Run) -> Run:
    names = ("clip_score", "anything_else")
    samples = tuple(replace(sample, scores=dict.fromkeys(names, sample.scores["clip_score"])) for sample in run.samples)
    return replace(run, samples=samples, metrics=dict.fromkeys(names, CLIP_SCORE))


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """A session with two targets."""
    session = tmp_path / "reports" / "20260101-000000-abcd"
    for target in ("tiny", "other"):
        run_folder.write(two_metrics(run_of(target)), session / "animals" / target)
    return session


def write_verdicts(session: Path) -> None:
    other = replace(REGRESSED, target="other", verdict="passed")
    record = Record.of(session.name, [REGRESSED, other], strict=False, notes=[])
    verdicts_file.write(record, session / VERDICTS)


def test_every_setting_has_the_verdicts_of_its_own_session(session: Path) -> None:
    write_verdicts(session)
    (compared,) = compared_of([session], lambda _: None)
    assert {name: [verdict.verdict for verdict in found] for name, found in compared.verdicts.items()} == {
        "other": ["passed"],
        "tiny": ["regressed"],
    }


def test_a_session_that_ends_gives_its_verdicts(session: Path) -> None:
    (compared,) = compared_of([session], lambda _: None, verdicts=[REGRESSED])
    assert compared.verdicts == {"other": (), "tiny": (REGRESSED,)}


def test_runs_without_a_session_have_no_verdicts(tmp_path: Path) -> None:
    for target in ("tiny", "other"):
        run_folder.write(run_of(target), tmp_path / target)
    (compared,) = compared_of([tmp_path / "tiny", tmp_path / "other"], lambda _: None)
    assert compared.verdicts == {"tiny": (), "other": ()}


def test_the_first_metric_of_the_suite_comes_first(session: Path) -> None:
    suite = Suite(
        name="animals", task="text2img", cases=[Case(id="cat", prompt="a cat")], metrics=("clip_score", "anything_else")
    )
    (without,) = compared_of([session], lambda _: None)
    (with_suite,) = compared_of([session], lambda _: suite)
    names = [
        [verdict.metric for verdict in compared.matrix.base.verdicts if verdict.metric in suite.metrics]
        for compared in (without, with_suite)
    ]
    assert names == [["anything_else", "clip_score"], ["clip_score", "anything_else"]]


def test_a_run_and_what_was_interleaved_with_it_are_compared_under_load(tmp_path: Path) -> None:
    folder = tmp_path / "reports" / "monday" / "animals" / "tiny"
    run_folder.write(run_of("tiny"), folder)
    run_folder.write(run_of("rival"), folder / AGAINST)
    run_folder.write(run_of("apart"), tmp_path / "apart")
    (compared,) = compared_of([folder, folder / AGAINST, tmp_path / "apart"], lambda _: None)
    obstacles = {row.name: row.time_obstacle for row in compared.matrix.rows}
    assert obstacles == {"tiny": "", "rival": "", "apart": wording.busy_machine("the machine is shared")}


def test_an_interleaved_session_is_compared_with_what_it_was_interleaved_with(tmp_path: Path) -> None:
    session = tmp_path / "reports" / "20260101-000000-abcd"
    run_folder.write(run_of("tiny"), session / "animals" / "tiny")
    run_folder.write(run_of("rival"), session / "animals" / "tiny" / AGAINST)
    (compared,) = compared_of([session], lambda _: None)
    assert [row.name for row in compared.matrix.rows] == ["rival", "tiny"]
    assert compared.matrix.reference == "rival"


def test_the_command_for_another_reference_can_be_pasted(
    session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (compared,) = compared_of([session], lambda _: None)
    command = compared.command("tiny steps=4", session / "compare.html")
    where = "reports/20260101-000000-abcd"
    assert command == f"sdeval compare {where} --reference 'tiny steps=4' --page {where}/compare.html"
