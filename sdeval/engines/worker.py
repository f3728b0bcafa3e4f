"""The other side of `subprocess_engine`: generates what lines of JSON on standard input ask for (`worker_protocol`).

`start_worker` runs it in environments of other versions, back to Python 3.10, diffusers 0.31 and transformers 4.46, in
which nothing was installed for it: its imports need numpy, Pillow, torch, diffusers and transformers only.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from sdeval._utils.collector import heavy_imports
from sdeval._utils.environment import calm_threads
from sdeval._utils.validation import checked_already
from sdeval.engines.worker_protocol import (
    VERSION,
    Batch,
    Description,
    Hello,
    ImageFacts,
    Opened,
    Unread,
    answer_prefix,
    error_prefix,
)
from sdeval.errors import SdevalError, first_line

if TYPE_CHECKING:
    from sdeval.engines.engine import Engine
    from sdeval.engines.memory import MemoryUse


FASTEST = 1
"""How files are compressed that are read once: the accelerator waits meanwhile."""


class Worker:
    """Answers requests, one after the other."""

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._folder = Path()

    def answer(self, request: dict[str, Any]) -> Opened | Description | Unread | MemoryUse | Batch:
        """What comes back for one request."""
        if "open" in request:
            return self._open(request)
        if self._engine is None:
            raise SdevalError("the worker was asked to generate before a target was opened")
        if "describe" in request:
            return Description(generated_by=self._engine.describe(request["describe"]))
        if "unread" in request:
            return self._unread(self._engine, request)
        if "memory" in request:
            return self._memory(reset=request["memory"] == "reset")
        images = tuple(self._generate(self._engine, request))
        return Batch(images=images, load_seconds=self._engine.load_seconds)

    def _open(self, request: dict[str, Any]) -> Opened:
        from sdeval.config.target import Target
        from sdeval.engines.checkpoints import require

        with heavy_imports("sdeval.engines.engine"):
            from sdeval.engines.engine import open_target
        sys.path += [path for path in request["paths"] if path not in sys.path]
        with checked_already():
            target = Target(**request["open"])
        require(target)
        self._engine, self._folder = open_target(target), Path(request["folder"])
        environment = dict(self._engine.environment)
        # What runs is the asking side's, whatever is installed here.
        environment["packages"] = {**environment["packages"], "pytest-sdeval": request["sdeval"]}
        return Opened(batch_size=self._engine.batch_size, environment=environment)

    @staticmethod
    def _unread(engine: Engine, request: dict[str, Any]) -> Unread:
        from sdeval.engines.engine import unread

        return Unread(parts=unread(engine, request["unread"], request["texts"], request["settings"]))

    @staticmethod
    def _memory(*, reset: bool) -> MemoryUse:
        from sdeval.engines import memory

        if reset:
            memory.reset_peak_memory()
        return memory.peak_memory()

    def _generate(self, engine: Engine, request: dict[str, Any]) -> Iterator[ImageFacts]:
        from sdeval.config.case import Case, Sample
        from sdeval.imaging.io import write_png

        with checked_already():
            samples = [Sample(Case(**entry["case"]), entry["seed"]) for entry in request["samples"]]
        batch = engine.generate(request["generate"], samples, request["settings"])
        for entry, generated in zip(request["samples"], batch, strict=True):
            write_png(self._folder / entry["file"], generated.image, FASTEST)
            yield ImageFacts(
                finite=generated.finite,
                flagged=generated.flagged,
                seconds=generated.seconds,
                stages=generated.stages,
                warming=generated.warming,
            )


def own_streams() -> tuple[TextIO, TextIO]:
    """Where requests come from and answers go to, on descriptors that nobody else knows.

    What any library prints or reads from here on, in C too, meets standard error and an empty input.
    """
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace", newline="\n")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return requests, answers


def answer_line(worker: Worker, number: int, request: str) -> str:
    """The line that answers a request, whatever becomes of it."""
    try:
        return answer_prefix(number) + json.dumps(asdict(worker.answer(json.loads(request))), allow_nan=False)
    except SdevalError as error:
        return error_prefix(number) + first_line(error)
    # A program of one's own may end with sys.exit(), which must not end the worker without a word.
    except (Exception, SystemExit) as error:
        return error_prefix(number) + f"{type(error).__name__}: {first_line(error)}"


def serve(requests: TextIO, answers: TextIO) -> None:
    """Say hello, then answer until there are no more requests."""
    hello = Hello(protocol=VERSION)
    # Something may have been printed before, and not to the end of its line.
    print("\n" + answer_prefix(0) + json.dumps(asdict(hello)), file=answers, flush=True)
    worker = Worker()
    for number, line in enumerate(requests, start=1):
        print(answer_line(worker, number, line), file=answers, flush=True)


def main() -> int:
    """Answer until there are no more requests; with `--check`, only say what this can be done with here."""
    if "--check" in sys.argv:
        import diffusers
        import torch
        import transformers

        libraries = (torch, diffusers, transformers)
        versions = ", ".join(f"{library.__name__} {library.__version__}" for library in libraries)
        print(f"generates for sdeval (worker protocol {VERSION}) with Python {platform.python_version()}, {versions}")
        return 0
    requests, answers = own_streams()
    calm_threads()
    serve(requests, answers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
