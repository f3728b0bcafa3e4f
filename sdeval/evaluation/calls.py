"""Calls engines so that what fails costs as few samples as it can: a batch that fails is generated one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from sdeval.config.case import Sample
from sdeval.engines.engine import Engine
from sdeval.engines.failures import is_out_of_memory, leaves_unusable
from sdeval.engines.generated import Generated
from sdeval.engines.memory import release_memory
from sdeval.errors import CallFailed, ProcessEnded, Unusable, plural
from sdeval.evaluation.plan import Plan
from sdeval.results.journal import Journal

HOPELESS = 8
"""Samples that fail for the same reason, before any was generated, until the others are not tried any more."""
MOST_DEATHS = 2
"""Processes that a call may end until its samples are generated one by one, or a single one is given up."""


@dataclass(frozen=True, slots=True)
class Call:
    """What came of the samples of one call of an engine."""

    samples: Sequence[Sample]
    images: Sequence[Generated] = ()
    """One for each sample; none where the call failed."""
    failures: Mapping[str, str] = field(default_factory=dict)
    """Why there is no image, by the name of the sample."""
    ended: bool = False
    """Whether it ended as many processes as it may."""

    @property
    def reason(self) -> str:
        """Why there are no images; empty where there are."""
        return next(iter(self.failures.values()), "")


class CallLimit:
    """How many images of a target fit into memory in one call: every suite and every worker goes by it."""

    def __init__(self) -> None:
        self.largest: int | None = None
        """Images that a call may have; None for as many as a batch has."""
        self.did_not_fit = 0
        """Images of the last call that was too large."""

    def halve(self, size: int) -> None:
        """From now on, half as many images in a call as do not fit into memory."""
        smaller = max(1, size // 2)
        # Several workers may find out at the same time.
        if self.largest is None or smaller < self.largest:
            self.largest, self.did_not_fit = smaller, size


class Calls:
    """Generates batches of a plan, whatever becomes of single calls; by several engines at a time, if need be.

    Args:
        plan: what is generated.
        journal: where calls are written down before they are made, if they may end this process.
        limit: what is known of the target's memory.
    """

    def __init__(self, plan: Plan, journal: Journal | None = None, limit: CallLimit | None = None) -> None:
        self._plan = plan
        self._journal = journal
        self.limit = limit or CallLimit()
        self._limit_before = self.limit.largest
        self._generated = False
        self._failed: list[str] = []
        self._deaths: list[str] = []
        """Why processes ended that were replaced."""

    def of(self, engine: Engine, batch: Sequence[Sample], most: int | None = None) -> Iterator[Call]:
        """Generate a batch, in one call where that can be.

        Args:
            engine: what generates.
            batch: samples that may be generated together.
            most: images that a call may have at most.
        """
        rest = list(batch)
        while rest:
            part = rest[: min(filter(None, (self.limit.largest, most)), default=len(rest))]
            call = self._repeated(engine, part)
            if len(part) > 1 and is_out_of_memory(call.reason):
                self.limit.halve(len(part))
                release_memory()
                continue
            del rest[: len(part)]
            if call.failures and len(part) > 1:
                # What ended processes together is not tried as often again.
                deaths = 1 if call.ended else MOST_DEATHS
                yield from (self._repeated(engine, [sample], deaths) for sample in part)
            else:
                yield call

    def _repeated(self, engine: Engine, samples: Sequence[Sample], deaths: int = MOST_DEATHS) -> Call:
        """One call, which is made again where the process of the engine ended, as it may have ended by chance."""
        reason = ""
        for _ in range(deaths):
            try:
                return self._call(engine, samples)
            except ProcessEnded as error:
                reason = str(error)
                self._deaths.append(reason)
        reason = f"the process that generated it ended each time: {reason}"
        if len(samples) == 1:
            self._failed.append(reason)
        return Call(samples, failures={sample.name: reason for sample in samples}, ended=True)

    def _call(self, engine: Engine, samples: Sequence[Sample]) -> Call:
        """One call of the engine.

        Raises:
            ProcessEnded: the process of the engine ended over it.
            Unusable: this process can generate no more.
        """
        if self._is_hopeless:
            reason = f"was not tried, as {HOPELESS} samples before it failed: {self._failed[0]}"
            return Call(samples, failures={sample.name: reason for sample in samples})
        try:
            with self._written_down(samples):
                images = self._generate(engine, samples)
        except ProcessEnded:
            raise
        except CallFailed as error:
            reason = str(error)
        else:
            self._generated = True
            return Call(samples, images)
        if len(samples) == 1:
            self._failed.append(reason)
        return Call(samples, failures={sample.name: reason for sample in samples})

    def _generate(self, engine: Engine, samples: Sequence[Sample]) -> Sequence[Generated]:
        plan = self._plan
        try:
            return engine.generate(plan.suite.task, samples, plan.settings)
        except ProcessEnded:
            raise
        except CallFailed as error:
            if not leaves_unusable(str(error)):
                raise
            where = f"{plan.suite.name} on {plan.target.name}"
            advice = "--sdeval-resume goes on in a new one; with --sdeval-devices 0 only a worker would be replaced"
            raise Unusable(f"{where}: {error}: after it this process can generate no more; {advice}") from None

    def _written_down(self, samples: Sequence[Sample]) -> AbstractContextManager[None]:
        if self._journal is None:
            return nullcontext()
        return self._journal.call([(sample.case.id, sample.seed) for sample in samples])

    @property
    def _is_hopeless(self) -> bool:
        """Whether the target seems to generate nothing at all."""
        return not self._generated and len(self._failed) >= HOPELESS and len(set(self._failed)) == 1

    @property
    def notes(self) -> list[str]:
        """What a reader must know of the calls, a line each."""
        return [*self._notes_on_memory(), *self._notes_on_deaths()]

    def _notes_on_memory(self) -> list[str]:
        plan, limit = self._plan, self.limit
        largest = limit.largest
        if largest is None or largest >= plan.target.batch_size:
            return []
        advice = f"to begin with that: --sdeval-batch-size {largest}"
        if largest == self._limit_before:
            most = plural(largest, "image")
            how = f"calls had {most} at most, as {limit.did_not_fit} had not fitted into memory before"
        else:
            how = (
                f"{limit.did_not_fit} images in a call did not fit into memory, so that calls had {largest} at most "
                "from then on"
            )
        return [f"{plan.suite.name} on {plan.target.name}: {how}; {advice}"]

    def _notes_on_deaths(self) -> list[str]:
        if not self._deaths:
            return []
        count = len(self._deaths)
        ended = "a process ended and was replaced" if count == 1 else f"{count} processes ended and were replaced"
        where = f"{self._plan.suite.name} on {self._plan.target.name}"
        return [f"{where}: {ended} while images were generated; its samples were generated again ({self._deaths[0]})"]
