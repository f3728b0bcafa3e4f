"""Calls a program that may do anything: what comes back is its result, or a `CallFailed` of one line."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TypeVar

from sdeval.config.target import Target
from sdeval.errors import CallFailed, NotAvailable, SdevalError, describe_error, one_line

T = TypeVar("T")
AGAIN = 1.0
"""Seconds after which a call is ended once more that went on all the same."""
SOON = 0.001
"""Seconds after which a timer goes off that should have gone off before."""


class _TimeIsUp(BaseException):
    """A call took longer than it may. No `Exception`: a program that goes on after any of them must end as well."""


def attempt(call: Callable[[], T], timeout: float | None = None) -> T:
    """Call somebody's program, or a pipeline, within a time limit, and stay in the working directory.

    Args:
        call: what is tried.
        timeout: seconds that it may take; no limit where None.

    Raises:
        CallFailed: it failed, in whatever way: also what would end this process, or a test.
        NotAvailable: it needs something that is not on this machine.
        KeyboardInterrupt: the user wants to stop.
    """
    try:
        with _same_directory(), _time_limit(timeout):
            return call()
    except _TimeIsUp:
        reason = f"took longer than the timeout of {timeout:g} seconds"
    except BaseException as error:
        if isinstance(error, _endings()):
            raise
        reason = one_line(str(error)) if isinstance(error, SdevalError) else describe_error(error)
    # Not while the error is handled: what it refers to may fill the memory.
    raise CallFailed(reason)


def check_timeout(target: Target) -> None:
    """Refuse a timeout where a call cannot be ended.

    Raises:
        SdevalError: this system has no timer that interrupts a program, or this is not the main thread.
    """
    if target.timeout is None:
        return
    if not hasattr(signal, "setitimer"):
        raise SdevalError(f"target {target.name}: timeout: calls cannot be ended on {sys.platform}; leave it out")
    if threading.current_thread() is not threading.main_thread():
        raise SdevalError(f"target {target.name}: timeout: calls can be ended in the main thread only; leave it out")


def _endings() -> tuple[type[BaseException], ...]:
    """What is no failure of a call: Ctrl-C, `pytest.exit` where pytest runs, and what concerns every call."""
    leave = getattr(sys.modules.get("pytest"), "exit", None)
    return (KeyboardInterrupt, NotAvailable, *filter(None, (getattr(leave, "Exception", None),)))


@contextmanager
def _same_directory() -> Iterator[None]:
    """Come back to where this process stands: paths of other suites begin there."""
    try:
        before = Path.cwd()
    except OSError:
        # It is gone already, and cannot be come back to.
        yield
        return
    try:
        yield
    finally:
        with suppress(OSError):
            os.chdir(before)


@contextmanager
def _time_limit(seconds: float | None) -> Iterator[None]:
    """Raise `_TimeIsUp` in the main thread once what is within took too long, again and again until it ends.

    Another timer, such as that of pytest-timeout, goes on afterwards; where it goes off earlier, it goes first.
    """
    if seconds is None:
        yield
        return
    running = True

    def expire(number: int, frame: FrameType | None) -> None:
        if running:
            raise _TimeIsUp

    left, every = signal.getitimer(signal.ITIMER_REAL)
    if 0 < left <= seconds:
        yield
        return
    started = time.monotonic()
    handler = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        running = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - started), SOON), every)
