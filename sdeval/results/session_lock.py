"""The lock of a session: held while it runs, and let go by the operating system when its process ends in any way."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from filelock import FileLock, Timeout

from sdeval._utils.files import dump_json, read_bytes, write_text, writing
from sdeval._utils.holder import Holder
from sdeval._utils.validation import from_json
from sdeval.errors import SdevalError

LOCK = ".lock"
"""In the folder of a session; it stays, as to remove a lock is a race."""
HOLDER = "running.json"
"""In the folder of a session that has not come to its end."""
A_MOMENT = 0.2
"""Seconds."""


class SessionLock:
    """The lock of one session, held until it is released or the process ends.

    Args:
        session: the folder of the session.
    """

    def __init__(self, session: Path) -> None:
        self.session = session
        self._lock = FileLock(session / LOCK, timeout=0)

    def claim(self) -> bool:
        """Take the session, and say who holds it; False where another process runs it.

        Raises:
            CannotWrite: its folder cannot be written to.
        """
        if not self.acquire():
            return False
        self.sign()
        return True

    def acquire(self) -> bool:
        """Take the session without a word; False where another process runs it."""
        with writing(self.session / LOCK):
            self.session.mkdir(parents=True, exist_ok=True)
            try:
                # Whoever asks `is_running` holds it as well, for a moment.
                self._lock.acquire(timeout=A_MOMENT)
            except Timeout:
                return False
        return True

    def sign(self) -> None:
        """Say in the session which process runs it."""
        write_text(self.session / HOLDER, dump_json(asdict(Holder.this_process())))

    def release(self) -> None:
        """Let another process take it."""
        self._lock.release()


def is_running(session: Path) -> bool:
    """Whether a process holds the lock of a session, or it cannot be known that none does."""
    if not (session / LOCK).is_file():
        return False
    lock = FileLock(session / LOCK, timeout=0)
    try:
        lock.acquire()
    # A time-out is one, too.
    except OSError:
        return True
    lock.release()
    return False


def holder(session: Path) -> str:
    """Who ran a session that has not come to its end, or runs it still; empty where that is not known."""
    try:
        return str(from_json(Holder, read_bytes(session / HOLDER), HOLDER))
    except (OSError, SdevalError):
        return ""
