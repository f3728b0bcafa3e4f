"""How drawing tells how far it is: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol, TextIO

from tqdm import tqdm

EVERY_S = 15.0
"""Seconds between two plain lines."""


class Watcher(Protocol):
    """Shows the progress of one job at a time."""

    def watch(self, title: str, pictures: int) -> AbstractContextManager[Callable[[int], None]]:
        """Within the context, the function given is told how many more pictures are done."""
        ...


class Silent:
    """Shows nothing."""

    def watch(self, title: str, pictures: int) -> AbstractContextManager[Callable[[int], None]]:
        """Tell nobody."""
        return nullcontext(lambda _: None)


class Shown:
    """Writes to a stream: `shapes-text2img on shapes: 24/48 pictures, 9.8/s, 2 s left`.

    Args:
        stream: where to.
        bar: a bar that redraws itself, instead of lines.
        aside: a context to write within, such as one that suspends output capturing.
    """

    def __init__(
        self, stream: Callable[[], TextIO], *, bar: bool, aside: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._stream, self._bar, self._aside = stream, bar, aside

    @contextmanager
    def watch(self, title: str, pictures: int) -> Iterator[Callable[[int], None]]:
        """Show one job."""
        started = time.monotonic()
        with self._aside():
            stream = self._stream()
            stream.write("\n")
            shown = tqdm(
                total=pictures,
                desc=title,
                unit=" pictures",
                file=stream,
                leave=True,
                disable=not self._bar,
                dynamic_ncols=True,
            )
        done, told = 0, started

        def progress(more: int) -> None:
            nonlocal done, told
            done += more
            now = time.monotonic()
            with self._aside():
                shown.update(more)
                if not self._bar and (now - told > EVERY_S or done == pictures):
                    told = now
                    self._stream().write(line(title, done, pictures, now - started) + "\n")
                    self._stream().flush()

        try:
            yield progress
        finally:
            with self._aside():
                shown.close()


def line(title: str, done: int, pictures: int, seconds: float) -> str:
    """One plain line of progress.

    Example:
        >>> line("shapes-text2img on shapes", 24, 48, 2.4)
        'shapes-text2img on shapes: 24/48 pictures, 10.0/s, 2 s left'
    """
    rate = done / seconds if seconds else 0.0
    left = f"{(pictures - done) / rate:.0f} s left" if rate else "…"
    return f"{title}: {done}/{pictures} pictures, {rate:.1f}/s, {left}"
