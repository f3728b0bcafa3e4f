"""`sdeval show`: everything about one image of a session."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdeval.cli import main
from sdeval.results.session_folder import read_run
from tests.cli.project import accept, run_session, write_project, write_suite


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a baseline, in the current folder."""
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path)
    accept(run_session(tmp_path, "one"))
    return tmp_path


@pytest.fixture
def changed(project: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Path]:
    """The same with a second session, whose images are darker."""
    run_session(project, "two", "levels=64")
    capsys.readouterr()
    return project


def shown(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What the command prints, by the first word or words of each line."""
    assert main(["show", *arguments]) == 0
    lines = [line.partition("  ") for line in capsys.readouterr().out.splitlines()]
    return {name: value.strip() for name, _, value in lines}


def test_it_says_what_was_asked(changed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = shown(["red@1"], capsys)
    wanted = {
        "suite": "few (text2img)",
        "target": "ours (python:engine.py:generate)",
        "prompt": "something red",
        "negative prompt": "blue",
        "seed": "1",
        "size": "64x64 (baseline 64x64)",
        "settings": "levels=64",
    }
    assert {name: facts[name] for name in wanted} == wanted


def test_it_says_what_came_of_it(changed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = shown(["red@1"], capsys)
    run = read_run(changed / "reports" / "two" / "few" / "ours")
    (sample,) = (sample for sample in run.samples if sample.key == ("red", 1))
    assert facts["digest"] == sample.sha256
    assert facts["image change"] == "changed (vs baseline)"
    assert facts["defect"] == "none"
    assert facts["verdict"].startswith("inconclusive: ")


def test_every_metric_of_the_sample_is_in_the_table(changed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["show", "red@1"])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["metric", "baseline", "current", "change", "tolerance"] in lines
    (row,) = (line for line in lines if line[:1] == ["sharpness"])
    before, now = (
        {sample.key: sample for sample in read_run(changed / "reports" / name / "few" / "ours").samples}["red", 1]
        for name in ("one", "two")
    )
    assert [float(cell) for cell in row[1:3]] == pytest.approx(
        [before.scores["sharpness"], now.scores["sharpness"]], rel=0.01
    )


def test_it_names_the_images(changed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = shown(["red@1"], capsys)
    assert facts["image"] == "reports/latest/few/ours/images/red@1.png"
    assert facts["baseline image"] == "reports/latest/few/ours/baseline/images/red@1.png"
    assert (facts["init image"], facts["mask"]) == ("none", "none")


def test_an_image_that_is_gone_is_said_to_be(changed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (changed / "reports" / "two" / "few" / "ours" / "images" / "red@1.png").unlink()
    assert shown(["red@1"], capsys)["image"].endswith("red@1.png (is gone)")


def test_its_command_generates_the_same_image_again(changed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["show", "red@1"])
    command = capsys.readouterr().out.splitlines()[-1].removeprefix("generate it again: ")
    assert command == "sdeval generate red@1 --suite few --target ours --set levels=64"
    assert main(shlex.split(command)[1:]) == 0
    assert "latest session: identical, to the last bit (two)" in capsys.readouterr().out


def test_another_session_can_be_named(changed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = shown(["red@1", "reports/one"], capsys)
    assert facts["settings"] == "none"
    assert facts["image change"] == "nothing to compare with"


def test_a_single_run_can_be_named(changed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(["red@1", "reports/two/few/ours"], capsys)["verdict"].startswith("inconclusive: ")


def test_without_verdicts_it_says_so(changed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (changed / "reports" / "two" / "verdicts.json").unlink()
    assert shown(["red@1"], capsys)["verdict"].startswith("none: the session has not ended")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rde@1"], "unknown case 'rde'; did you mean red? Known: green, red"),
        (["red@7"], "red@7: this session has no such seed of the case; it has 0, 1"),
        (["red"], "sample 'red': must be CASE@SEED, such as black-cat@0"),
        (["red@x"], "sample 'red@x': must be CASE@SEED, such as black-cat@0"),
        (["red@1", "--suite", "fwe"], "--suite: unknown suite 'fwe'; did you mean few? Known: few"),
        (["red@1", "--target", "dark"], "--target: unknown target 'dark'. Known: ours"),
        (["red@1", "nowhere"], "nowhere: no run in it; `pytest suites` makes one"),
    ],
)
def test_a_mistake_ends_in_one_line(
    changed: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", *arguments]) == 2
    assert capsys.readouterr().err == f"sdeval: {message}\n"


def test_of_several_targets_one_must_be_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_suite(project / "suites", targets=("ours", "dark"))
    run_session(project, "two")
    assert main(["show", "red@1"]) == 2
    choices = "--suite few --target dark or --suite few --target ours"
    assert capsys.readouterr().err == f"sdeval: red@1: is there 2 times; choose one with {choices}\n"
    assert shown(["red@1", "--target", "dark"], capsys)["settings"] == "levels=99"


def test_a_prompt_controls_no_terminal(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module = project / "suites" / "test_few.py"
    module.write_text(module.read_text(encoding="utf-8").replace("something", r"\x1b[31mred"), encoding="utf-8")
    run_session(project, "two")
    assert main(["show", "red@1"]) == 0
    assert "\x1b" not in capsys.readouterr().out
