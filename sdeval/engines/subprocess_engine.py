"""A target that another process generates with: another Python environment, or a device of this machine.

The process runs the worker of this package (`start_worker`); another environment needs no sdeval. Requests and
answers are lines of JSON; images go through a folder, under names that are chosen here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol, TypeVar

from sdeval._utils.environment import package_version
from sdeval.config.case import Sample, Task
from sdeval.config.target import Target
from sdeval.engines.failures import leaves_unusable
from sdeval.engines.generated import Generated
from sdeval.engines.memory import MemoryUse
from sdeval.engines.worker_process import Limits, RequestFailed, WorkerProcess
from sdeval.engines.worker_protocol import Batch, Description, ImageFacts, Opened, Unread
from sdeval.errors import CallFailed, ProcessEnded, SdevalError
from sdeval.imaging.io import open_rgb

T = TypeVar("T")

LIMITS = Limits()
MOST_STARTS = 4
"""Of a worker that ends without an image: one bad sample must not cost the others, and a bad machine not the day."""


class CannotStart(SdevalError):
    """There is no process any more that could generate: none starts, or each one ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a process generates, and what messages call it."""

    name: str
    variables: Mapping[str, str] = field(default_factory=dict)
    """Environment variables that tie the process to its device before CUDA starts."""
    device: str | None = None
    """What the target's device is there; the target's own where None."""
    is_here: bool = False
    """Whether it is this machine, or one with the same Python: what fails there is reported as if it failed here."""
    is_shared: bool = False
    """Whether other processes of the session generate on the same device."""
    speed: str = ""
    """Why the times of its images are not judged; empty where that is found out."""


class AnsweringWorker(Protocol):
    """Answers one request after the other, in a process of its own."""

    @property
    def is_running(self) -> bool:
        """Whether it can be asked."""

    def ask(self, request: Mapping[str, Any], kind: type[T], limit: float, doing: str) -> T:
        """Send a request, and wait for its answer; see `WorkerProcess`."""

    def end(self) -> Any:
        """End it once it has nothing more to do."""

    def kill(self) -> None:
        """End it at once, whatever it does."""


class RemoteEngine:
    """Generates by way of another process.

    Args:
        target: what generates.
        python: the interpreter of the other process.
        option: where the user named it, for messages.
        limits: how long it may take.
        place: a device of this machine, where the interpreter is that of this process.

    Raises:
        SdevalError: it is no Python that the worker runs on, or the target cannot be generated with there.
    """

    def __init__(
        self,
        target: Target,
        python: Path,
        option: str = "--sdeval-compare-to-python",
        limits: Limits = LIMITS,
        place: Place | None = None,
    ) -> None:
        if target.is_server:
            advice = "to compare two servers: --sdeval-compare-to"
            raise SdevalError(f"{option}: target {target.name} is a server, which no other Python changes; {advice}")
        self.target = target
        self.load_seconds = 0.0
        self.place = place or Place(name=f"{option}: {python}")
        self._where = self.place.name
        self._limits = limits
        # Goes with this object, and the images in it.
        self._temporary = TemporaryDirectory(prefix="sdeval-", ignore_cleanup_errors=True)
        self._folder = Path(self._temporary.name).resolve()
        self._count = 0
        self._python = python
        self._starts = 0
        self._memory = MemoryUse()
        self._is_closed = False
        self._worker = self._start()

    def _new_worker(self) -> AnsweringWorker:
        """A worker that has opened nothing yet.

        Raises:
            SdevalError: it does not start.
        """
        return WorkerProcess(self._python, self._where, self._limits, self.place.variables)

    def _start(self) -> AnsweringWorker:
        """A worker that has opened the target.

        Raises:
            SdevalError: it does not start, or cannot open the target.
        """
        self._starts += 1
        target = {"name": self.target.name, **self.target.describe()}
        if self.place.device:
            target["device"] = self.place.device
        # A program of one's own is found there as it is here.
        paths = [str(Path(path).resolve()) for path in sys.path] if self.place.is_here else []
        version = package_version("pytest-sdeval")
        request = {"open": target, "folder": str(self._folder), "paths": paths, "sdeval": version}
        try:
            worker = self._new_worker()
            opened = worker.ask(request, Opened, self._limits.open, f"opening target {self.target.name}")
        except RequestFailed as error:
            raise SdevalError(self._message(error)) from None
        # Not the end of a call: there is no worker that a call could be made of.
        except ProcessEnded as error:
            raise CannotStart(str(error)) from None
        if opened.batch_size < 1:
            worker.end()
            raise SdevalError(f"{self._where}: answer: batch_size must be from 1 on, got {opened.batch_size}")
        self.batch_size = opened.batch_size
        self._environment = opened.environment
        return worker

    def _message(self, error: SdevalError) -> str:
        """What an error says; of one that came up on a device of this machine, only what it would say here."""
        return error.reason if self.place.is_here and isinstance(error, RequestFailed) else str(error)

    def _ask(self, request: Mapping[str, Any], kind: type[T], doing: str) -> T:
        return self._running_worker().ask(request, kind, self.target.timeout or self._limits.call, doing)

    def _running_worker(self) -> AnsweringWorker:
        """The worker; where it ended over an earlier request, another one is started."""
        if self._is_closed:
            raise CannotStart(f"{self._where}: was closed")
        if not self._worker.is_running:
            if self._starts == MOST_STARTS:
                raise CannotStart(f"{self._where}: was started {MOST_STARTS} times and ended each time; no more")
            self._worker = self._start()
        return self._worker

    def close(self) -> None:
        """End the other process, which otherwise goes with this object."""
        self._is_closed = True
        self._worker.end()

    def kill(self) -> None:
        """End the other process at once, whatever it does."""
        self._is_closed = True
        self._worker.kill()

    @cached_property
    def device(self) -> str:
        """Where images are scored, which is done here."""
        from sdeval.engines.diffusers_engine import pick_device

        return pick_device(self.target.device)

    @property
    def environment(self) -> Mapping[str, Any]:
        """Of the other Python."""
        return self._environment

    def describe(self, task: Task) -> dict[str, Any]:
        """What really runs there."""
        return dict(self._ask_plainly({"describe": task}, Description, "saying what runs").generated_by)

    def unread(self, task: Task, texts: Iterable[str], settings: Mapping[str, Any]) -> dict[str, str]:
        """What the pipeline there does not read of texts that are too long for it, by text."""
        request = {"unread": task, "texts": list(texts), "settings": dict(settings)}
        return dict(self._ask_plainly(request, Unread, "reading prompts").parts)

    def reset_peak_memory(self) -> None:
        """Forget what earlier runs held on the accelerator there."""
        self._memory = MemoryUse()
        self._ask_plainly({"memory": "reset"}, MemoryUse, "forgetting its peak memory")

    def peak_memory(self) -> MemoryUse:
        """The largest memory that a process there held."""
        if self._worker.is_running:
            self._memory = self._memory.largest(self._ask_plainly({"memory": "peak"}, MemoryUse, "reading its memory"))
        return self._memory

    def _ask_plainly(self, request: Mapping[str, Any], kind: type[T], doing: str) -> T:
        """Ask for what no image depends on.

        Raises:
            SdevalError: there is no answer.
        """
        try:
            return self._ask(request, kind, doing)
        except (RequestFailed, ProcessEnded) as error:
            raise SdevalError(self._message(error)) from None

    def generate(self, task: Task, batch: Sequence[Sample], settings: Mapping[str, Any]) -> list[Generated]:
        """Generate a batch there, and fetch its images.

        Raises:
            ProcessEnded: the process ended, or can generate no more; another one is started for the next batch.
            CallFailed: it was not generated; other batches may be.
            SdevalError: there is no worker any more.
        """
        self._running_worker()
        # Never twice the same name: what a failed call left must not be taken for the image of another sample.
        files = [self._folder / f"{number}.png" for number in range(self._count, self._count + len(batch))]
        self._count += len(batch)
        samples = [
            {"case": _plain(asdict(sample.case)), "seed": sample.seed, "file": file.name}
            for sample, file in zip(batch, files, strict=True)
        ]
        request = {"generate": task, "samples": samples, "settings": dict(settings)}
        try:
            answer = self._ask(request, Batch, f"generating {batch[0].case.id}")
            images = self._fetch_all(batch, answer, files)
        except ProcessEnded:
            raise
        except SdevalError as error:
            reason = self._message(error)
            if leaves_unusable(reason):
                self._worker.kill()
                raise ProcessEnded(reason) from None
            raise CallFailed(reason) from None
        if self.place.is_here:
            # Of a long run, many samples may end a process; where images come in between, the device is fine.
            self._starts = 1
        return images

    def _fetch_all(self, batch: Sequence[Sample], answer: Batch, files: Sequence[Path]) -> list[Generated]:
        if len(answer.images) != len(batch):
            raise SdevalError(f"{self._where}: answered with {len(answer.images)} images, requested were {len(batch)}")
        self.load_seconds = answer.load_seconds
        return [self._fetch(*image) for image in zip(batch, answer.images, files, strict=True)]

    def _fetch(self, sample: Sample, facts: ImageFacts, file: Path) -> Generated:
        # A link would lead out of the folder.
        if file.resolve() != file or not file.is_file():
            raise SdevalError(f"{self._where}: wrote no image for {sample.case.id}")
        image = open_rgb(file)
        file.unlink()
        return Generated(sample, image, facts.finite, facts.flagged, facts.seconds, facts.stages, facts.warming)


def _plain(case: Mapping[str, Any]) -> dict[str, Any]:
    """A case as JSON: paths as text, from wherever the other process stands.

    What is not given is not sent: an earlier version on the other side need not know of it.
    """
    return {name: _plain_value(value) for name, value in case.items() if value is not None}


def _plain_value(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain_value(part) for part in value]
    return str(value.resolve()) if isinstance(value, Path) else value
