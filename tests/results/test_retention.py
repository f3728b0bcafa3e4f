"""Old sessions are removed, and nothing else is."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sdeval.cli import main
from sdeval.comparison import Verdict
from sdeval.config.options import IMAGE_POOL
from sdeval.results import verdicts_file
from sdeval.results.image_pool import pool_files, write_shared
from sdeval.results.journal import NAME as JOURNAL
from sdeval.results.retention import Rules, clean, decide, freed_bytes, remove
from sdeval.results.session_folder import VERDICTS, point_latest
from sdeval.results.session_lock import HOLDER, LOCK

NOW = datetime(2026, 1, 9, tzinfo=UTC)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "reports"


def session(output: Path, day: int, *, failed: bool = False, image: bytes = b"") -> Path:
    """A session that came to its end, and is the latest."""
    folder = output / f"2026010{day}-120000-abcd"
    verdict = Verdict(
        suite="animals", target="tiny", metric="clip_score", case="", verdict="regressed" if failed else "passed"
    )
    verdicts_file.write(verdicts_file.Record.of(folder.name, [verdict], strict=False), folder / VERDICTS)
    image_path = folder / "animals" / "tiny" / "images" / "case-0@0.png"
    write_shared(image_path, image or b"image of day %d" % day, output / IMAGE_POOL)
    point_latest(folder)
    return folder


def kept(output: Path) -> list[int]:
    """Days of the sessions that are there."""
    return sorted(int(path.name[7]) for path in output.glob("2026*"))


def prune(output: Path, rules: Rules) -> list[Path]:
    removed = remove(decide(output, rules, NOW))
    clean(output)
    return removed


def test_the_last_are_kept(output: Path) -> None:
    for day in range(1, 6):
        session(output, day)
    prune(output, Rules(last=2))
    assert kept(output) == [4, 5]


def test_fewer_than_are_kept_are_all_kept(output: Path) -> None:
    for day in (1, 2):
        session(output, day)
    assert prune(output, Rules(last=5)) == []
    assert kept(output) == [1, 2]


def test_those_of_some_days_are_kept(output: Path) -> None:
    for day in range(1, 9):
        session(output, day)
    prune(output, Rules(days=3))
    assert kept(output) == [6, 7, 8]


def test_what_one_rule_keeps_is_kept(output: Path) -> None:
    for day in range(1, 6):
        session(output, day, failed=day == 2)
    prune(output, Rules(last=1, failed=True))
    assert kept(output) == [2, 5]


def test_a_session_whose_outcome_cannot_be_read_counts_as_failed(output: Path) -> None:
    (session(output, 1) / VERDICTS).write_text("{")
    session(output, 2)
    prune(output, Rules(failed=True))
    assert kept(output) == [1, 2]


def test_the_latest_is_kept_whatever_its_name_says(output: Path) -> None:
    resumed = session(output, 1)
    session(output, 2)
    point_latest(resumed)
    prune(output, Rules(last=0))
    assert kept(output) == [1]


def test_without_a_link_the_last_one_is_the_latest(output: Path) -> None:
    for day in (1, 2):
        session(output, day)
    (output / "latest").unlink()
    prune(output, Rules(last=0))
    assert kept(output) == [2]


@contextmanager
def running(folder: Path) -> Iterator[None]:
    """Another process that holds the lock of a session."""
    code = (
        "import sys; from pathlib import Path; from sdeval.results.session_lock import SessionLock;"
        f"lock = SessionLock(Path({str(folder)!r})); lock.claim(); print('held', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin
    assert process.stdout
    assert process.stdout.readline().strip() == b"held"
    try:
        yield
    finally:
        process.stdin.close()
        process.wait()


def test_a_session_that_is_running_is_kept(output: Path) -> None:
    folder = session(output, 1)
    session(output, 2)
    with running(folder):
        assert [fate.kept_because for fate in decide(output, Rules())] == ["it is running", "it is the latest"]
        assert prune(output, Rules(stopped=False)) == []
    assert kept(output) == [1, 2]


def test_a_session_that_began_to_run_after_it_was_decided_on_is_kept(output: Path) -> None:
    folder = session(output, 1)
    session(output, 2)
    fates = decide(output, Rules(), NOW)
    with running(folder):
        assert remove(fates) == []
    assert kept(output) == [1, 2]


@pytest.mark.parametrize("sign", [HOLDER, f"animals/tiny/{JOURNAL}"])
def test_a_stopped_session_is_kept_until_it_is_asked_for(output: Path, sign: str) -> None:
    (session(output, 1) / sign).write_text("")
    session(output, 2)
    prune(output, Rules())
    assert kept(output) == [1, 2]
    prune(output, Rules(stopped=False))
    assert kept(output) == [2]


def test_nothing_else_is_touched(output: Path, tmp_path: Path) -> None:
    session(output, 1)
    others = ["history.jsonl", "README.md", "monday/index.html", "20260101-120000-abcd.old/index.html", ".hidden/x"]
    # The name of a session, and nothing of one in it.
    others += ["20260101-110000-0123/notes.txt", f"{IMAGE_POOL}/notes.txt", f"{IMAGE_POOL}/ab/notes.png"]
    for name in others:
        (output / name).parent.mkdir(parents=True, exist_ok=True)
        (output / name).write_text("mine")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / VERDICTS).write_text("{}")
    (output / "20260101-100000-0123").symlink_to(tmp_path / "elsewhere")
    session(output, 2)
    prune(output, Rules())
    assert all((output / name).read_text() == "mine" for name in others)
    assert (tmp_path / "elsewhere" / VERDICTS).is_file()
    assert (output / "20260102-120000-abcd").is_dir()
    assert not (output / "20260101-120000-abcd").exists()


def test_images_that_no_session_holds_leave_the_pool(output: Path) -> None:
    for day in (1, 2):
        session(output, day)
    shared = session(output, 3, image=b"shared")
    session(output, 4, image=b"shared")
    prune(output, Rules(last=1))
    (file,) = pool_files(output / IMAGE_POOL)
    assert file.read_bytes() == b"shared"
    assert not shared.exists()
    assert next(output.glob("2026*/*/*/images/*.png")).read_bytes() == b"shared"


def test_a_removal_that_was_stopped_half_way_is_finished(output: Path) -> None:
    session(output, 1)
    (output / ".20260101-090000-abcd.removed" / "images").mkdir(parents=True)
    clean(output)
    assert not list(output.glob(".*.removed"))
    assert kept(output) == [1]


def disk_use(folder: Path) -> int:
    files = {path.stat().st_ino: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    return sum(files.values())


def test_the_room_that_is_freed_is_what_disappears(output: Path) -> None:
    for day in range(1, 6):
        session(output, day, image=b"shared" * 100 if day in (2, 5) else b"alone" * day)
    fates = decide(output, Rules(last=1), NOW)
    freed = freed_bytes(output, [fate.session for fate in fates if not fate.kept_because])
    before = disk_use(output)
    remove(fates)
    clean(output)
    # Locks are made to look after the sessions, and are empty.
    assert before - disk_use(output) == freed > 0


def test_the_command_says_what_it_removes_and_a_dry_run_removes_nothing(
    output: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (output.parent / "pyproject.toml").write_text("")
    monkeypatch.chdir(output.parent)
    for day in range(1, 4):
        session(output, day)
    assert main(["prune", "--keep-last", "1", "--dry-run"]) == 0
    dry = capsys.readouterr().out
    assert kept(output) == [1, 2, 3]
    assert main(["prune", "--keep-last", "1"]) == 0
    assert kept(output) == [3]
    text = capsys.readouterr().out
    assert text == dry.replace("would remove", "removed").replace("would free", "freed")
    assert "removed reports/20260101-120000-abcd\n" in text
    assert "kept 1 session: it is the latest\n" in text
    assert "2 sessions of 3 in reports; freed 1." in text


def test_without_options_the_last_ten_are_kept(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (output.parent / "pyproject.toml").write_text("")
    monkeypatch.chdir(output.parent)
    for hour in range(12):
        folder = output / f"20260101-{hour:02}0000-abcd"
        folder.mkdir(parents=True)
        (folder / LOCK).touch()
    assert main(["prune"]) == 0
    assert len(list(output.glob("2026*"))) == 10


@pytest.mark.parametrize("options", [("--keep-last", "-1"), ("--keep-days", "-1"), ("--keep-days", "nan")])
def test_a_number_that_is_none_ends_in_one_line(options: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prune", f"{options[0]}={options[1]}"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"sdeval: {options[0]}: must be a")
