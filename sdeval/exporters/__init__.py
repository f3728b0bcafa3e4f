"""Where sessions are exported to: experiment trackers, by name. Packages add others with the entry point group.

Each exporter runs in a process of its own once the session is published: one that fails, hangs or prints changes
neither verdicts nor exit code.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Protocol

from sdeval.errors import SdevalError, one_line, unknown

if TYPE_CHECKING:
    from sdeval.exporters.results import SessionResults

GROUP = "sdeval.exporters"
_OURS = {name: f"sdeval.exporters.{name}:export" for name in ("mlflow", "wandb", "trackio", "tensorboard")}
MARK = "sdeval export failed: "
"""How the line begins in which the process of an exporter says what went wrong."""


class Exporter(Protocol):
    """What an entry point names: a function that sends what a session found somewhere else."""

    def __call__(self, results: SessionResults) -> None:
        """Export a session that has ended.

        Raises:
            SdevalError: it cannot; the message is shown in one line, and fails nothing.
        """
        ...


def names() -> tuple[str, ...]:
    """Names of all exporters: those of sdeval, then those of installed packages."""
    return (*_OURS, *sorted(_entry_points()))


def check_names(chosen: Sequence[str]) -> None:
    """Refuse a name that no exporter has.

    Raises:
        SdevalError: lists the near matches.
    """
    for name in chosen:
        if name not in names():
            raise SdevalError(f"export: {unknown('exporter', name, names())}")


def find(name: str) -> Exporter:
    """An exporter by its name.

    Raises:
        SdevalError: there is none, or its package does not load.
    """
    check_names([name])
    entry = metadata.EntryPoint(name, _OURS[name], GROUP) if name in _OURS else _entry_points()[name]
    exporter: Exporter = entry.load()
    return exporter


def export(session: Path, chosen: Sequence[str], timeout: float) -> list[str]:
    """Export a session that was published; what went wrong is given back, a line for each exporter that failed.

    Args:
        session: the folder of the session.
        chosen: names of exporters.
        timeout: seconds that each of them may take.
    """
    return [f"export to {name}: {failure}" for name in chosen if (failure := _failure(session, name, timeout))]


def _failure(session: Path, name: str, timeout: float) -> str:
    """Why an exporter failed; empty where it did not."""
    command = [sys.executable, "-m", "sdeval.exporters", name, str(session.resolve())]
    # A file, not a pipe: what an exporter leaves running would keep a pipe open.
    with TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        except OSError as error:
            return one_line(str(error))
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            return f"did not end within {timeout:g} seconds; [tool.sdeval] export-timeout allows more"
        finally:
            _end(process)
        output.seek(0)
        lines = output.read().decode("utf-8", "replace").splitlines()
    if code == 0:
        return ""
    said = next((line.removeprefix(MARK) for line in reversed(lines) if line.startswith(MARK)), "")
    return one_line(said or f"its process ended with exit code {code}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process that is still running, with all that it started."""
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _entry_points() -> dict[str, metadata.EntryPoint]:
    return {entry.name: entry for entry in metadata.entry_points(group=GROUP) if entry.name not in _OURS}
