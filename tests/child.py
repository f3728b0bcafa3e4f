"""A process of its own for what ends its process."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any


def in_child(work: Callable[[], Any]) -> int:
    """The exit code of a process that does something; negative where a signal ended it."""
    pid = os.fork()
    if not pid:
        try:
            work()
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
