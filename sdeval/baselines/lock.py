"""The lock of a baselines folder: one process at a time changes what is in it.

    .sdeval/lock            held by that process
    .sdeval/holder.json     which one it is
    .sdeval/.gitignore      git ignores all of it

The lock is the operating system's, and ends with its process, however that ends; only where a file system has none, it
is a file, which filelock takes over from a dead process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from filelock import FileLock, Timeout

from sdeval._utils.files import dump_json, read_bytes
from sdeval._utils.holder import Holder
from sdeval._utils.validation import from_json
from sdeval.errors import SdevalError

PLACE = ".sdeval"
"""In the baselines folder."""
LOCK, HOLDER, IGNORED = "lock", "holder.json", ".gitignore"


@contextmanager
def locked(baselines: Path, seconds: float) -> Iterator[None]:
    """Hold the lock of a baselines folder, which is made where there is none.

    Args:
        baselines: the folder.
        seconds: how long to wait for another process.

    Raises:
        SdevalError: another process holds it, says which; or there is something else where it should be.
    """
    place = baselines / PLACE
    try:
        place.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise SdevalError(f"{place}: must be a folder, as the lock of the baselines lies in it; remove it") from None
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
        return str(from_json(Holder, read_bytes(place / HOLDER), ""))
    except (SdevalError, OSError):
        return "another process"
