"""Runs a scorer in another Python environment; what a worker process is for targets, this is for scorers.

Images go through a folder, as files that are chosen here. Of the case, a scorer is given what it may need.
"""

from __future__ import annotations

import os
import subprocess
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any, TypeVar

from sdeval._utils.formatting import plain_line
from sdeval._utils.validation import Checked
from sdeval.config.case import Case
from sdeval.config.scorers import Scorer
from sdeval.engines import scorer_worker
from sdeval.engines.worker_process import LAST_LINES, WorkerProcess, _end, _keep_last_lines, _pipe
from sdeval.engines.worker_protocol import Hello
from sdeval.errors import CallFailed, NotAvailable, SdevalError
from sdeval.imaging.io import write_png
from sdeval.metrics.base import GeneratedImage

T = TypeVar("T")
END = 10.0
"""Seconds that a scorer may take to end by itself."""
OWN = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV")
"""Variables that would bring packages of this environment into the other one."""
MOST_STARTS = 4
"""Of a scorer that ends over an image: one bad image must not cost the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(Checked):
    """The scorer is there."""

    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores(Checked):
    """One for each image."""

    scores: tuple[float, ...]


class _ScorerProcess(WorkerProcess):
    """One process; it is started by the path of its program, for sdeval need not be in its environment."""

    def __init__(self, python: Path, where: str, limit: float) -> None:
        self._python = python
        self._where = where
        self._count = 0
        self._last_lines: deque[bytes] = deque(maxlen=LAST_LINES)
        try:
            self._process = subprocess.Popen(
                [str(python), scorer_worker.__file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                env={name: value for name, value in os.environ.items() if name not in OWN},
            )
        except (OSError, ValueError) as error:
            raise SdevalError(f"{where}: {getattr(error, 'strerror', None) or error}") from error
        stderr = _pipe(self._process.stderr)
        self._listener = Thread(target=_keep_last_lines, args=(stderr, self._last_lines), daemon=True)
        self._listener.start()
        self.end = weakref.finalize(self, _end, self._process, END)
        self._check_version(self._answer(None, Hello, limit, "starting"))

    def _check_version(self, hello: Hello) -> None:
        if hello.protocol != scorer_worker.VERSION:
            self.end()
            raise SdevalError(f"{self._where}: is no scorer of this version of sdeval: {plain_line(str(hello))}")

    def _advice(self) -> str:
        return "" if self._count else "; is it an interpreter of Python 3.8 or later?"


class RemoteScorer:
    """A scorer of a project, in its own environment.

    Raises:
        NotAvailable: the interpreter is not there.
        SdevalError: it does not start, or the scorer does not load.
    """

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self._where = f"{scorer.where}: {scorer.python}"
        if not scorer.python.is_file():
            raise NotAvailable(f"{self._where}: there is no such interpreter; make this environment first")
        # Goes with this object, and the images in it.
        self._temporary = TemporaryDirectory(prefix="sdeval-", ignore_cleanup_errors=True)
        self._starts = 0
        self._process = self._start()

    @property
    def version(self) -> str:
        """Which scorer, and what it says of itself."""
        return " ".join(filter(None, (self._scorer.table.scorer, self._version)))

    def score(self, images: Sequence[GeneratedImage]) -> list[float]:
        """One score per image.

        Raises:
            CallFailed: the scorer says why not, ended, took too long, or gave another number of scores.
        """
        if not self._process.is_running:
            if self._starts == MOST_STARTS:
                raise CallFailed(f"{self._where}: was started {MOST_STARTS} times and ended each time; no more")
            self._process = self._start()
        folder = Path(self._temporary.name).resolve()
        requests = []
        for number, image in enumerate(images):
            write_png(folder / f"{number}.png", image.image)
            requests.append({"image": str(folder / f"{number}.png"), "seed": image.seed, **_facts(image.case)})
        answer = self._ask(self._process, {"score": requests}, Scores, "scoring")
        if len(answer.scores) != len(images):
            raise CallFailed(f"{self._where}: gave {len(answer.scores)} scores for {len(images)} images")
        return list(answer.scores)

    def close(self) -> None:
        """End the other process, which otherwise goes with this object."""
        self._process.end()

    def _start(self) -> _ScorerProcess:
        self._starts += 1
        table = self._scorer.table
        process = _ScorerProcess(self._scorer.python, self._where, table.timeout)
        request = {"open": table.scorer, "folder": str(self._scorer.root), "options": dict(table.options)}
        self._version = plain_line(self._ask(process, request, Opened, f"opening {table.scorer}").version)
        return process

    def _ask(self, process: _ScorerProcess, request: Mapping[str, Any], kind: type[T], doing: str) -> T:
        return process.ask(request, kind, self._scorer.table.timeout, doing)


def _facts(case: Case) -> dict[str, Any]:
    """What a scorer is given of a case."""
    names = ("prompt", "negative_prompt", "text", "objects", "questions", "tags")
    return {"case": case.id, **{name: getattr(case, name) for name in names}}
