"""`sdeval generate`: one image of a suite again."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdeval.cli import main
from sdeval.imaging.io import pixel_hash
from tests.cli.project import accept, run_session, write_project, write_suite


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A project with a session that is the baseline as well, in the current folder."""
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path)
    accept(run_session(tmp_path, "one"))
    capsys.readouterr()
    return tmp_path


def test_it_generates_the_file_of_the_session_byte_by_byte(project: Path) -> None:
    assert main(["generate", "red@1"]) == 0
    session = project / "reports" / "one" / "few" / "ours" / "images" / "red@1.png"
    assert Path("red@1.png").read_bytes() == session.read_bytes()


def test_it_prints_size_and_digest_and_whether_the_image_is_the_same(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", "red@1"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"red@1.png: 64x64, digest {pixel_hash(Path('red@1.png'))}",
        "latest session: identical, to the last bit (one)",
        "baseline: identical, to the last bit",
    ]


def test_another_setting_gives_another_image(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "red@1", "--set", "levels=64"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "latest session: another image (one)",
        "baseline: another image",
    ]


def test_settings_of_the_project_count_as_in_a_session(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = (project / "pyproject.toml").read_text(encoding="utf-8")
    (project / "pyproject.toml").write_text(f"{table}[tool.sdeval.set]\nlevels = 64\n", encoding="utf-8")
    run_session(project, "two")
    assert main(["generate", "red@1"]) == 0
    assert "latest session: identical, to the last bit (two)" in capsys.readouterr().out


def test_any_seed_can_be_generated(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "red@77"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "latest session: has no such image (one)",
        "baseline: has no such image",
    ]


def test_an_image_of_another_prompt_is_not_compared(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module = project / "suites" / "test_few.py"
    module.write_text(module.read_text(encoding="utf-8").replace("something", "anything"), encoding="utf-8")
    assert main(["generate", "red@1"]) == 0
    assert "baseline: has one of another prompt, size or input" in capsys.readouterr().out


def test_nothing_is_overwritten_unless_it_is_asked_for(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("red@1.png").write_text("mine")
    assert main(["generate", "red@1"]) == 2
    advice = "overwrite it with --force, or name another file with --output"
    assert capsys.readouterr().err == f"sdeval: red@1.png: is there already; {advice}\n"
    assert Path("red@1.png").read_text() == "mine"
    assert main(["generate", "red@1", "--force"]) == 0
    assert Path("red@1.png").read_bytes() != b"mine"


def test_the_file_can_be_named(project: Path) -> None:
    assert main(["generate", "red@1", "--output", "deep/again.png"]) == 0
    assert Path("deep/again.png").is_file()


def test_a_broken_image_ends_with_1(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "red@1", "--set", "levels=1"]) == 1
    assert "broken: black" in capsys.readouterr().out


def test_a_program_that_fails_ends_with_1_and_leaves_no_file(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "green@13"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("no image: ")
    assert "this seed is unlucky" in line
    assert not Path("green@13.png").exists()


def test_without_a_session_and_a_baseline_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path)
    assert main(["generate", "red@1"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "latest session: there is none",
        "baseline: has no run of this suite and target",
    ]


def test_a_corrupt_session_does_not_keep_it_from_generating(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "reports" / "one" / "few" / "ours" / "run.json").write_text("{")
    assert main(["generate", "red@1"]) == 0
    assert "latest session: cannot be read: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rde@1"], "unknown case 'rde'; did you mean red? Known: green, red"),
        (["red"], "sample 'red': must be CASE@SEED, such as black-cat@0"),
        (["red@9223372036854775808"], "suite few: seeds must fit into 64 bits, got [9223372036854775808]"),
        (["red@1", "--suite", "fwe"], "unknown suite 'fwe'; did you mean few?"),
        (["red@1", "--target", "uors"], "unknown target 'uors'; did you mean ours?"),
        (["red@1", "--set", "levles=1"], "target ours: unknown argument of python:engine.py:generate 'levles'"),
        (["red@1", "--set", "levels"], "setting 'levels': must be KEY=VALUE"),
        (["red@1", "--output", "red.jpg"], "--output: must be a file that ends in .png, got red.jpg"),
    ],
)
def test_a_mistake_ends_in_one_line(
    project: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"sdeval: {message}")
    assert len(error.splitlines()) == 1
    assert not list(project.glob("*.png"))


def test_of_several_suites_and_targets_one_must_be_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_suite(project / "suites", "more", targets=("ours", "dark"))
    assert main(["generate", "red@1"]) == 2
    names = ["--suite few --target ours", "--suite more --target ours", "--suite more --target dark"]
    assert capsys.readouterr().err == f"sdeval: red: is there 3 times; choose one with {' or '.join(names)}\n"
    assert main(["generate", "red@1", "--suite", "more", "--target", "dark"]) == 0


def test_a_project_without_suites_is_told_to_name_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path)
    (tmp_path / "suites").rename(tmp_path / "checks")
    assert main(["generate", "red@1"]) == 2
    assert "no such folder; name the file of a suite: --suite tests/test_animals.py" in capsys.readouterr().err
    assert main(["generate", "red@1", "--suite", "checks/test_few.py"]) == 0


def test_a_difference_that_cannot_be_seen_is_called_that(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "red@1", "--set", "nudge=1"]) == 0
    assert "baseline: not identical, but no difference that can be seen" in capsys.readouterr().out
