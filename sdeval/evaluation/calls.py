"""Calls an engine so that what fails costs as few samples as it can: a batch that fails is generated one by one."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from sdeval.config.suite import Sample
from sdeval.engines.engine import Engine
from sdeval.engines.generated import Generated
from sdeval.errors import CallFailed
from sdeval.evaluation.plan import Plan
from sdeval.results.journal import Journal

HOPELESS = 8
"""Samples that fail for the same reason, before any was generated, until the others are not tried any more."""
_NO_MEMORY = re.compile(
    r"memoryerror|out ?of ?memory|not enough memory|allocate memory|alloc_failed|bad_alloc|invalid buffer size", re.I
)
"""How Python, torch and the backends of accelerators say that memory is full."""


@dataclass(frozen=True, slots=True)
class Call:
    """What came of the samples of one call of an engine."""

    samples: Sequence[Sample]
    images: Sequence[Generated] = ()
    """One for each sample; none where the call failed."""
    failures: Mapping[str, str] = field(default_factory=dict)
    """Why there is no image, by the name of the sample."""


class Calls:
    """Generates batches, whatever becomes of single calls.

    Args:
        plan: what is generated.
        engine: what generates.
        journal: where calls are written down before they are made.
    """

    def __init__(self, plan: Plan, engine: Engine, journal: Journal | None = None) -> None:
        self._plan = plan
        self._engine = engine
        self._journal = journal
        self._generated = False
        self._failed: list[str] = []
        self.largest: int | None = None
        """Images that a call may have; None for as many as a batch has."""
        self.notes: list[str] = []
        """What a reader must know of it, a line each."""

    def of(self, batch: Sequence[Sample]) -> Iterator[Call]:
        """Generate a batch, in one call where that can be."""
        rest = list(batch)
        while rest:
            part = rest[: self.largest]
            call = self._call(part)
            reason = next(iter(call.failures.values()), "")
            if reason and len(part) > 1 and _NO_MEMORY.search(reason):
                self._halve(len(part))
                continue
            del rest[: len(part)]
            if reason and len(part) > 1:
                yield from (self._call([sample]) for sample in part)
            else:
                yield call

    def _call(self, samples: Sequence[Sample]) -> Call:
        """One call of the engine."""
        if self._is_hopeless:
            reason = f"was not tried, as {HOPELESS} samples before it failed: {self._failed[0]}"
            return Call(samples, failures={sample.name: reason for sample in samples})
        try:
            with self._written_down(samples):
                images = self._engine.generate(self._plan.suite.task, samples, self._plan.settings)
        except CallFailed as error:
            reason = str(error)
        else:
            self._generated = True
            return Call(samples, images)
        if len(samples) == 1:
            self._failed.append(reason)
        return Call(samples, failures={sample.name: reason for sample in samples})

    def _written_down(self, samples: Sequence[Sample]) -> AbstractContextManager[None]:
        if self._journal is None:
            return nullcontext()
        return self._journal.call([(sample.case.id, sample.seed) for sample in samples])

    @property
    def _is_hopeless(self) -> bool:
        """Whether the target seems to generate nothing at all."""
        return not self._generated and len(self._failed) >= HOPELESS and len(set(self._failed)) == 1

    def _halve(self, size: int) -> None:
        """From now on, half as many images in a call as do not fit into memory."""
        self.largest = max(1, size // 2)
        _release_memory()
        plan = self._plan
        self.notes = [
            f"{plan.suite.name} on {plan.target.name}: {size} images in a call did not fit into memory, so that calls "
            f"had {self.largest} at most from then on; to begin with that: --sdeval-batch-size {self.largest}"
        ]


def _release_memory() -> None:
    """Give back what the failed call held, which the allocator of an accelerator keeps otherwise."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
