"""Names of sessions, and which one was stopped."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sdeval.errors import CannotWrite
from sdeval.results import journal
from sdeval.results.session_folder import claim_stopped, new_name, remove_partial_files, sessions, stopped_session
from sdeval.results.session_lock import SessionLock, holder, is_running


def begun(output: Path, name: str) -> Path:
    session = output / name
    (session / "few" / "shapes").mkdir(parents=True)
    (session / "few" / "shapes" / journal.NAME).touch()
    return session


def test_names_are_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC-14")
    time.tzset()
    try:
        named = datetime.strptime(new_name()[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert abs((named - datetime.now(UTC)).total_seconds()) < 3600


def test_a_name_sorts_after_all_others_though_the_clock_was_set_back(tmp_path: Path) -> None:
    begun(tmp_path, "21001231-235959-abcd")
    assert new_name(tmp_path).startswith("21010101-000000-")


def test_a_folder_of_another_kind_is_no_session(tmp_path: Path) -> None:
    begun(tmp_path, "bisect")
    begun(tmp_path, "20261399-000000-abcd")
    assert [path.name for path in sessions(tmp_path)] == ["20261399-000000-abcd"]
    assert new_name(tmp_path) < "2100"


def test_only_the_latest_session_can_be_stopped(tmp_path: Path) -> None:
    stopped = begun(tmp_path, "20260101-000000-abcd")
    assert stopped_session(tmp_path) == stopped
    (tmp_path / "20260102-000000-abcd").mkdir()
    assert stopped_session(tmp_path) is None


def test_without_sessions_none_was_stopped(tmp_path: Path) -> None:
    assert stopped_session(tmp_path / "none") is None


def test_a_running_session_is_not_stopped_and_does_not_hide_one_that_is(tmp_path: Path) -> None:
    stopped = begun(tmp_path, "20260101-000000-abcd")
    lock = SessionLock(begun(tmp_path, "20260102-000000-abcd"))
    assert lock.claim()
    assert stopped_session(tmp_path) == stopped


def test_a_session_is_claimed_once(tmp_path: Path) -> None:
    first, second = SessionLock(tmp_path / "session"), SessionLock(tmp_path / "session")
    assert first.claim()
    assert not second.claim()
    assert is_running(tmp_path / "session")
    first.release()
    assert not is_running(tmp_path / "session")
    assert second.claim()
    second.release()


def test_the_holder_is_named(tmp_path: Path) -> None:
    lock = SessionLock(tmp_path / "session")
    lock.claim()
    assert "pid " in holder(tmp_path / "session")
    lock.release()


def test_files_that_a_killed_process_was_writing_are_removed(tmp_path: Path) -> None:
    session = begun(tmp_path, "20260101-000000-abcd")
    partial = session / "few" / "shapes" / ".run.json.123.part"
    partial.touch()
    remove_partial_files(session)
    assert not partial.exists()
    assert (session / "few" / "shapes" / journal.NAME).exists()


def test_a_stopped_session_is_claimed_by_one_process(tmp_path: Path) -> None:
    stopped = begun(tmp_path, "20260101-000000-abcd")
    first = claim_stopped(stopped)
    assert first is not None
    assert claim_stopped(stopped) is None
    first.release()


def test_a_session_that_was_resumed_to_its_end_meanwhile_is_not_claimed(tmp_path: Path) -> None:
    stopped = begun(tmp_path, "20260101-000000-abcd")
    (stopped / "few" / "shapes" / journal.NAME).unlink()
    assert claim_stopped(stopped) is None
    assert not is_running(stopped)
    assert not holder(stopped)


def test_a_folder_that_cannot_be_written_to_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "session").touch()
    with pytest.raises(CannotWrite, match=r"cannot write to .*session"):
        SessionLock(tmp_path / "session").claim()
