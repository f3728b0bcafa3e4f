"""One session: which suites meet which targets, their runs, and the verdicts. Knows nothing of pytest.

resolve     what each job needs, before anything is generated        `resolve`
evaluate    its images, round of seeds by round, and their scores    `executors`, `evaluation`
compare     with the baseline                                        `judging`
judge       all metrics of the session together                      `compare.judge_metrics`
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from sdeval._utils.progress import Silent, Watcher
from sdeval.baselines import store as baselines
from sdeval.comparison import Verdict, judge_metrics
from sdeval.config import target
from sdeval.config import target_registry as named_targets
from sdeval.config.options import Options
from sdeval.config.suite import Suite
from sdeval.config.target import Target
from sdeval.engines.names import check_names
from sdeval.errors import SdevalError
from sdeval.executors.local import LocalExecutor
from sdeval.results.run import AGAINST, BATCH_CONSISTENCY, Run, Stored
from sdeval.session.items import Item, Job, Key, items_of
from sdeval.session.judging import Comparison, Subject, compare, judge_speed
from sdeval.session.resolve import ResolvedJob, is_on_this_machine, resolve

if TYPE_CHECKING:
    from sdeval.baselines.variability import VariabilityFit
    from sdeval.engines.engine import Engine

TIMED_AGAIN = 5
"""Pipeline calls that are made once more where a run was slow."""


@dataclass(slots=True)
class JobState:
    """How far a job is."""

    resolved: ResolvedJob
    round: int = 0
    """Of seeds, the last one that was generated."""
    run: Run | None = None
    rival: Stored | None = None
    """The run that was interleaved with it, if one was."""
    failure: str = ""
    """Why there is no run."""
    comparison: Comparison | None = None
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    """On its metrics."""

    @property
    def baseline(self) -> Stored | None:
        """What the run is compared with."""
        return self.rival if self.resolved.options.interleaved else self.resolved.baseline


class Session:
    """Gives verdicts on items, and evaluates what they need when the first of them is judged.

    Example:
        >>> session = Session(Options(), Path("reports/today"))
        >>> items = session.items(suite)
        >>> session.select(items)
        >>> session.judge(items[0]).verdict
        'passed'
    """

    def __init__(
        self,
        options: Options,
        folder: Path,
        watcher: Watcher | None = None,
        *,
        shared: bool = False,
        loaded: Engine | None = None,
        variability: Mapping[Key, VariabilityFit] = MappingProxyType({}),
    ) -> None:
        self.options = options
        self.folder = folder
        # Whether other processes do other targets of the same session.
        self._shared = shared
        self._named = {**named_targets.shipped(), **options.named}
        self._known: dict[str, Target] = {}
        self._selected: list[Item] = []
        self._executor = LocalExecutor(watcher or Silent(), loaded)
        self._measured = variability
        self._states: dict[Key, JobState] = {}

    def items(self, suite: Suite) -> list[Item]:
        """Everything to judge of a suite: its cases, metrics and speeds, target by target.

        Raises:
            SdevalError: an unknown metric, or one that does not fit the task; an unknown target.
        """
        targets = [self._target(text) for text in self.options.targets or suite.targets]
        for found in targets:
            first = self._known.setdefault(found.name, found)
            if first.fingerprint != found.fingerprint:
                raise SdevalError(f"two targets are called {first.name}: {first.model} and {found.model}")
        return items_of(suite, targets)

    @property
    def target_names(self) -> tuple[str, ...]:
        """Names that the ids of items can begin with."""
        return (*self._named, *(self._target(text).name for text in self.options.targets))

    def _target(self, text: str) -> Target:
        found = target.find(text, self._named).with_values(self.options.values)
        return replace(found, batch_size=self.options.batch_size) if self.options.batch_size else found

    def select(self, items: Sequence[Item]) -> None:
        """Say which items will be judged; only what they need is generated."""
        self._selected = list(items)

    @property
    def jobs(self) -> list[Job]:
        """What the selected items are about, target by target, so that each is loaded once."""
        jobs = {item.job.key: item.job for item in self._selected}
        names = list(dict.fromkeys(job.target.name for job in jobs.values()))
        return sorted(jobs.values(), key=lambda job: names.index(job.target.name))

    @property
    def suites(self) -> dict[str, Suite]:
        """The suites of the selected items, by name."""
        return {job.suite.name: job.suite for job in self.jobs}

    def check(self) -> list[str]:
        """Find out whether all that is selected can be done, before anything is generated.

        Returns:
            Gross losses that a suite could not show, a line each.

        Raises:
            SdevalError: something is wrong with a target, a setting or a baseline.
        """
        self._check_settings()
        lines: list[str] = []
        for job in self.jobs:
            resolved = self._state(job).resolved
            if resolved.baseline:
                baselines.check_images(resolved.baseline)
            lines += resolved.gross_losses_unseen(len(self._names(job, "metric")))
        return lines

    def _check_settings(self) -> None:
        """Refuse settings that no suite of a target can use: `strength` says nothing to a text-to-image suite.

        Raises:
            SdevalError: a setting of a target or a suite is wrong.
        """
        misfits: dict[tuple[str, str], SdevalError] = {}
        fitting: set[tuple[str, str]] = set()
        sides = [(job, side) for job in self.jobs for side in (job.target, self.options.compare_to) if side]
        # Names that nothing knows, before anything heavy is imported for the others.
        for job, side in sides:
            check_names(side, job.suite.settings)
        for job, side in sides:
            if not is_on_this_machine(side):
                continue
            from sdeval.engines import engine as engines

            engines.check(side, job.suite.task, job.suite.settings)
            for name, value in side.settings.items():
                try:
                    engines.check(side, job.suite.task, {name: value})
                    fitting.add((side.fingerprint, name))
                except SdevalError as error:
                    misfits.setdefault((side.fingerprint, name), error)
        for key, misfit in misfits.items():
            if key not in fitting:
                raise misfit
        for job, side in sides:
            if is_on_this_machine(side):
                from sdeval.evaluation.plan import check_request

                check_request(job.suite, side)

    def judge(self, item: Item) -> Verdict:
        """The verdict on one item.

        Raises:
            NotAvailable: what the target or a metric needs is not on this machine.
            Exception: it could not be generated or compared. What fails for a whole job is raised once; its other
                items get the reason as their verdict.
        """
        state = self._state(item.job)
        resolved = state.resolved
        if resolved.unavailable is not None:
            raise resolved.unavailable
        if item.kind == "metric" and item.name in resolved.missing:
            raise resolved.missing[item.name]
        if state.failure:
            return item.without_verdict(state.failure)
        if item.kind == "speed":
            return self._judge_speed(state, item.name)
        if item.kind == "case":
            return self._with_proof(item.job, self._compare(state).cases[item.name])
        if item.name not in state.verdicts:
            self._judge_metrics(state)
        failure = self._compare(state).failures.get(item.name)
        if failure is not None:
            raise failure
        return state.verdicts[item.name]

    def _state(self, job: Job) -> JobState:
        """How far a job is; what it needs is looked up at the first time."""
        if job.key not in self._states:
            self._states[job.key] = JobState(resolve(job, self.options, self._measured.get(job.key)))
        return self._states[job.key]

    def _names(self, job: Job, kind: str) -> list[str]:
        """Selected items of a job, of one kind."""
        return [item.name for item in self._selected if item.job.key == job.key and item.kind == kind]

    @property
    def _total(self) -> int:
        """Metrics of the whole session, on all targets; those that are not on this machine cost the others nothing."""
        states = [(item, self._state(item.job).resolved) for item in self._selected if item.kind == "metric"]
        return sum(resolved.unavailable is None and item.name not in resolved.missing for item, resolved in states)

    def _run(self, state: JobState) -> Run:
        """The run of a job, of the first round of seeds if there is none yet.

        Raises:
            Exception: it could not be generated or scored; whatever the reason.
        """
        if state.run is None:
            job = state.resolved.job
            wanted = self._names(job, "case")
            whole = bool(self._names(job, "metric")) or not wanted
            try:
                self._evaluate(state, 0, None if whole else wanted)
            except SdevalError as error:
                state.failure = str(error)
                raise
            except Exception as error:
                state.failure = str(_failure(job, error))
                raise
        assert state.run is not None
        return state.run

    def _evaluate(self, state: JobState, number: int, cases: Sequence[str] | None = None) -> None:
        """Generate and score a round of seeds; what earlier rounds have is not generated again."""
        resolved, job = state.resolved, state.resolved.job
        plan = resolved.plan(number, cases, self_check=not self._is_self_checked(job.target))
        folder = self.folder / job.suite.name / job.target.name
        if self.options.interleaved:
            earlier = (state.run, state.rival.run) if state.run and state.rival else None
            python, rival_plan = self.options.compare_to_python, resolved.rival_plan(plan)
            state.run, rival = self._executor.evaluate_both(plan, rival_plan, python, folder, earlier)
            state.rival = Stored(rival, folder / AGAINST)
        else:
            state.run = self._executor.evaluate(plan, folder, resolved.baseline, state.run)
        state.round = number

    def _is_self_checked(self, of: Target) -> bool:
        """Whether a run of this target has an image that was generated in its batch and alone."""
        runs = [state.run for state in self._states.values() if state.resolved.job.target.fingerprint == of.fingerprint]
        return any(BATCH_CONSISTENCY in run.environment for run in runs if run)

    def _compare(self, state: JobState) -> Comparison:
        """A job compared with its baseline, with as many rounds of seeds as its suite allows and it takes to decide.

        How many metrics the session has is known, not yet what becomes of the others: they count as unchanged, which
        is the strictest. So no job has to wait for another. More seeds are for whole suites: a part of one has nothing
        to be compared with.
        """
        if state.comparison is None:
            total, jobs = self._total, len(self.jobs)
            self._run(state)
            comparison = compare(self._subject(state), total, jobs)
            while self._run(state).complete and self._has_more_seeds(state) and comparison.undecided(total):
                try:
                    self._evaluate(state, state.round + 1)
                except Exception as error:
                    # The round before stands; what it left open says why it stayed open.
                    failure = error if isinstance(error, SdevalError) else _failure(state.resolved.job, error)
                    comparison = comparison.unsettled(total, failure)
                    break
                comparison = compare(self._subject(state), total, jobs)
            state.comparison = comparison
        return state.comparison

    @staticmethod
    def _has_more_seeds(state: JobState) -> bool:
        return state.round + 1 < len(state.resolved.rounds)

    def _subject(self, state: JobState) -> Subject:
        job, missing = state.resolved.job, state.resolved.missing
        return Subject(
            resolved=state.resolved,
            run=self._run(state),
            baseline=state.baseline,
            round=state.round,
            cases=self._names(job, "case"),
            metrics=[name for name in self._names(job, "metric") if name not in missing],
        )

    def _judge_metrics(self, wanted: JobState) -> None:
        """Judge all metrics that this process can judge together, so that the correction sees all of them.

        Raises:
            Exception: the job that is wanted could not be evaluated or compared; whatever the reason.
        """
        evidence = []
        for job in self.jobs:
            state = self._state(job)
            elsewhere = self._shared and job.target.name != wanted.resolved.job.target.name
            if elsewhere or state.failure or state.resolved.unavailable is not None:
                continue
            try:
                comparison = self._compare(state)
            except Exception:
                # Items of that job say it; those of other jobs do not suffer for it.
                if state is wanted:
                    raise
                continue
            evidence += [(state, name, found) for name, found in comparison.evidence.items()]
        verdicts = judge_metrics([found for _, _, found in evidence], self._total)
        for (state, name, _), verdict in zip(evidence, verdicts, strict=True):
            state.verdicts[name] = self._with_proof(state.resolved.job, _with_variability(state, verdict))

    def _judge_speed(self, state: JobState, metric: str) -> Verdict:
        self._run(state)

        def time_again() -> Run:
            plan = state.resolved.plan(0)
            return self._executor.time_again(plan, self._run(state), TIMED_AGAIN)

        interleaved = self.options.interleaved
        return judge_speed(self._subject(state), metric, interleaved=interleaved, time_again=time_again)

    def _with_proof(self, job: Job, verdict: Verdict) -> Verdict:
        """What is inconclusive fails where the suite asks for proof."""
        asks = (job.suite.inconclusive or self.options.inconclusive) == "fail"
        return replace(verdict, fatal=True) if asks and verdict.verdict == "inconclusive" else verdict


def _with_variability(state: JobState, verdict: Verdict) -> Verdict:
    variability = state.resolved.variability
    known = variability.metrics.get(verdict.metric) if variability else None
    return replace(verdict, variability=known.variability) if known else verdict


def _failure(job: Job, error: Exception) -> SdevalError:
    return SdevalError(f"{job.suite.name} on {job.target.name} failed: {type(error).__name__}: {error}".splitlines()[0])
