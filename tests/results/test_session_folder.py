"""Names of sessions, and which one was stopped."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from sdeval.errors import CannotWrite
from sdeval.results import journal, run_folder
from sdeval.results.session_folder import (
    claim_stopped,
    decided_early,
    generated_images,
    point_latest,
    remove_partial_files,
    run_folders,
    stopped_session,
)
from sdeval.results.session_lock import SessionLock, holder, is_running
from sdeval.results.session_names import new_name, sessions
from tests.conftest import make_run


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


def finished(session: Path, *suites: str) -> list[Path]:
    """Runs of a session, with all their seeds."""
    folders = [session / suite / "tiny" for suite in suites]
    for folder in folders:
        run_folder.write(make_run(np.ones((1, 2))), folder)
    return folders


def test_the_runs_of_a_session_are_found_in_the_order_of_their_names(tmp_path: Path) -> None:
    folders = finished(tmp_path, "zoo", "animals")
    assert run_folders(tmp_path) == folders[::-1]
    assert run_folders(folders[0]) == folders[:1]


def test_a_session_with_one_run_that_was_decided_early_was_decided_early(tmp_path: Path) -> None:
    finished(tmp_path, "animals")
    assert not decided_early(tmp_path)
    run = make_run(np.ones((1, 2)))
    run_folder.write(replace(run, request={**run.request, "rounds": [[0, 1], [0, 1, 2]]}), tmp_path / "zoo" / "tiny")
    assert decided_early(tmp_path)


def test_images_of_all_runs_are_counted(tmp_path: Path) -> None:
    for path in ("zoo/tiny/images/cat@0.png", "zoo/other/images/cat@0.png", "zoo/tiny/inputs/a.png"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    assert generated_images(tmp_path) == 2


def test_latest_is_the_session_that_was_pointed_at_last(tmp_path: Path) -> None:
    for name in ("20260102-000000-abcd", "20260101-000000-abcd"):
        point_latest(begun(tmp_path, name))
        assert (tmp_path / "latest").resolve() == (tmp_path / name).resolve()
    assert sorted(path.name for path in tmp_path.iterdir() if "latest" in path.name) == ["latest"]
