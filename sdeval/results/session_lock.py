"""The lock of a session: held while it runs, and let go by the operating system when its process ends in any way."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from filelock import FileLock, Timeout

from sdeval._utils.files import dump_json, read_bytes, write_text
from sdeval._utils.holder import Holder
from sdeval._utils.validation import from_json
from sdeval.errors import SdevalError

LOCK = ".lock"
"""In the folder of a session; it stays, as to remove a lock is a race."""
HOLDER = "running.json"
"""In the folder of a session that has not come to its end."""


class SessionLock:
    """The lock of one session, held until it is released or the process ends.

    Args:
        session: the folder of the session.
    """

    def __init__(self, session: Path) -> None:
        self._session = session
        self._lock = FileLock(session / LOCK, timeout=0)

    def claim(self) -> bool:
        """Take the session, and say who holds it; False where another process runs it."""
        self._session.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire()
        except Timeout:
            return False
        write_text(self._session / HOLDER, dump_json(asdict(Holder.this_process())))
        return True

    def release(self) -> None:
        """Let another process take it."""
        self._lock.release()


def is_running(session: Path) -> bool:
    """Whether a process holds the lock of a session."""
    if not (session / LOCK).is_file():
        return False
    lock = FileLock(session / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return True
    lock.release()
    return False


def holder(session: Path) -> str:
    """Who ran a session that has not come to its end, or runs it still; empty where that is not known."""
    try:
        return str(from_json(Holder, read_bytes(session / HOLDER), HOLDER))
    except (OSError, SdevalError):
        return ""
