"""The folder of a session: what is in it and where. `report.publish` writes what people read."""

from __future__ import annotations

import contextlib
import os
from functools import lru_cache
from pathlib import Path

from sdeval._utils.files import exists
from sdeval.results import journal, run_folder
from sdeval.results import verdicts_file as record
from sdeval.results.run import Run
from sdeval.results.session_lock import HOLDER, SessionLock, is_running
from sdeval.results.session_names import sessions
from sdeval.results.verdicts_file import Record

VERDICTS = "verdicts.json"
PAGE = "index.html"
COMPARISON = "compare.html"
"""The page of the comparison, where a session has several targets."""
SUMMARY = "summary.md"
MOST_RUNS = 64
"""Runs that are kept in memory at the end of a session."""


def stopped_session(output: Path) -> Path | None:
    """The latest session, if it was stopped before its end; those that are still running are passed over."""
    latest = next((path for path in reversed(sessions(output)) if not is_running(path)), None)
    return latest if latest is not None and is_unfinished(latest) else None


def claim_stopped(session: Path) -> SessionLock | None:
    """The lock of a session that was stopped; None where another process has resumed it meanwhile.

    Raises:
        CannotWrite: the folder of the session cannot be written to.
    """
    lock = SessionLock(session)
    if not lock.acquire():
        return None
    # The other process may have come to its end already.
    if not is_unfinished(session):
        lock.release()
        return None
    lock.sign()
    return lock


def is_unfinished(session: Path) -> bool:
    """Whether a session is running, or something of it can be resumed."""
    return not has_ended(session) or any(session.glob(f"*/*/{journal.NAME}"))


def has_ended(session: Path) -> bool:
    """Whether a session has come to its end, with verdicts on everything."""
    return not (session / HOLDER).is_file()


def remove_partial_files(session: Path) -> None:
    """Remove what a killed process was writing; nobody else may be writing to the session."""
    for path in session.rglob(".*.part"):
        path.unlink(missing_ok=True)


def point_latest(session: Path) -> None:
    """Point the link `latest` at a session; where the system allows no links, names say which is the latest."""
    link, aside = session.parent / "latest", session.parent / f".latest.{os.getpid()}"
    with contextlib.suppress(OSError):
        aside.unlink(missing_ok=True)
        aside.symlink_to(session.name)
        aside.replace(link)


def read_record(session: Path) -> Record:
    """What a session found.

    Raises:
        SdevalError: there is nothing, or the file is corrupt.
    """
    return record.read(session / VERDICTS)


def read_run(folder: Path) -> Run:
    """A run of a session that came to its end: all that is made of it then is made of one reading.

    Raises:
        SdevalError: it is missing, incomplete or corrupt.
    """
    path = folder / "run.json"
    return _read_run(folder, path.stat().st_mtime_ns if exists(path) else 0)


@lru_cache(maxsize=MOST_RUNS)
def _read_run(folder: Path, _: int) -> Run:
    return run_folder.read(folder)


def run_folders(session: Path) -> list[Path]:
    """Folders of the runs in a session, or the folder itself where it is a run."""
    if exists(session / "run.json"):
        return [session]
    return sorted(path.parent for path in session.glob("*/*/run.json"))


def decided_early(session: Path) -> bool:
    """Whether a run of a session was decided before all its seeds were generated: it cannot be accepted as it is."""
    requests = [read_run(folder).request for folder in run_folders(session)]
    return any(len(entry["seeds"]) < len(entry["rounds"][-1]) for entry in requests)


def generated_images(session: Path) -> int:
    """How many images a session has generated so far, whether or not it came to its end."""
    return sum(1 for _ in session.glob("*/*/images/*.png"))
