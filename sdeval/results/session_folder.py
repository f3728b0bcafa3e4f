"""The folder of a session: what is in it and where. `report.publish` writes what people read."""

from __future__ import annotations

import secrets
import time
from functools import lru_cache
from pathlib import Path

from sdeval._utils.files import exists
from sdeval.results import journal, run_folder
from sdeval.results import verdicts_file as record
from sdeval.results.run import Run
from sdeval.results.verdicts_file import Record

VERDICTS = "verdicts.json"
PAGE = "index.html"
SUMMARY = "summary.md"
MOST_RUNS = 64
"""Runs that are kept in memory at the end of a session."""


def new_name() -> str:
    """A name that sorts by time and never clashes: `20261121-141503-9f2c`."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"


def unfinished(output: Path) -> str | None:
    """The latest session by its name, if it was stopped while it generated."""
    sessions = sorted(path for path in output.glob("*/") if not path.is_symlink() and any(path.glob("*/*/")))
    is_unfinished = bool(sessions) and any(sessions[-1].glob(f"*/*/{journal.NAME}"))
    return sessions[-1].name if is_unfinished else None


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
