"""Spreads what is to be generated over the devices that a user asks for, here or in a cluster; scores here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from sdeval._utils.progress import Watcher
from sdeval.config.options import Options
from sdeval.config.target import Target
from sdeval.errors import plural
from sdeval.executors.local import LocalExecutor, title_of
from sdeval.results.run import Run, Stored

if TYPE_CHECKING:
    from sdeval.engines.engine import Engine
    from sdeval.engines.subprocess_engine import Place
    from sdeval.evaluation.plan import Plan
    from sdeval.executors.cluster.connection import Cluster
    from sdeval.executors.pool import Opener, Pool


class SpreadExecutor(LocalExecutor):
    """Evaluates plans one after the other, each on all devices; in this process where there is only one.

    Args:
        watcher: shows progress.
        options: name the devices.
        loaded: a target that is in memory already.
    """

    def __init__(self, watcher: Watcher, options: Options, loaded: Engine | None = None) -> None:
        super().__init__(watcher, loaded)
        self._options = options
        self._is_given = loaded is not None
        self._pool: Pool | None = None

    @cached_property
    def _cluster(self) -> Cluster:
        from sdeval.executors.cluster.connection import cluster_of

        return cluster_of(self._options)

    @cached_property
    def _places(self) -> tuple[Place, ...]:
        if self._options.executor.is_ray:
            return self._cluster.places(*(self._options.xdist or (0, 1)))
        from sdeval.executors.places import places_of

        return places_of(self._options)

    @property
    def _open_at(self) -> Opener | None:
        """Opens a target in the cluster; None where a process of this machine does."""
        if not self._options.executor.is_ray:
            return None
        from sdeval.executors.cluster.engine import ClusterEngine

        return partial(ClusterEngine, cluster=self._cluster)

    def check(self, targets: Iterable[Target]) -> None:
        """Find out before the first image whether the devices are there.

        Raises:
            SdevalError: one is not, or a target has another one of its own.
        """
        if self._options.devices.is_explicit or self._options.executor.is_ray:
            from sdeval.executors.places import spreads

            if [target for target in targets if spreads(target, self._options.devices)]:
                _ = self._places

    def evaluate(self, plan: Plan, folder: Path, baseline: Stored | None, earlier: Run | None) -> Run:
        """Generate and score what a plan asks; see `LocalExecutor`."""
        pool = self._pool_of(plan.target)
        if pool is None:
            return super().evaluate(plan, folder, baseline, earlier)
        from sdeval.evaluation.evaluate import score_and_write

        count = len(plan.samples) - (len(earlier.samples) if earlier else 0)
        title = f"{title_of(plan, earlier)} ({plural(len(pool.engines), 'worker')})"
        with self._watcher.watch(title, count) as progress:
            run = pool.generate(plan, folder, progress, earlier, self._limit(plan.target))
            return score_and_write(run, plan, folder, pool.engines[0].device, baseline)

    def time_again(self, plan: Plan, run: Run, calls: int) -> Run:
        """The run with the times of a few calls that are made once more, on one of the devices."""
        pool = self._pool_of(plan.target)
        if pool is None:
            return super().time_again(plan, run, calls)
        from sdeval.evaluation.timing import time_calls

        return replace(run, timings=time_calls(plan, pool.engines[0], calls))

    def _pool_of(self, target: Target) -> Pool | None:
        """The processes that have a target open; None where this process generates."""
        from sdeval.executors.places import spreads

        if self._is_given or not spreads(target, self._options.devices) or not self._places:
            return None
        from sdeval.executors.pool import Pool

        if self._pool is None or self._pool.target.fingerprint != target.fingerprint or self._pool.is_closed:
            if self._pool is not None:
                # Let go of the one before first: both may not fit.
                self._pool.close()
                self._pool = None
            self._engine = None
            self._pool = Pool(target, self._places, self._open_at)
        return self._pool
