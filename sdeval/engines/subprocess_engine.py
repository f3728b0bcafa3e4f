"""A target that another Python environment generates with: other versions of libraries, the same suite, one session.

The other environment needs no sdeval: its Python runs the worker from this package (`start_worker`). Requests and
answers are lines of JSON; images go through a folder, under names that are chosen here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from sdeval._utils.environment import package_version
from sdeval.config.suite import Sample, Task
from sdeval.config.target import Target
from sdeval.engines.generated import Generated
from sdeval.engines.worker_process import Limits, WorkerProcess
from sdeval.engines.worker_protocol import Batch, Description, ImageFacts, Opened
from sdeval.errors import CallFailed, SdevalError
from sdeval.imaging.io import open_rgb

T = TypeVar("T")

LIMITS = Limits()
MOST_STARTS = 4
"""Of a worker that ends over its requests: one bad sample must not cost the others, and a bad machine not the day."""


class RemoteEngine:
    """Generates by way of another Python.

    Args:
        target: what generates.
        python: the interpreter of the other environment.
        option: where the user named it, for messages.
        limits: how long it may take.

    Raises:
        SdevalError: it is no Python that the worker runs on, or the target cannot be generated with there.
    """

    def __init__(
        self, target: Target, python: Path, option: str = "--sdeval-compare-to-python", limits: Limits = LIMITS
    ) -> None:
        if target.is_server:
            advice = "to compare two servers: --sdeval-compare-to"
            raise SdevalError(f"{option}: target {target.name} is a server, which no other Python changes; {advice}")
        self.target = target
        self.load_seconds = 0.0
        self._where = f"{option}: {python}"
        self._limits = limits
        # Goes with this object, and the images in it.
        self._temporary = TemporaryDirectory(prefix="sdeval-", ignore_cleanup_errors=True)
        self._folder = Path(self._temporary.name).resolve()
        self._count = 0
        self._python = python
        self._starts = 0
        self._worker = self._start()

    def _start(self) -> WorkerProcess:
        """A worker that has opened the target."""
        self._starts += 1
        worker = WorkerProcess(self._python, self._where, self._limits)
        request = {
            "open": {"name": self.target.name, **self.target.describe()},
            "folder": str(self._folder),
            "sdeval": package_version("pytest-sdeval"),
        }
        opened = worker.ask(request, Opened, self._limits.open, f"opening target {self.target.name}")
        if opened.batch_size < 1:
            worker.end()
            raise SdevalError(f"{self._where}: answer: batch_size must be from 1 on, got {opened.batch_size}")
        self.batch_size = opened.batch_size
        self._environment = opened.environment
        return worker

    def _ask(self, request: Mapping[str, Any], kind: type[T], doing: str) -> T:
        return self._running_worker().ask(request, kind, self.target.timeout or self._limits.call, doing)

    def _running_worker(self) -> WorkerProcess:
        """The worker; where it ended over an earlier request, another one is started."""
        if not self._worker.is_running:
            if self._starts == MOST_STARTS:
                raise SdevalError(f"{self._where}: was started {MOST_STARTS} times and ended each time; no more")
            self._worker = self._start()
        return self._worker

    def close(self) -> None:
        """End the other process, which otherwise goes with this object."""
        self._worker.end()

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
        answer = self._ask({"describe": task}, Description, "saying what runs")
        return dict(answer.generated_by)

    def generate(self, task: Task, batch: Sequence[Sample], settings: Mapping[str, Any]) -> list[Generated]:
        """Generate a batch there, and fetch its images.

        Raises:
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
            return self._fetch_all(batch, answer, files)
        except SdevalError as error:
            raise CallFailed(str(error)) from None

    def _fetch_all(self, batch: Sequence[Sample], answer: Batch, files: Sequence[Path]) -> list[Generated]:
        if len(answer.images) != len(batch):
            raise SdevalError(f"{self._where}: answered with {len(answer.images)} images, asked were {len(batch)}")
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
    """A case as JSON: paths as text, from wherever the other process stands."""
    return {name: str(value.resolve()) if isinstance(value, Path) else value for name, value in case.items()}
