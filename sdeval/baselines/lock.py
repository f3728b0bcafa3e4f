"""The lock of a baselines folder: one process at a time changes what is in it.

    .sdeval/lock            held by that process
    .sdeval/holder.json     which one it is
    .sdeval/.gitignore      git ignores all of it

The lock is the operating system's, and ends with its process, however that ends; only where a file system has none, it
is a file, which filelock takes over from a dead process.
"""

from __future__ import annotations

import os
import shlex
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from sdeval._utils.files import dump_json
from sdeval._utils.validation import Checked, from_json
from sdeval.errors import SdevalError

PLACE = ".sdeval"
"""In the baselines folder."""
LOCK, HOLDER, IGNORED = "lock", "holder.json", ".gitignore"
COMMAND_SHOWN = 200
"""Characters of a command that others are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder(Checked):
    """The process that changes baselines."""

    pid: int
    host: str
    started: str
    """When it began to, in UTC."""
    command: str

    @classmethod
    def this_process(cls) -> Holder:
        """What others are told about this process."""
        command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]).encode("ascii", "backslashreplace").decode()
        started = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
        return cls(pid=os.getpid(), host=socket.gethostname(), started=started, command=command[:COMMAND_SHOWN])

    def __str__(self) -> str:
        return f"`{self.command}` (pid {self.pid} on {self.host}, {self.started})"


@contextmanager
def locked(baselines: Path, seconds: float) -> Iterator[None]:
    """Hold the lock of a baselines folder, which is made where there is none.

    Args:
        baselines: the folder.
        seconds: how long to wait for another process.

    Raises:
        SdevalError: another process holds it; says which.
    """
    place = baselines / PLACE
    place.mkdir(parents=True, exist_ok=True)
    # Also where another thread of this process holds it.
    lock = FileLock(place / LOCK, timeout=seconds, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise SdevalError(f"{baselines}: is being changed by {_holder(place)}; try again when it has ended") from None
    try:
        # Written in place: nobody relies on these, and nothing is left beside them.
        (place / IGNORED).write_text("*\n")
        (place / HOLDER).write_text(dump_json(asdict(Holder.this_process())))
        yield
    finally:
        with suppress(OSError):
            (place / HOLDER).unlink()
        lock.release()


def _holder(place: Path) -> str:
    try:
        return str(from_json(Holder, (place / HOLDER).read_bytes(), ""))
    except (SdevalError, OSError):
        return "another process"
