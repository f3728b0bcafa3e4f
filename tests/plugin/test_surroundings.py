"""A full disk, missing rights, odd names and odd terminals: one line, a fitting exit code, and every verdict shown."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sdeval._utils import files
from sdeval.history.store import HISTORY
from tests.plugin.painted import ITEMS, paint
from tests.plugin.project import QUIET, accept, verdicts

NO_SPACE = os.strerror(errno.ENOSPC)
HOSTILE = "\x1b[31m \x1b]0;title\x07 \x07 back\rover \u202eright \x9b1m"
NOT_PRINTED = ("\x1b", "\x07", "\u202e", "\x9b", "\udc80", "back\rover")


@pytest.fixture
def painted(pytester: pytest.Pytester) -> pytest.Pytester:
    return paint(pytester)


def fill_disk(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let no file be written of which the path holds one of the names."""
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if any(name in str(target) for name in names):
            raise OSError(errno.ENOSPC, NO_SPACE)
        return real(self, target)

    monkeypatch.setattr(files.Path, "replace", replace)


def latest(pytester: pytest.Pytester) -> Path:
    return pytester.path / "reports" / "latest"


@pytest.mark.parametrize("name", ["case-1@1.png", "samples.jsonl", "run.json"])
def test_a_disk_that_fills_while_images_are_made_is_no_loss(
    painted: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    fill_disk(monkeypatch, name)
    result = painted.runpytest_inprocess(*QUIET)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(
        [f"{ITEMS} unscored", f"note: cannot write to *{name}: {NO_SPACE}", "next: *--sdeval-resume"]
    )
    assert len(verdicts(painted)) == ITEMS
    assert NO_SPACE in (latest(painted) / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["verdicts.json", "summary.md"])
def test_a_disk_that_fills_at_the_end_leaves_a_session_that_can_be_resumed(
    painted: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with monkeypatch.context() as full:
        fill_disk(full, name)
        result = painted.runpytest_inprocess(*QUIET)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["7 new, 2 informational", f"note: cannot write to *{name}: {NO_SPACE}"])
    result.stdout.no_fnmatch_line("page: *")
    assert painted.runpytest_inprocess(*QUIET, "--sdeval-resume").ret == pytest.ExitCode.OK
    assert (latest(painted) / name).is_file()
    assert len(list((painted.path / "reports").glob("2*"))) == 1


def test_where_nothing_can_be_written_the_verdicts_are_printed(painted: pytest.Pytester) -> None:
    painted.makeconftest("""
import pathlib, shutil

def pytest_runtest_teardown(item, nextitem):
    if nextitem is None:
        folder = item.config.rootpath / "reports"
        shutil.rmtree(folder)
        folder.touch()
""")
    result = painted.runpytest_inprocess(*QUIET)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(
        ["7 new, 2 informational", "+ new *sharpness*", "note: cannot write to *verdicts.json*"]
    )
    assert "Traceback" not in result.stdout.str() + result.stderr.str()


def test_an_output_that_is_removed_meanwhile_leaves_verdicts(painted: pytest.Pytester) -> None:
    painted.makeconftest("""
import shutil

def pytest_runtest_teardown(item):
    shutil.rmtree(item.config.rootpath / "reports", ignore_errors=True)
""")
    result = painted.runpytest_inprocess(*QUIET)
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    assert len(verdicts(painted)) == ITEMS


def test_a_full_disk_hides_no_loss(painted: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    (painted.path / "paint.py").write_text(
        "import numpy as np\n\ndef paint(case, seed):\n    return np.zeros((64, 64, 3), dtype=np.uint8)\n"
    )
    fill_disk(monkeypatch, "summary.md")
    assert painted.runpytest_inprocess(*QUIET).ret == pytest.ExitCode.TESTS_FAILED


def test_a_history_that_cannot_be_written_is_a_note(painted: pytest.Pytester) -> None:
    (painted.path / "reports" / HISTORY).mkdir(parents=True)
    result = painted.runpytest_inprocess(*QUIET)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines([f"note: this session is not in the history: cannot write to *{HISTORY}: *"])


def test_a_disk_that_is_full_from_the_start_ends_in_one_line(
    painted: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_disk(monkeypatch, "reports")
    result = painted.runpytest_inprocess(*QUIET)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: cannot write to *selected.json: {NO_SPACE}"])


@pytest.mark.slow
def test_workers_that_cannot_write_end_in_one_line(painted: pytest.Pytester) -> None:
    (painted.path / "reports").touch()
    result = painted.runpytest_subprocess(*QUIET, "-n", "1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: cannot write to *reports*"])


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_an_output_that_utf_8_cannot_hold_is_refused_at_the_start(painted: pytest.Pytester) -> None:
    result = painted.runpytest_inprocess(*QUIET, "--sdeval-output=r\udc80")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *r*udc80*this name of a file or folder is not UTF-8; rename it"])


def session_with(painted: pytest.Pytester, redirection: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = f"{sys.executable} -m pytest {' '.join(QUIET)} -q {redirection}"
    return subprocess.run(
        ["sh", "-c", command], cwd=painted.path, capture_output=True, env={**os.environ, **environment}, check=False
    )


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("redirection", [">/dev/full", ">&-", ">&- 2>&-"])
def test_an_output_that_fails_decides_nothing(painted: pytest.Pytester, redirection: str) -> None:
    process = session_with(painted, redirection)
    assert process.returncode == 0, process.stderr
    assert {verdict["verdict"] for verdict in verdicts(painted)} == {"new", "informational"}
    assert (b"sdeval: the output cannot be printed" in process.stderr) == ("full" in redirection)


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_characters_that_the_output_does_not_have_decide_nothing(painted: pytest.Pytester, encoding: str) -> None:
    process = session_with(painted, "", PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert process.returncode == 0, process.stderr
    assert b"7 new, 2 informational" in process.stdout


@pytest.mark.slow
def test_no_home_is_needed(painted: pytest.Pytester) -> None:
    assert session_with(painted, "", HOME="/nonexistent").returncode == 0


def test_texts_of_exceptions_do_not_control_the_terminal(painted: pytest.Pytester) -> None:
    (painted.path / "paint.py").write_text(
        f"def paint(case, seed):\n    raise RuntimeError({HOSTILE + chr(0xDC80)!r})\n", encoding="utf-8"
    )
    result = painted.runpytest_inprocess(*QUIET)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    printed = result.stdout.str() + result.stderr.str()
    assert not [text for text in NOT_PRINTED if text in printed]
    assert r"\x1b[31m" in printed


def test_a_stopped_session_is_told_of_without_what_controls_the_terminal(painted: pytest.Pytester) -> None:
    painted.runpytest_inprocess(*QUIET)
    holder = {"process": 1, "host": HOSTILE, "started": "now"}
    (latest(painted) / "running.json").write_text(json.dumps(holder))
    printed = painted.runpytest_inprocess(*QUIET).stdout.str()
    assert "stopped before its end" in printed
    assert not [text for text in NOT_PRINTED if text in printed]


def test_prompts_do_not_control_the_terminal(pytester: pytest.Pytester) -> None:
    hostile = json.dumps(HOSTILE)
    paint(pytester, prompt=f'prompt="a" * (number + 1) => prompt={hostile} * (number + 1)')
    result = pytester.runpytest_inprocess(*QUIET, "-v")
    assert result.ret == pytest.ExitCode.OK
    assert not [text for text in NOT_PRINTED if text in result.stdout.str()]


@pytest.mark.slow
def test_every_item_on_every_worker_is_refused(painted: pytest.Pytester) -> None:
    result = painted.runpytest_subprocess(*QUIET, "--tx", "2*popen", "--dist", "each")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --dist each: every worker would write the same images; *"])


@pytest.mark.slow
@pytest.mark.parametrize("dist", ["worksteal", "loadfile", "loadscope", "loadgroup"])
def test_however_items_are_distributed_the_verdicts_are_the_same(painted: pytest.Pytester, dist: str) -> None:
    painted.runpytest_inprocess(*QUIET)
    alone = comparable(painted)
    shutil.rmtree(painted.path / "reports")
    result = painted.runpytest_subprocess(*QUIET, "-n", "2", "--dist", dist)
    assert result.ret == pytest.ExitCode.OK
    assert comparable(painted) == alone


@pytest.mark.slow
def test_a_sample_that_ends_every_process_costs_no_suite(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadly = "if (case.id, seed) == ('case-2', 1) and 'DEADLY' in os.environ: os.kill(os.getpid(), 9)"
    paint(pytester, kill=f"def paint(case, seed): => import os\ndef paint(case, seed):\n    {deadly}")
    accept(pytester)
    monkeypatch.setenv("DEADLY", "1")
    result = pytester.runpytest_subprocess(*QUIET, "-n", "1")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    found = {str(verdict["case"]): verdict for verdict in verdicts(pytester) if verdict["case"]}
    assert "2 processes ended while they generated it" in str(found["case-2"]["reason"])
    # Beside it, those items are lost that the two processes were running.
    assert found["case-3"]["verdict"] == "passed"
    assert {verdict["verdict"] for verdict in verdicts(pytester) if verdict["metric"] in ("sharpness", "noise")} == {
        "passed"
    }


def comparable(pytester: pytest.Pytester) -> list[dict[str, object]]:
    """All verdicts but those on times and memory, which differ each time."""
    return [verdict for verdict in verdicts(pytester) if verdict["verdict"] != "informational"]
