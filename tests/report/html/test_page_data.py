"""What the page knows of samples for its viewer."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdeval.cli import main
from sdeval.config import project
from sdeval.imaging.difference import ImageDifference
from sdeval.report.html.image_sources import Linked
from sdeval.report.html.page_data import Project, viewer_data
from sdeval.report.publish import rewrite_page
from sdeval.report.sample import NUMBERS, difference_numbers, facts, find_sample, score_table
from sdeval.report.session_runs import ComparedRun
from sdeval.results import run_folder
from tests.cli.project import accept, run_session, write_project
from tests.conftest import make_run
from tests.report.pages import session_page


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A session whose images are darker than those of the baseline, in a project with a program of its own."""
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path)
    accept(run_session(tmp_path, "one"))
    folder = run_session(tmp_path, "two", "levels=64")
    project.record(folder, project.Folders(root=tmp_path, baselines=tmp_path / "baselines"))
    return folder


def data_of(session: Path) -> dict[str, Any]:
    (folder,) = (path.parent for path in session.glob("*/*/run.json"))
    return viewer_data(ComparedRun.read(folder), session, Project.of(session), Linked(session))


def facts_of(data: Mapping[str, Any], case: str, seed: str) -> dict[str, str]:
    """As the viewer puts them together."""
    of_case = data["cases"][case]
    return {**data["facts"], **of_case.get("facts", {}), **of_case["samples"][seed].get("facts", {})}


@pytest.mark.parametrize("name", ["red@0", "red@1", "green@1"])
def test_facts_are_those_of_the_command(session: Path, name: str) -> None:
    case, _, seed = name.partition("@")
    known = facts_of(data_of(session), case, seed)
    shown = facts(find_sample(session, name))
    assert {fact: known[fact] for fact in known if fact != "command"} == {
        fact: text for fact, text in shown.items() if fact not in ("seed", "prompt", "difference", "verdict")
    }


def test_scores_are_those_of_the_command(session: Path) -> None:
    data, view = data_of(session), find_sample(session, "red@1")
    place, *values = data["cases"]["red"]["samples"]["1"]["scores"][0].split(" ")
    (row,) = score_table(view).rows
    tolerance = data["metrics"][0]["tolerance"]
    assert [data["metrics"][0]["name"], *values, tolerance] == list(row.cells)
    assert data["verdicts"][int(place)][0] == row.note


def test_the_difference_is_there_in_numbers_with_the_box_of_the_largest_change(session: Path) -> None:
    sample = data_of(session)["cases"]["red"]["samples"]["1"]
    view = find_sample(session, "red@1")
    assert sample["numbers"] == difference_numbers(view)
    assert len(sample["numbers"]) == len(NUMBERS) - 1
    assert view.sample.difference
    assert sample["box"] == [round(1000 * value / 64) for value in view.sample.difference.box or ()]


def test_its_commands_run(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = data_of(session)
    command = facts_of(data, "red", "1")["command"]
    assert command == "--suite few --target ours --set levels=64"
    capsys.readouterr()
    assert main(["generate", "red@1", *shlex.split(command)]) == 0
    assert "latest session: identical, to the last bit (two)" in capsys.readouterr().out
    assert main(["show", "red@1", *shlex.split(data["show"])]) == 0
    assert "target           ours" in capsys.readouterr().out


def test_the_command_gives_settings_that_a_suite_may_lose(session: Path) -> None:
    for module in Path("suites").glob("test_*.py"):
        module.unlink()
    assert facts_of(data_of(session), "red", "1")["command"] == "--suite few --target ours --set levels=64"


def test_without_its_project_there_is_no_command_that_generates(session: Path) -> None:
    (session / "project.json").unlink()
    data = data_of(session)
    assert facts_of(data, "red", "1")["command"] == ""
    assert data["show"] == "reports/two --suite few --target ours"


def test_a_run_without_a_baseline_has_no_difference(tmp_path: Path) -> None:
    run_folder.write(make_run(np.array([[30.0]])), tmp_path / "animals" / "tiny")
    data = data_of(tmp_path)
    sample = data["cases"]["case-0"]["samples"]["0"]
    assert "numbers" not in sample
    assert data["verdicts"] == [["not compared", ""]]


def test_what_most_samples_share_is_stored_once(tmp_path: Path) -> None:
    page = session_page(tmp_path, cases=100, seeds=4, metrics=("sharpness", "noise", "seam", "lpips", "psnr"))
    folder = page.parent / "animals" / "tiny"
    run = run_folder.read(folder)
    difference = ImageDifference(mean=12.345, maximum=201, changed=0.12345, psnr=31.25, box=(10, 10, 12, 12))
    run = replace(run, samples=tuple(replace(sample, difference=difference) for sample in run.samples))
    data = viewer_data(replace(ComparedRun.read(folder), run=run), page.parent, None, Linked(page.parent))
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    assert len(text) < 330 * 400


def test_json_in_the_page_ends_no_script(tmp_path: Path) -> None:
    page = session_page(tmp_path, cases=2)
    folder = page.parent / "animals" / "tiny"
    run = run_folder.read(folder)
    hostile = "</script><!-- <script>"
    cases = {name: replace(case, negative_prompt=hostile) for name, case in run.cases.items()}
    run_folder.write(replace(run, cases=cases), folder)
    data = viewer_data(ComparedRun.read(folder), page.parent, None, Linked(page.parent))
    assert hostile in json.dumps(data)
    text = rewrite_page(page.parent).read_text(encoding="utf-8")
    assert hostile not in text


def test_what_only_some_samples_have_is_empty_in_the_others(tmp_path: Path) -> None:
    run = make_run(np.full((2, 1), 30.0))
    first, second = run.samples
    read = replace(run, samples=(replace(first, readings={"text": "Open"}), second))
    data = viewer_data(ComparedRun(read, tmp_path, None, tmp_path, None, ()), tmp_path, None, Linked(tmp_path))
    texts = {
        case: {**data["facts"], **values.get("facts", {}), **values["samples"]["0"].get("facts", {})}["text read"]
        for case, values in data["cases"].items()
    }
    assert texts == {"case-0": "Open", "case-1": ""}
