"""`sdeval accept` on whole sessions: all suites or none, whatever happens to the disk, the run or the output."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdeval.baselines import transaction
from sdeval.baselines.store import find
from sdeval.baselines.transaction import COMMIT, changing
from sdeval.cli import main
from tests.baselines.test_store import contents, on_disk
from tests.child import in_child
from tests.conftest import ROOT, image_with, make_run

SCORES = np.array([[30.0, 31.0], [29.0, 28.0]])
SUITES = ("animals", "zoo")
EVERYTHING = {f"{suite}/tiny/run.json" for suite in SUITES}


def session(name: str, shift: float = 0.0) -> Path:
    """A session with a run of each of two suites."""
    for suite in SUITES:
        on_disk(replace(make_run(SCORES + shift), suite=suite), Path("reports") / name / suite / "tiny")
    return Path("reports") / name


@pytest.fixture
def accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Contents of the baselines that were accepted from session `one`; there is a session `two`."""
    monkeypatch.chdir(tmp_path)
    assert main(["accept", str(session("one"))]) == 0
    session("two", 1.0)
    return contents(Path("baselines"))


def run(*arguments: str, stdout: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "sdeval.cli", *arguments]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    if not stdout:
        return subprocess.run(command, capture_output=True, text=True, env=variables)
    with Path(stdout).open("w") as output:
        return subprocess.run(command, stdout=output, stderr=subprocess.PIPE, text=True, env=variables)


def is_replaced(accepted: dict[str, bytes]) -> bool:
    now = contents(Path("baselines"))
    return all(now[f"{suite}/tiny/samples.jsonl"] != accepted[f"{suite}/tiny/samples.jsonl"] for suite in SUITES)


@pytest.mark.parametrize("suite", SUITES)
def test_a_suite_that_is_refused_stops_the_others(accepted: dict[str, bytes], suite: str) -> None:
    next(Path("reports/two", suite, "tiny/images").iterdir()).unlink()
    assert main(["accept", "reports/two"]) == 2
    assert contents(Path("baselines")) == accepted


@pytest.mark.parametrize("suite", SUITES)
def test_a_suite_that_cannot_be_written_stops_the_others(
    accepted: dict[str, bytes], suite: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != suite and real(path, mode))
    assert main(["accept", "reports/two"]) == 2
    folder = Path.cwd() / "baselines" / suite
    assert capsys.readouterr().err == f"sdeval: {folder}: cannot be written to; nothing was accepted\n"
    assert contents(Path("baselines")) == accepted


def test_a_full_disk_leaves_every_baseline_as_it_was(
    accepted: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(transaction, "flush_tree", full)
    assert main(["accept", "reports/two"]) == 2
    assert capsys.readouterr().err == "sdeval: [Errno 28] No space left on device\n"
    assert contents(Path("baselines")) == accepted
    assert not list(Path("baselines/.sdeval").glob("*/"))


def test_everything_is_on_disk_before_it_is_printed(
    accepted: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[Path] = []
    real = transaction.flush_tree
    monkeypatch.setattr(transaction, "flush_tree", lambda folder: (flushed.extend(folder.rglob("*")), real(folder)))
    folders: list[Path] = []
    monkeypatch.setattr(transaction, "flush", lambda folder: folders.append(folder))
    monkeypatch.setattr("builtins.print", lambda *_, **__: flushed.append(Path("printed")))
    assert main(["accept", "reports/two"]) == 0
    staged = {Path(*path.parts[path.parts.index("new") + 1 :]) for path in flushed[: flushed.index(Path("printed"))]}
    assert {Path(name) for name in contents(Path("baselines"))} <= staged
    assert {folder.name for folder in folders} >= {"baselines", *SUITES}


@pytest.mark.parametrize("environment", [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}])
def test_characters_that_the_output_does_not_have_stop_nothing(
    accepted: dict[str, bytes], environment: dict[str, str]
) -> None:
    process = run("accept", "reports/two", **environment)
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout.endswith("accepted into baselines; undo with git\n")
    assert is_replaced(accepted)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_an_output_that_is_full_ends_in_one_line_after_everything_was_accepted(accepted: dict[str, bytes]) -> None:
    process = run("accept", "reports/two", stdout="/dev/full")
    line = "accepted into baselines; undo with git; the output cannot be printed: No space left on device"
    assert (process.returncode, process.stderr) == (2, f"sdeval: {line}\n")
    assert is_replaced(accepted)


def test_a_pipe_that_nobody_reads_ends_in_one_line_after_everything_was_accepted(accepted: dict[str, bytes]) -> None:
    command = [sys.executable, "-m", "sdeval.cli", "accept", "reports/two"]
    reading, writing = os.pipe()
    os.close(reading)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, env=environment)
    os.close(writing)
    assert process.returncode == 2
    assert len(process.stderr.splitlines()) == 1
    assert process.stderr.startswith("sdeval: accepted into baselines; undo with git; the output cannot be printed")
    assert is_replaced(accepted)


def test_an_output_that_is_closed_stops_nothing(accepted: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    assert main(["accept", "reports/two"]) == 2
    assert is_replaced(accepted)


def test_without_an_output_everything_is_accepted(accepted: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["accept", "reports/two"]) == 0
    assert is_replaced(accepted)


def swap(image: Path) -> None:
    image_with(7.0).save(image)


def link(image: Path) -> None:
    image.rename("/".join(("reports", "secret.png")))
    image.symlink_to(Path("reports/secret.png").resolve())


def link_folder(image: Path) -> None:
    image.parent.rename("reports/images")
    image.parent.symlink_to(Path("reports/images").resolve())


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (swap, "is not the image that was generated: its pixels do not have the hash of the run"),
        (link, "is a link; an image must lie in its run"),
        (link_folder, "is a link; an image must lie in its run"),
    ],
)
@pytest.mark.parametrize("arguments", [[], ["-k", "case-1"]])
def test_an_image_that_is_not_the_generated_one_is_refused(
    accepted: dict[str, bytes],
    tamper: Callable[[Path], None],
    message: str,
    arguments: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    tamper(Path("reports/two/zoo/tiny/images/case-1@0.png"))
    assert main(["accept", "reports/two", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert contents(Path("baselines")) == accepted


def test_a_link_in_a_baseline_is_not_carried_into_the_next_one(
    accepted: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    link(Path("baselines/zoo/tiny/images/case-1@0.png"))
    assert main(["accept", "reports/two", "-k", "case-0"]) == 2
    assert "is a link" in capsys.readouterr().err


def test_parts_that_two_people_accept_at_once_are_both_accepted(
    accepted: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    session("three", 2.0)

    def locked(baselines: Path) -> object:
        # Somebody else is a moment faster.
        monkeypatch.setattr("sdeval.cli.accept.changing", changing)
        assert in_child(lambda: os._exit(main(["accept", "reports/three", "-k", "case-1"]))) == 0
        return changing(baselines)

    monkeypatch.setattr("sdeval.cli.accept.changing", locked)
    assert main(["accept", "reports/two", "-k", "case-0"]) == 0
    baseline = find(Path("baselines"), "zoo", "tiny")
    assert baseline is not None
    assert [sample.scores["clip_score"] for sample in baseline.samples] == [31.0, 32.0, 31.0, 30.0]


def test_the_next_command_finishes_what_was_stopped_and_says_so(
    accepted: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    real = transaction.write_bytes

    def write(path: Path, content: bytes, *, durable: bool = False) -> None:
        real(path, content, durable=durable)
        if path.name == COMMIT:
            os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as patch:
        patch.setattr(transaction, "write_bytes", write)
        assert in_child(lambda: main(["accept", "reports/two"])) == -signal.SIGKILL
    assert contents(Path("baselines/zoo")) == {
        name.removeprefix("zoo/"): content for name, content in accepted.items() if name.startswith("zoo/")
    }
    assert main(["metrics"]) == 0
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"sdeval: {Path.cwd()}/baselines: finished ")
    assert line.endswith("which had been stopped: accepted animals/tiny, zoo/tiny")
    assert is_replaced(accepted)


@pytest.mark.parametrize("command", ["accept", "report", "history", "targets"])
def test_baselines_that_are_a_file_are_one_line_for_every_command(
    accepted: dict[str, bytes], command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("file").touch()
    assert main([command, "--baselines", "file"]) == 2
    error = capsys.readouterr().err
    assert error == "sdeval: file: is a file; baselines must name the folder that accepted runs are kept in\n"
