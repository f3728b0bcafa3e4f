"""Which sessions are kept, which are removed, and how much room that frees."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

from sdeval._utils.files import discard, writing
from sdeval.config.options import IMAGE_POOL
from sdeval.errors import SdevalError
from sdeval.results.image_pool import pool_files
from sdeval.results.session_folder import PAGE, VERDICTS, is_unfinished, read_record
from sdeval.results.session_lock import LOCK, SessionLock, is_running
from sdeval.results.session_names import moment, sessions

LATEST = "latest"
_REMOVED = ".{}.removed"
"""Name of a session that is being removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is kept; a session that fits none of it is removed."""

    last: int | None = None
    """As many of the latest sessions."""
    days: float | None = None
    """Sessions that began within as many days."""
    failed: bool = False
    """Sessions that failed, and those of which that is not known."""
    stopped: bool = True
    """Sessions that were stopped before their end, which can be resumed."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a session."""

    session: Path
    kept_because: str
    """Empty where it is removed."""


def decide(output: Path, rules: Rules, now: datetime | None = None) -> list[Fate]:
    """What becomes of every session, the earliest first; what is no folder of a session is not among them.

    Args:
        output: the folder of all sessions.
        rules: what is kept.
        now: the time, in UTC; the clock's where None.
    """
    folders = [path for path in sessions(output) if any((path / name).exists() for name in (VERDICTS, PAGE, LOCK))]
    newest = set(folders[max(0, len(folders) - (rules.last or 0)) :])
    since = (now or datetime.now(UTC)) - timedelta(days=rules.days) if rules.days is not None else None
    # Where the system allows no links, names say which is the latest.
    latest = (output / LATEST).resolve() if (output / LATEST).exists() else folders[-1].resolve() if folders else output
    return [Fate(path, _reason_to_keep(path, rules, path in newest, since, latest)) for path in folders]


def _reason_to_keep(session: Path, rules: Rules, is_new: bool, since: datetime | None, latest: Path) -> str:
    if session.resolve() == latest:
        return "it is the latest"
    # Before the lock is asked for, which takes it for a moment.
    if is_new:
        return "it is one of the last"
    if since is not None and moment(session) >= since:
        return "it is recent"
    if is_running(session):
        return "it is running"
    if is_unfinished(session):
        return "it was stopped and can be resumed" if rules.stopped else ""
    return "it failed" if rules.failed and _may_have_failed(session) else ""


def _may_have_failed(session: Path) -> bool:
    try:
        return read_record(session).outcome == "failed"
    except SdevalError:
        return True


def remove(fates: Sequence[Fate]) -> list[Path]:
    """Remove sessions; one that a process has taken since stays.

    Returns:
        Those that were removed.

    Raises:
        CannotWrite: a right is missing.
    """
    return [fate.session for fate in fates if not fate.kept_because and _remove(fate.session)]


def _remove(session: Path) -> bool:
    lock = SessionLock(session)
    # A session that was removed by another process meanwhile must not come back as an empty folder.
    if not session.is_dir() or not lock.acquire():
        return False
    try:
        # Under another name first: one that is stopped half-way leaves no half session.
        aside = session.with_name(_REMOVED.format(session.name))
        with writing(session):
            session.rename(aside)
        discard(aside)
    finally:
        lock.release()
    return True


def clean(output: Path) -> None:
    """Remove what a stopped `prune` left, and files of the pool that no session holds."""
    for path in output.glob(_REMOVED.format("*")):
        if not path.is_symlink():
            discard(path)
    for path in pool_files(output / IMAGE_POOL):
        # A session that takes it in this moment keeps its own link.
        if path.stat().st_nlink == 1:
            path.unlink(missing_ok=True)


def freed_bytes(output: Path, removed: Iterable[Path]) -> int:
    """The room that removing sessions frees, with what the pool holds for nobody else.

    Args:
        output: the folder of all sessions.
        removed: sessions that are still there.
    """
    links: Counter[tuple[int, int]] = Counter()
    statuses: dict[tuple[int, int], os.stat_result] = {}
    in_sessions = (path for session in removed for path in _files(session))
    for status in _statuses(chain(in_sessions, pool_files(output / IMAGE_POOL))):
        identity = (status.st_dev, status.st_ino)
        links[identity] += 1
        statuses[identity] = status
    return sum(status.st_size for identity, status in statuses.items() if links[identity] >= status.st_nlink)


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names)


def _statuses(paths: Iterable[Path]) -> Iterator[os.stat_result]:
    for path in paths:
        try:
            yield path.lstat()
        # Somebody else removed it.
        except OSError:
            continue
