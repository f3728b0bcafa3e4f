"""Processes that are forked, stopped, killed and refused by the disk before one of their file-system events.

An event is what Python reports to audit hooks: a file is opened, a folder made or listed, something renamed or removed.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

EVENTS = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "os.scandir", "os.listdir")
WRITES = ("os.rename", "os.mkdir")
"""Events that need room on the disk, besides files that are opened to be written to."""


def fork(place: Path, work: Callable[[], int], output: str = os.devnull) -> int:
    """Do something in a process of its own, in a folder; the file `output` gets what it prints."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.chdir(place)
        printed = os.open(output, os.O_RDWR | os.O_CREAT)
        for stream in (1, 2):
            os.dup2(printed, stream)
        os._exit(work())
    finally:
        # Nothing of this process may ever go on in the child.
        os._exit(70)


def finish(pid: int) -> int:
    """Wait for a process; its exit code, negative where a signal ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def code_within(pid: int, seconds: float) -> int | None:
    """The exit code of a process that ends soon; None where it waits for something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    return None


def with_signal(number: int, event: int, folder: Path, work: Callable[[], int]) -> int:
    """Do something, and send this process a signal before an event in a folder; negative: how many there are."""
    count = 0

    def hook(name: str, arguments: tuple[object, ...]) -> None:
        nonlocal count
        if name not in EVENTS or not _is_in(str(folder), arguments[0]):
            return
        count += 1
        if count == event:
            os.kill(os.getpid(), number)

    sys.addaudithook(hook)
    code = work()
    return count if event < 0 else code


def with_full_disk(event: int, folder: Path, work: Callable[[], int]) -> int:
    """Do something while nothing can be written in a folder from an event on; negative: how many such events."""
    count = 0

    def hook(name: str, arguments: tuple[object, ...]) -> None:
        nonlocal count
        if not _writes(name, arguments) or not _is_in(str(folder), arguments[0]):
            return
        count += 1
        if 0 < event <= count:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(arguments[0]))

    sys.addaudithook(hook)
    code = work()
    return count if event < 0 else code


def _writes(name: str, arguments: tuple[object, ...]) -> bool:
    if name != "open":
        return name in WRITES
    flags = arguments[2]
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))


def _is_in(folder: str, path: object) -> bool:
    """Whether an event is about a path in a folder; `rmtree` names only what is in the folder that it is in."""
    return str(path).startswith(folder) or (isinstance(path, str) and not Path(path).is_absolute())
