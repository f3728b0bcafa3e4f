"""Which process holds something that others wait for or must leave alone."""

from __future__ import annotations

import os
import shlex
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from sdeval._utils.validation import Checked

COMMAND_SHOWN = 200
"""Characters of a command that others are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder(Checked):
    """A process that holds something."""

    pid: int
    host: str
    started: str
    """When it took it, in UTC."""
    command: str

    @classmethod
    def this_process(cls) -> Holder:
        """This process, as others are shown it."""
        command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]).encode("ascii", "backslashreplace").decode()
        started = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
        return cls(pid=os.getpid(), host=socket.gethostname(), started=started, command=command[:COMMAND_SHOWN])

    def __str__(self) -> str:
        return f"`{self.command}` (pid {self.pid} on {self.host}, {self.started})"
