"""Generates and scores in this process. One target at a time is in memory, and one that it is compared with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sdeval._utils.progress import Watcher
from sdeval.config.target import Target
from sdeval.results.run import Run, Stored

if TYPE_CHECKING:
    from sdeval.engines.engine import Engine
    from sdeval.evaluation.calls import CallLimit
    from sdeval.evaluation.plan import Plan


class LocalExecutor:
    """Evaluates plans one after the other.

    Args:
        watcher: shows progress.
        loaded: a target that is in memory already.
    """

    def __init__(self, watcher: Watcher, loaded: Engine | None = None) -> None:
        self._watcher = watcher
        self._engine = loaded
        self._rival: Engine | None = None
        self._limits: dict[str, CallLimit] = {}
        """What is known of the memory that targets need, by their fingerprints."""

    def check(self, targets: Iterable[Target]) -> None:
        """Find out before the first image whether targets can be generated here: in this process, all can."""

    def evaluate(self, plan: Plan, folder: Path, baseline: Stored | None, earlier: Run | None) -> Run:
        """Generate and score what a plan asks.

        Args:
            plan: what to generate.
            folder: where the run goes.
            baseline: what was accepted for this suite and target.
            earlier: a run of some of these samples, in the same folder; they are not generated again.
        """
        from sdeval.evaluation.evaluate import evaluate

        engine = self._load(plan.target)
        count = len(plan.samples) - (len(earlier.samples) if earlier else 0)
        with self._watcher.watch(title_of(plan, earlier), count) as progress:
            return evaluate(plan, engine, folder, baseline, progress, earlier, self._limit(plan.target))

    def evaluate_both(
        self, plan: Plan, rival: Plan, python: Path | None, folder: Path, earlier: tuple[Run, Run] | None
    ) -> tuple[Run, Run]:
        """Generate and score two plans of the same samples, interleaved batch by batch.

        Args:
            plan: of the candidate.
            rival: of what it is compared with.
            python: interpreter of another environment that generates the rival's images.
            folder: where the candidate's run goes; the rival's goes into `against` in it.
            earlier: runs of some of these samples; they are not generated again.
        """
        from sdeval.evaluation.evaluate import evaluate_both

        candidate, compared = (plan, self._load(plan.target)), (rival, self._load_rival(rival.target, python))
        count = 2 * len(plan.samples) - (2 * len(earlier[0].samples) if earlier else 0)
        title = f"{title_of(plan, earlier)}, interleaved with {rival.target.name}"
        with self._watcher.watch(title, count) as progress:
            return evaluate_both(candidate, compared, folder, progress, earlier)

    def time_again(self, plan: Plan, run: Run, calls: int) -> Run:
        """The run with the times of a few calls that are made once more; their images are thrown away."""
        from sdeval.evaluation.timing import time_calls

        return replace(run, timings=time_calls(plan, self._load(plan.target), calls))

    def _limit(self, target: Target) -> CallLimit:
        from sdeval.evaluation.calls import CallLimit

        return self._limits.setdefault(target.fingerprint, CallLimit())

    def _load(self, target: Target) -> Engine:
        from sdeval.engines.engine import open_target

        if self._engine is None or self._engine.target.fingerprint != target.fingerprint:
            # Let go of the one before first: both may not fit.
            self._engine = None
            self._engine = open_target(target)
        return self._engine

    def _load_rival(self, target: Target, python: Path | None) -> Engine:
        from sdeval.engines.engine import open_target
        from sdeval.engines.subprocess_engine import RemoteEngine

        if self._rival is None or self._rival.target.fingerprint != target.fingerprint:
            self._rival = None
            self._rival = RemoteEngine(target, python) if python else open_target(target)
        return self._rival


def title_of(plan: Plan, earlier: object | None) -> str:
    """What is generated, and which round of seeds it is where it is not the first: its count begins again."""
    name = f"{plan.suite.name} on {plan.target.name}"
    return f"{name}, round {plan.rounds.index(plan.suite.seeds) + 1} with more seeds" if earlier else name
