"""A pool: a process on each device generates units of one plan, and this process writes down what they generate."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

from sdeval._utils.environment import differences
from sdeval.config.case import Task
from sdeval.config.devices import VISIBLE
from sdeval.config.target import Target
from sdeval.engines import hardware
from sdeval.engines.subprocess_engine import CannotStart, Place, RemoteEngine
from sdeval.errors import SdevalError
from sdeval.evaluation.calls import CallLimit
from sdeval.evaluation.generate import Generation, UnitStream
from sdeval.evaluation.plan import Plan, Unit
from sdeval.executors.order import longest_first, recorded_seconds
from sdeval.executors.places import SHARED
from sdeval.results.run import PASSING, WORKERS, Run

Progress = Callable[[int], None]
Opener = Callable[[Target, Place], RemoteEngine]
HEARTBEAT = 0.5
"""Seconds after which this process looks up from waiting, so that Ctrl-C is heeded."""


def _open_here(target: Target, place: Place) -> RemoteEngine:
    return RemoteEngine(target, Path(sys.executable), "devices", place=place)


class Pool:
    """Processes that have a target open, one on each device.

    Args:
        target: what they generate with.
        places: the devices.
        open_at: opens a target on a device; by a process of this machine where None.

    Raises:
        SdevalError: the target cannot be opened on any of them.
    """

    def __init__(self, target: Target, places: Sequence[Place], open_at: Opener | None = None) -> None:
        self.target = target
        self._open_at = open_at or _open_here
        self._lost: list[str] = []
        """Why devices generate no more."""
        self.is_closed = False
        self.engines: list[RemoteEngine] = []
        self._open(places)

    def _open(self, places: Sequence[Place]) -> None:
        """Open the target on all devices at the same time; on those that fail, nothing is generated."""
        with ThreadPoolExecutor(len(places)) as threads:
            opened = [threads.submit(self._open_at, self.target, place) for place in places]
        self._keep_working(opened, places)

    def _keep_working(self, results: Sequence[Future[Any]], places: Sequence[Place]) -> None:
        failures = []
        for future, place in zip(results, places, strict=True):
            try:
                self.engines.append(future.result())
            except SdevalError as error:
                failures.append(error)
                self._lost.append(f"{place.name}: {error}")
        if not self.engines:
            raise failures[0]

    def _load(self, task: Task) -> None:
        """Read the weights on all devices at the same time."""
        engines, self.engines = self.engines, []
        with ThreadPoolExecutor(len(engines)) as threads:
            loaded = [threads.submit(_loaded, engine, task) for engine in engines]
        self._keep_working(loaded, [engine.place for engine in engines])
        first = self.engines[0]
        for other in self.engines[1:]:
            _check_same(first, other, task)

    def generate(
        self, plan: Plan, folder: Path, progress: Progress, earlier: Run | None, limit: CallLimit | None = None
    ) -> Run:
        """Generate every sample of a plan into `folder`: a run without scores, whatever device generated what.

        Args:
            plan: what to generate.
            folder: where the run goes.
            progress: called with how many more images are done.
            earlier: a run of some of these samples, in the same folder; they are not generated again.
            limit: what is known of the target's memory.
        """
        self._load(plan.suite.task)
        first, *others = self.engines
        try:
            with Generation(
                plan,
                first,
                folder,
                earlier,
                others=others,
                isolated=True,
                # Nodes that wait for this machine to encode an image generate none.
                encodes_aside=any(engine.place.speed for engine in self.engines),
                limit=limit,
            ) as generation:
                if generation.resumed:
                    progress(generation.resumed)
                self._generate_units(generation, recorded_seconds(folder, earlier.timings if earlier else {}), progress)
                return self._described(generation.run(), plan)
        # Also where the user interrupts: what still generates would be waited for.
        except BaseException:
            self.kill()
            raise

    def _generate_units(self, generation: Generation, seconds: Mapping[str, float], progress: Progress) -> None:
        streams = [generation.stream(engine) for engine in self.engines]
        waiting = generation.units
        # What a check finds out decides how later units are generated: in the order of the plan, as one process does.
        while (check := generation.next_check(waiting)) is not None:
            waiting.remove(check)
            self._spread(generation, [check], streams, progress)
        self._spread(generation, longest_first(waiting, seconds), streams, progress)

    def _spread(
        self, generation: Generation, units: Sequence[Unit], streams: list[UnitStream], progress: Progress
    ) -> None:
        """Have units generated by whoever is free; a device that fails for good leaves its unit to the others."""
        waiting, idle = deque(units), list(streams)
        running: dict[Future[None], tuple[UnitStream, Unit]] = {}
        with ThreadPoolExecutor(len(streams)) as threads:
            try:
                while waiting or running:
                    while waiting and idle:
                        stream, unit = idle.pop(0), waiting.popleft()
                        running[threads.submit(stream.generate, unit)] = (stream, unit)
                    # Not for ever: a signal that another thread got does not wake this one.
                    for future in wait(running, HEARTBEAT, return_when=FIRST_COMPLETED).done:
                        stream, unit = running.pop(future)
                        try:
                            future.result()
                        except CannotStart as error:
                            self._lose(generation, stream, streams, error)
                            waiting.appendleft(unit)
                        else:
                            idle.append(stream)
                            progress(len(unit.samples))
                for stream in idle:
                    stream.finish()
            except BaseException:
                self.kill()
                raise

    def _lose(self, generation: Generation, stream: UnitStream, streams: list[UnitStream], error: CannotStart) -> None:
        """Go on without a device.

        Raises:
            CannotStart: it was the last one.
        """
        # What it generated before is there already, and may only be encoded still.
        stream.finish()
        streams.remove(stream)
        if not streams:
            raise error
        self.engines = [engine for engine in self.engines if engine is not stream.engine]
        generation.drop(stream.engine)
        self._lost.append(str(error))

    def _described(self, run: Run, plan: Plan) -> Run:
        """The run with the devices that generated it, and why its speed is not judged, if it is not."""
        names = [
            engine.place.name if engine.place.speed else engine.place.variables.get(VISIBLE) or "cpu"
            for engine in self.engines
        ]
        workers = {"devices": names, "speed": self._why_speed_is_not_judged()}
        lost = [
            f"{plan.suite.name} on {plan.target.name}: generated without {reason}"
            for reason in dict.fromkeys(self._lost)
        ]
        return replace(run, environment={**run.environment, WORKERS: workers}, notes=(*run.notes, *lost))

    def _why_speed_is_not_judged(self) -> str:
        """Empty where every process had a device of its own of the same class."""
        classes = dict.fromkeys(str(engine.environment.get("hardware")) for engine in self.engines)
        if len(classes) > 1:
            return f"devices of several classes generated: {', '.join(classes)}"
        if reason := next((engine.place.speed for engine in self.engines if engine.place.speed), ""):
            return reason
        if any(engine.place.is_shared for engine in self.engines):
            return SHARED
        return hardware.shared_gpus(
            [entry for engine in self.engines if (entry := engine.place.variables.get(VISIBLE))]
        )

    def close(self) -> None:
        """End the processes."""
        self.is_closed = True
        for engine in self.engines:
            engine.close()

    def kill(self) -> None:
        """End the processes at once, whatever they do."""
        self.is_closed = True
        for engine in self.engines:
            engine.kill()


def _loaded(engine: RemoteEngine, task: Task) -> RemoteEngine:
    engine.describe(task)
    return engine


def _check_same(one: RemoteEngine, other: RemoteEngine, task: Task) -> None:
    """Refuse workers that would not generate the same: other weights or packages, as on another machine.

    Raises:
        SdevalError: says what differs.
    """
    if not other.place.speed:
        return
    lines = differences(_facts(one, task), _facts(other, task))
    if lines:
        what = f"{other.place.name}: is not as {one.place.name} is: {'; '.join(lines)}"
        raise SdevalError(f"{what}; install the same, and the same weights, on all nodes")


def _facts(engine: RemoteEngine, task: Task) -> dict[str, Any]:
    # Devices of several classes are allowed, and reported.
    passing = (*PASSING, "hardware", "cuda")
    environment = {name: value for name, value in engine.environment.items() if name not in passing}
    return {**engine.describe(task), **environment}
