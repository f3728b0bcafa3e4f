"""Steps that are tried one after the other, however many of them fail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sdeval.errors import SdevalError, printable


class Attempts:
    """Keeps why steps failed, a line each, and lets the next ones go on.

    Example:
        >>> attempts = Attempts()
        >>> with attempts.step():
        ...     raise SdevalError("the disk is full")
        >>> attempts.failures
        ['the disk is full']
    """

    def __init__(self) -> None:
        self.failures: list[str] = []

    @contextmanager
    def step(self) -> Iterator[None]:
        """One step; what is read or written in it may fail."""
        try:
            yield
        except (SdevalError, OSError) as error:
            self.failures.append(printable(str(error)))
