"""How long work tells how far it is: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Protocol, TextIO

from sdeval.errors import escaped

if TYPE_CHECKING:
    from rich.progress import Progress

EVERY_S = 15.0
"""Seconds between two plain lines."""
PATIENCE_S = 2.0
"""Seconds that a command may take without telling how far it is."""


class Watcher(Protocol):
    """Shows the progress of one job at a time."""

    def watch(self, title: str, images: int) -> AbstractContextManager[Callable[[int], None]]:
        """Within the context, the function given is reported how many more images are done."""
        ...


class Silent:
    """Shows nothing."""

    def watch(self, title: str, images: int) -> AbstractContextManager[Callable[[int], None]]:
        """Tell nobody."""
        return nullcontext(lambda _: None)


class Shown:
    """Writes to a stream: `shapes-text2img on shapes: 24/48 images, 9.8/s, 2 s left`.

    Args:
        stream: where to.
        bar: a bar that redraws itself, instead of lines.
        aside: a context to write within, such as one that suspends output capturing.
        colour: whether the bar is coloured; where None, unless NO_COLOR is set.
        after: seconds in which nothing is shown: what is done by then needs no progress.
    """

    def __init__(
        self,
        stream: Callable[[], TextIO],
        *,
        bar: bool,
        aside: Callable[[], AbstractContextManager[None]],
        colour: bool | None = None,
        after: float = 0.0,
    ) -> None:
        self._stream, self._bar, self._aside, self._colour = stream, bar, aside, colour
        self._after = after

    @contextmanager
    def watch(self, title: str, images: int) -> Iterator[Callable[[int], None]]:
        """Show one job."""
        done, started = 0, time.monotonic()

        def progress(more: int) -> None:
            nonlocal done
            done += more
            with self._showing():
                display.update(done, time.monotonic() - started)

        with self._aside():
            stream = self._stream()
        title = escaped(title)
        display: _Display = _Bar(stream, title, images, self._colour) if self._bar else _Lines(stream, title, images)
        if self._after:
            display = _Later(display, self._after)
        try:
            with self._showing():
                stream.write("" if self._after else "\n")
                display.open()
            yield progress
        finally:
            with self._showing():
                display.close()

    @contextmanager
    def _showing(self) -> Iterator[None]:
        """A context to write within: no image depends on whether a stream is full, closed, or has a character."""
        with suppress(OSError, ValueError), self._aside():
            yield


def can_redraw(*, is_terminal: bool) -> bool:
    """Whether a stream is a terminal that can write over a line; one that calls itself dumb cannot."""
    return is_terminal and os.environ.get("TERM") != "dumb"


def on_stderr() -> Watcher:
    """Progress of a command, on standard error, if it takes long."""
    return Shown(
        lambda: sys.stderr, bar=can_redraw(is_terminal=sys.stderr.isatty()), aside=nullcontext, after=PATIENCE_S
    )


class _Display(Protocol):
    """One job on a stream."""

    def open(self) -> None: ...

    def update(self, done: int, seconds: float) -> None: ...

    def close(self) -> None: ...


class _Later:
    """Another display, from the moment on at which the job has taken some seconds."""

    def __init__(self, display: _Display, after: float) -> None:
        self._display, self._after = display, after
        self._is_open = False

    def open(self) -> None:
        """It may be done before anything is shown."""

    def update(self, done: int, seconds: float) -> None:
        """Show it, if it takes long."""
        if seconds < self._after:
            return
        if not self._is_open:
            self._is_open = True
            self._display.open()
        self._display.update(done, seconds)

    def close(self) -> None:
        """End what was shown."""
        if self._is_open:
            self._display.close()


class _Lines:
    """A plain line now and then, and one at the end."""

    def __init__(self, stream: TextIO, title: str, images: int) -> None:
        self._stream, self._title, self._images = stream, title, images
        self._shown_at = 0.0

    def open(self) -> None:
        """Nothing is done yet, and nothing written."""

    def update(self, done: int, seconds: float) -> None:
        """Write a line where the last one is long ago, or all is done."""
        if seconds - self._shown_at > EVERY_S or done == self._images:
            self._shown_at = seconds
            self._stream.write(line(self._title, done, self._images, seconds) + "\n")
            self._stream.flush()

    def close(self) -> None:
        """Every line is whole already."""


class _Bar:
    """A bar in one line, which is written only when it is updated: in between, the line may belong to somebody else."""

    def __init__(self, stream: TextIO, title: str, images: int, colour: bool | None) -> None:
        self._images = images
        self._bar = _progress(stream, colour)
        self._task = self._bar.add_task(title, total=images, counts=counts(0, images, 0.0))

    def open(self) -> None:
        """Generate the bar for the first time."""
        self._bar.start()
        # A process that is killed could not bring back a hidden cursor.
        self._bar.console.show_cursor(True)

    def update(self, done: int, seconds: float) -> None:
        """Generate the bar again."""
        self._bar.update(self._task, completed=done, counts=counts(done, self._images, seconds), refresh=True)

    def close(self) -> None:
        """Leave the bar as it is, and end its line, even where Ctrl-C comes twice, as from programs that pass it on."""
        try:
            self._bar.stop()
        except KeyboardInterrupt:
            self._bar.console.file.write("\n")
            raise


def _progress(stream: TextIO, colour: bool | None) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn
    from rich.table import Column

    no_color = None if colour is None else not colour
    return Progress(
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
        BarColumn(bar_width=None, complete_style="cyan", finished_style="green"),
        TextColumn("{task.fields[counts]}", markup=False, table_column=Column(no_wrap=True)),
        console=Console(file=stream, force_terminal=True, no_color=no_color),
        auto_refresh=False,
        redirect_stdout=False,
        redirect_stderr=False,
    )


def line(title: str, done: int, images: int, seconds: float) -> str:
    """One plain line of progress.

    Example:
        >>> line("shapes-text2img on shapes", 24, 48, 2.4)
        'shapes-text2img on shapes: 24/48 images, 10.0/s, 2 s left'
    """
    return f"{title}: {counts(done, images, seconds)}"


def counts(done: int, images: int, seconds: float) -> str:
    """Images done of all, images a second, and the time left."""
    rate = done / seconds if seconds else 0.0
    time_left = f"{(images - done) / rate:.0f} s left" if rate else "…"
    return f"{done}/{images} images, {rate:.1f}/s, {time_left}"
