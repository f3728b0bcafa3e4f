"""Runs the worker in another Python: whatever it does, a request ends in a valid answer, or in an error of one line.

It is ended as soon as it is late or answers nonsense, and with this object. Nothing that it writes is trusted: lines
are bounded, values are validated, control characters do not get into messages.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
import weakref
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from types import MappingProxyType
from typing import IO, Any, TypeVar

from sdeval._utils.environment import package_version
from sdeval._utils.formatting import plain_line
from sdeval._utils.validation import from_json
from sdeval.engines.worker_protocol import VERSION, Hello, answer_prefix, error_prefix
from sdeval.errors import ProcessEnded, SdevalError

T = TypeVar("T")

LONGEST_LINE = 16 * 2**20
"""Bytes of an answer at most."""
LAST_LINES = 3
"""Of what a worker wrote before it ended."""
LONGEST_NOISE = 4096
"""Bytes of each of them that are kept."""
START = Path(__file__).with_name("start_worker.py")
"""What the other interpreter runs: this version of sdeval, whether or not one is installed there."""
GRACE = 0.5
"""Seconds in which the last lines of a worker that has ended arrive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds that a worker may take; then it is ended."""

    hello: float = 120.0
    """To start."""
    open: float = 600.0
    """To make a target ready: libraries are imported, weights are not yet read."""
    call: float = 3600.0
    """For a pipeline call; the first one reads the weights, and compiles where the target says so."""
    end: float = 10.0
    """To end by itself, once there are no more requests."""


class RequestFailed(SdevalError):
    """The worker answered why it cannot do what it was asked for.

    Args:
        where: names the worker.
        reason: what it answered.
    """

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}")
        self.reason = reason


class WorkerProcess:
    """A worker that answers one request after the other.

    Args:
        python: the interpreter of the other environment.
        where: how messages begin; names the interpreter, and where the user did.
        limits: for starting and ending.
        variables: of its environment, over those of this process.

    Raises:
        SdevalError: it does not start.
    """

    def __init__(
        self, python: Path, where: str, limits: Limits, variables: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._python = python
        self._where = where
        self._count = 0
        self._last_lines: deque[bytes] = deque(maxlen=LAST_LINES)
        try:
            self._process = subprocess.Popen(
                [str(python), str(START)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # A group of its own: a script around the interpreter is ended together with it.
                start_new_session=True,
                env={**os.environ, **variables},
            )
        # ValueError: a null byte in the path.
        except (OSError, ValueError) as error:
            raise SdevalError(f"{where}: {getattr(error, 'strerror', None) or error}") from error
        stderr = _pipe(self._process.stderr)
        self._listener = Thread(target=_keep_last_lines, args=(stderr, self._last_lines), daemon=True)
        self._listener.start()
        self.end = weakref.finalize(self, _end, self._process, limits.end)
        self._check_protocol(self._answer(None, Hello, limits.hello, "starting"))

    @property
    def is_running(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End it at once, whatever it does."""
        _kill(self._process)

    def ask(self, request: Mapping[str, Any], kind: type[T], limit: float, doing: str) -> T:
        """Send a request, and wait for its answer.

        Args:
            request: as JSON holds it.
            kind: dataclass of the answer.
            limit: seconds to wait.
            doing: what the worker is asked to do, for messages.

        Raises:
            SdevalError: the worker says why it cannot, ended, took too long, or answered nonsense.
        """
        self._count += 1
        return self._answer(json.dumps(request).encode() + b"\n", kind, limit, doing)

    def _answer(self, request: bytes | None, kind: type[T], limit: float, doing: str) -> T:
        try:
            text = self._wait(self._exchange_aside(request), limit, doing).decode(errors="replace")
            return read_answer(text, self._count, kind, self._where)
        except RequestFailed:
            raise
        # Also where the user interrupts: what answers late must not be taken for the answer to another request.
        except BaseException:
            _kill(self._process)
            raise

    def _exchange_aside(self, request: bytes | None) -> SimpleQueue[bytes]:
        """Write and read in a thread: pipes of a process that does neither would block this one for ever."""
        answers: SimpleQueue[bytes] = SimpleQueue()
        Thread(target=lambda: answers.put(self._exchange(request)), daemon=True).start()
        return answers

    def _exchange(self, request: bytes | None) -> bytes:
        """The line that answers a request; empty where none comes any more."""
        beginnings = (answer_prefix(self._count).encode(), error_prefix(self._count).encode())
        stdin, stdout = _pipe(self._process.stdin), _pipe(self._process.stdout)
        # ValueError: the pipe was closed meanwhile.
        with contextlib.suppress(OSError, ValueError):
            if request is not None:
                stdin.write(request)
                stdin.flush()
            while line := stdout.readline(LONGEST_LINE):
                if line.startswith(beginnings):
                    return line
                self._last_lines.append(line[:LONGEST_NOISE])
        return b""

    def _wait(self, answers: SimpleQueue[bytes], limit: float, doing: str) -> bytes:
        """The answer, once it is there.

        Raises:
            SdevalError: the worker ended, or takes longer than `limit`.
        """
        latest = time.monotonic() + limit
        while (left := latest - time.monotonic()) > 0:
            ended = self._process.poll() is not None
            try:
                # A program that the worker started may hold its pipes open for longer than it lives itself.
                answer = answers.get(timeout=GRACE if ended else min(left, GRACE))
            except Empty:
                if not ended:
                    continue
                answer = b""
            if answer:
                return answer
            raise ProcessEnded(f"{self._where}: {self._death()} while {doing}{self._last_words()}{self._advice()}")
        raise SdevalError(
            f"{self._where}: was ended because it took more than {limit:g} seconds for {doing}{self._last_words()}"
        )

    def _death(self) -> str:
        """How the worker ended."""
        try:
            code = self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            return "closed its standard output"
        self._listener.join(GRACE)
        if code >= 0:
            return f"ended with exit code {code}"
        names = {number.value: number.name for number in signal.Signals}
        return f"was ended by signal {names.get(-code, -code)}"

    def _last_words(self) -> str:
        lines = [plain_line(line.decode(errors="replace")) for line in tuple(self._last_lines)]
        words = plain_line(" | ".join(filter(None, lines)))
        return f"; it wrote last: {words}" if words else ""

    def _advice(self) -> str:
        if self._count:
            return ""
        return f"; is it a Python with torch and diffusers? Try: {self._python} {START} --check"

    def _check_protocol(self, hello: Hello) -> None:
        if hello.protocol != VERSION:
            self.end()
            here, there = f"worker protocol {VERSION}", f"worker protocol {hello.protocol}"
            advice = "is it a program that starts another sdeval?"
            raise SdevalError(f"{self._where}: answers in {there}, and {here} was started; {advice}")


def read_answer(text: str, number: int, kind: type[T], where: str) -> T:
    """What the line says that answers a request.

    Raises:
        RequestFailed: it says why the request failed.
        SdevalError: it is no answer.
    """
    failure = error_prefix(number)
    if text.startswith(failure):
        raise RequestFailed(where, plain_line(text.removeprefix(failure)))
    return from_json(kind, text.removeprefix(answer_prefix(number)), f"{where}: answer")


def check_version(hello: Hello, where: str, install: str) -> None:
    """Refuse a worker of another version.

    Args:
        hello: what it said.
        where: names it.
        install: the command that installs sdeval there, to which a version is added.

    Raises:
        SdevalError: says which versions are there and here.
    """
    here = package_version("pytest-sdeval") or ""
    if hello.protocol == VERSION and (hello.sdeval == here or not hello.sdeval or not here):
        return
    there = f"sdeval {plain_line(hello.sdeval) or 'of unknown version'} (worker protocol {hello.protocol})"
    raise SdevalError(
        f"{where}: has {there}, and here is {here or 'one of unknown version'} (worker protocol {VERSION}); "
        f"install the same: {install}{f'=={here}' if here else ''}"
    )


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    """A pipe of a process that was started with all three."""
    assert stream is not None
    return stream


def _keep_last_lines(stream: IO[bytes], lines: deque[bytes]) -> None:
    """Read to the end, so that the writer is never blocked, and keep a few lines."""
    with contextlib.suppress(OSError, ValueError):
        while line := stream.readline(LONGEST_NOISE):
            if line.strip():
                lines.append(line)


def _end(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Without requests a worker has nothing more to do, and ends; or is ended."""
    with contextlib.suppress(OSError):
        _pipe(process.stdin).close()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a worker, and the programs around it, at once."""
    if process.poll() is not None:
        return
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()
