"""The interface of engines, which generate images: a diffusers pipeline, or a project's own program."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from sdeval.config.suite import Sample, Suite, Task
from sdeval.config.target import Target
from sdeval.engines import callable_engine as own
from sdeval.engines import diffusers_engine as load
from sdeval.engines.generated import Generated


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
    return own.OwnEngine(target) if target.is_own else load.LoadedTarget(target)


def unread(engine: Engine, task: Task, texts: Iterable[str], settings: Mapping[str, Any]) -> dict[str, str]:
    """What a pipeline does not read of texts that are too long for it, by text; of other programs nothing is known."""
    return engine.unread(task, texts, settings) if isinstance(engine, load.LoadedTarget) else {}


def check(target: Target, task: Task, settings: Mapping[str, Any]) -> None:
    """Find out, without loading weights, whether a target can do a task with these settings.

    Raises:
        SdevalError: it cannot; says what fits.
        NotAvailable: its weights are not on this machine.
    """
    (own.check if target.is_own else load.check)(target, task, settings)


def check_request(target: Target, suite: Suite) -> None:
    """Refuse what a suite asks of a target that would have no effect, or would fail.

    Raises:
        SdevalError: the first such thing, with the line of its case.
    """
    if not target.is_own:
        load.request_of(target, suite).check()


def notes_on_request(target: Target, suite: Suite) -> tuple[str, ...]:
    """What of a suite has no effect because a target turns it off, a line each."""
    return () if target.is_own else tuple(load.request_of(target, suite).notes())


def fitting_settings(target: Target, task: Task) -> dict[str, Any]:
    """Those of a target's settings that say something to a task."""
    return dict(target.settings) if target.is_own else load.fitting_settings(target, task)


def largest_batch(target: Target, task: Task) -> int:
    """Images that one call of a target may have."""
    return 1 if target.is_own else load.largest_batch(target, task)
