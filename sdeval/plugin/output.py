"""What pytest prints decides nothing: a session that cannot print has the same verdicts, files and exit code."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

FAILURES = (OSError, ValueError)
"""What a stream raises that is full or closed."""


def open_streams() -> None:
    """Let pytest print nowhere where its streams were closed before it began; it would not begin otherwise."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115


class Output:
    """A stream of which nobody notices that it fails, but for who asks why.

    Args:
        stream: what is written to, as long as that is possible.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.failure = ""
        """Why something could not be printed; empty where everything was."""

    def write(self, text: str) -> int:
        """Print some text now, so that nothing waits for a stream that fails."""
        try:
            self._stream.write(text)
            self._stream.flush()
        # A character that the stream does not have: pytest writes it in another way.
        except UnicodeEncodeError:
            raise
        except FAILURES as error:
            self._drop(error)
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""

    def _drop(self, error: Exception) -> None:
        """Forget what could not be printed: the stream would try again when the process ends."""
        self.failure = getattr(error, "strerror", None) or str(error)
        with suppress(*FAILURES):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def shield(terminalreporter: Any) -> Output:
    """From now on, let no test fail because its result cannot be printed."""
    writer = terminalreporter._tw
    writer._file = Output(writer._file)
    output: Output = writer._file
    return output
