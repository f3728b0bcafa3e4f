"""The interface of engines, which generate images: a diffusers pipeline, a project's own program, or a server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from sdeval.config.case import Sample, Task
from sdeval.config.suite import Suite
from sdeval.config.target import Target
from sdeval.engines import callable_engine as own
from sdeval.engines import diffusers_engine as load
from sdeval.engines import memory
from sdeval.engines.generated import Generated
from sdeval.engines.servers import checks as servers
from sdeval.engines.servers.engine import ServerEngine
from sdeval.engines.subprocess_engine import RemoteEngine


class Engine(Protocol):
    """A target that is ready to generate."""

    @property
    def target(self) -> Target:
        """What was opened."""

    @property
    def device(self) -> str:
        """Where images are scored."""

    @property
    def batch_size(self) -> int:
        """Images in one call."""

    @property
    def load_seconds(self) -> float:
        """How long it took to read its weights, if they were read."""

    @property
    def environment(self) -> Mapping[str, Any]:
        """Versions and hardware that it generates with."""

    def generate(self, task: Task, batch: Sequence[Sample], settings: Mapping[str, Any]) -> list[Generated]:
        """Generate a batch."""

    def describe(self, task: Task) -> dict[str, Any]:
        """What really runs, as plain values."""


def open_target(target: Target) -> Engine:
    """Make a target ready; weights are loaded with the first image.

    Raises:
        SdevalError: it is no program that can generate.
    """
    if target.is_server:
        return ServerEngine(target)
    return own.OwnEngine(target) if target.is_own else load.LoadedTarget(target)


def prepare(engine: Engine, suite: Suite, settings: Mapping[str, Any]) -> None:
    """Find out before the first image whether a server reads what a suite states; other engines are checked without.

    Raises:
        SdevalError: it does not, or cannot be asked.
    """
    if isinstance(engine, ServerEngine):
        engine.prepare(suite, settings)


def notes(engine: Engine) -> tuple[str, ...]:
    """What a reader of the verdicts must know of an engine, a line each."""
    return engine.notes if isinstance(engine, ServerEngine) else ()


def announcements(target: Target, suite: Suite, images: int) -> list[str]:
    """What a user should see before the first image, a line each.

    Args:
        target: what generates.
        suite: what is asked for.
        images: as many as the suite has at most.
    """
    return servers.announcements(target, suite, images) if target.is_server else []


def unread(engine: Engine, task: Task, texts: Iterable[str], settings: Mapping[str, Any]) -> dict[str, str]:
    """What a pipeline does not read of texts that are too long for it, by text; of other programs nothing is known."""
    return engine.unread(task, texts, settings) if isinstance(engine, load.LoadedTarget | RemoteEngine) else {}


def reset_peak_memory(engine: Engine) -> None:
    """Forget what earlier runs held on the accelerator of an engine."""
    if isinstance(engine, RemoteEngine):
        engine.reset_peak_memory()
    else:
        memory.reset_peak_memory()


def peak_memory(engine: Engine) -> memory.MemoryUse:
    """The largest memory that an engine's process held; of a server, only that of who asks it would be known."""
    if isinstance(engine, RemoteEngine):
        return engine.peak_memory()
    return memory.MemoryUse() if isinstance(engine, ServerEngine) else memory.peak_memory()


def check(target: Target, task: Task, settings: Mapping[str, Any]) -> None:
    """Find out, without loading weights, whether a target can do a task with these settings.

    Raises:
        SdevalError: it cannot; says what fits.
        NotAvailable: its weights are not on this machine.
    """
    _module_of(target).check(target, task, settings)


def _module_of(target: Target) -> Any:
    if target.is_server:
        return servers
    return own if target.is_own else load


def check_request(target: Target, suite: Suite) -> None:
    """Refuse what a suite asks of a target that would have no effect, or would fail.

    Raises:
        SdevalError: the first such thing, with the line of its case.
    """
    if target.is_server:
        servers.check_request(target, suite)
    elif target.is_pipeline:
        load.request_of(target, suite).check()


def notes_on_request(target: Target, suite: Suite) -> tuple[str, ...]:
    """What of a suite has no effect because a target turns it off, a line each."""
    return tuple(load.request_of(target, suite).notes()) if target.is_pipeline else ()


def fitting_settings(target: Target, task: Task) -> dict[str, Any]:
    """Those of a target's settings that say something to a task."""
    if target.is_own:
        return dict(target.settings)
    return servers.fitting_settings(target, task) if target.is_server else load.fitting_settings(target, task)


def largest_batch(target: Target, task: Task) -> int:
    """Images that one call of a target may have."""
    return load.largest_batch(target, task) if target.is_pipeline else 1
