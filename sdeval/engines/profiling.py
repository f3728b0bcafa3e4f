"""Times the stages of a pipeline call without slowing it: on a GPU by events, read once the call is over."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from diffusers import DiffusionPipeline

from sdeval.engines.families import generation_part
from sdeval.engines.generated import Stages

Mark = Any
"""A moment: seconds, or an event of CUDA."""


class Stopwatch:
    """Marks the moments of one pipeline call.

    Time steps are set once texts are encoded (and a prior has done its work), a callback comes after every step, and
    what follows the last one is decoding. The init image of an edit is encoded within the time of denoising.

    Example:
        >>> watch = Stopwatch(pipeline)
        >>> with watch.running():
        ...     pipeline("a red circle", **watch.callback)
        >>> watch.stages.denoise
        0.41
    """

    def __init__(self, pipeline: DiffusionPipeline) -> None:
        self._scheduler = getattr(generation_part(pipeline), "scheduler", None)
        parameters = inspect.signature(type(pipeline).__call__).parameters
        self._called_back = {"callback_on_step_end", "callback_on_step_end_tensor_inputs"} <= set(parameters)
        # Where it computes, wherever its parts wait; events say nothing of work on the processor.
        self._cuda = getattr(getattr(pipeline, "_execution_device", None), "type", "") == "cuda"
        self._start: Mark = None
        self._set: Mark = None
        self._steps: list[Mark] = []
        self._end: Mark = None

    @property
    def callback(self) -> dict[str, Any]:
        """Arguments of the call; none where the pipeline takes no callback."""
        if not self._called_back:
            return {}
        return {"callback_on_step_end": self._step, "callback_on_step_end_tensor_inputs": []}

    def _mark(self) -> Mark:
        if not self._cuda:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event

    def _step(self, pipeline: Any, number: int, timestep: Any, values: dict[str, Any]) -> dict[str, Any]:
        self._steps.append(self._mark())
        return values

    @contextmanager
    def running(self) -> Iterator[None]:
        """Mark begin and end, and in between the moment when time steps are set."""
        with self._observe_timesteps():
            self._start = self._mark()
            yield
            self._end = self._mark()
        if self._cuda:
            torch.cuda.synchronize()

    @contextmanager
    def _observe_timesteps(self) -> Iterator[None]:
        if self._scheduler is None:
            yield
            return
        original = self._scheduler.set_timesteps

        @functools.wraps(original)
        def set_timesteps(*arguments: Any, **options: Any) -> Any:
            self._set = self._mark()
            return original(*arguments, **options)

        self._scheduler.set_timesteps = set_timesteps
        try:
            yield
        finally:
            # The instance held no such attribute before: the class has the method.
            del self._scheduler.set_timesteps

    @property
    def seconds(self) -> float:
        """Of the whole call."""
        return self._between(self._start, self._end)

    @property
    def stages(self) -> Stages | None:
        """What was marked; None where a pipeline hides its steps."""
        if self._set is None or not self._steps:
            return None
        return Stages(
            encode=self._between(self._start, self._set),
            denoise=self._between(self._set, self._steps[-1]),
            decode=self._between(self._steps[-1], self._end),
            steps=len(self._steps),
        )

    def _between(self, start: Mark, end: Mark) -> float:
        return float(start.elapsed_time(end)) / 1000 if self._cuda else float(end - start)
