"""One session: which suites meet which targets, their runs, and the verdicts. Knows nothing of pytest.

resolve     what each job needs, before anything is generated        `resolve`
evaluate    its images, round of seeds by round, and their scores    `executors`, `evaluation`
compare     with the baseline                                        `judging`
judge       all metrics of the session together                      `compare.judge_metrics`
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from sdeval._utils.progress import Silent, Watcher
from sdeval.baselines import store as baselines
from sdeval.baselines.snapshot import FetchedImages, Outdated, forget_snapshot, link_full_images, take_snapshot
from sdeval.comparison import Verdict, judge_metrics
from sdeval.config import target
from sdeval.config import target_registry as named_targets
from sdeval.config.options import Options
from sdeval.config.suite import Suite
from sdeval.config.target import Target
from sdeval.errors import CannotWrite, SdevalError, describe_error
from sdeval.executors.local import LocalExecutor
from sdeval.executors.spread import SpreadExecutor
from sdeval.results.run import AGAINST, BATCH_CONSISTENCY, MIXED, Run, Stored
from sdeval.results.shard_record import ShardJob, write_job
from sdeval.session.items import Item, Job, Key, items_of
from sdeval.session.job_state import JobState
from sdeval.session.judging import Comparison, Subject, compare, judge_speed
from sdeval.session.resolve import ResolvedJob, resolve
from sdeval.session.settings_check import announcements, check_settings
from sdeval.session.shards import shard_job
from sdeval.stores.images import open_store

if TYPE_CHECKING:
    from sdeval.baselines.variability import VariabilityFit
    from sdeval.engines.engine import Engine
    from sdeval.evaluation.plan import Plan

TIMED_AGAIN = 5
"""Pipeline calls that are made once more where a run was slow."""


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
        executor: LocalExecutor | None = None,
    ) -> None:
        self.options = options
        self.folder = folder
        # Whether other processes evaluate other targets of the same session.
        self._shared = shared
        self._named = {**named_targets.shipped_targets(), **options.named}
        self._known: dict[str, Target] = {}
        self._selected: list[Item] = []
        self._executor = executor or SpreadExecutor(watcher or Silent(), options, loaded)
        self._measured = variability
        # One for all jobs: a store that fails is not waited for again by the next one.
        self._images = open_store(options.store, options.baselines)
        self._states: dict[Key, JobState] = {}
        # Keys of items that have no verdict though they were judged.
        self._unscored: set[str] = set()
        self.unwritten: list[str] = []
        """Why something could not be written: what is unscored for it says nothing about the targets."""

    def items(self, suite: Suite) -> list[Item]:
        """Everything to judge of a suite: its cases, metrics and speeds, target by target.

        Raises:
            SdevalError: an unknown metric, or one that does not fit the task; an unknown target.
        """
        targets = [self._target(text) for text in self.options.targets or suite.targets]
        for item_target in targets:
            namesake = self._known.setdefault(item_target.name, item_target)
            if namesake.fingerprint != item_target.fingerprint:
                raise SdevalError(f"two targets are called {namesake.name}: {namesake.model} and {item_target.model}")
        return items_of(suite, targets)

    @property
    def target_names(self) -> tuple[str, ...]:
        """Names that the ids of items can begin with."""
        return (*self._named, *(self._target(text).name for text in self.options.targets))

    def _target(self, text: str) -> Target:
        named_target = target.find(text, self._named).with_values(self.options.values)
        return replace(named_target, batch_size=self.options.batch_size) if self.options.batch_size else named_target

    def select(self, items: Sequence[Item]) -> None:
        """Set the items that will be judged; only what they need is generated."""
        self._selected = list(items)

    @property
    def jobs(self) -> list[Job]:
        """The jobs of the selected items, ordered by target so that each target is loaded once."""
        jobs = {item.job.key: item.job for item in self._selected}
        names = list(dict.fromkeys(job.target.name for job in jobs.values()))
        return sorted(jobs.values(), key=lambda job: names.index(job.target.name))

    @property
    def suites(self) -> dict[str, Suite]:
        """The suites of the selected items, by name."""
        return {job.suite.name: job.suite for job in self.jobs}

    def check(self) -> list[str]:
        """Check targets, settings and baselines of the selected items before anything is generated.

        Returns:
            Gross losses that a suite could not show, a line each.

        Raises:
            SdevalError: something is wrong with a target, a setting or a baseline.
        """
        self.check_settings()
        if not self.options.interleaved:
            self._executor.check(job.target for job in self.jobs)
        lines: list[str] = []
        for job in self.jobs:
            resolved = self._state(job).resolved
            if resolved.baseline:
                baselines.check_readable(resolved.baseline)
            lines += resolved.undetectable_losses(len(self._names(job, "metric")))
        return lines

    def announcements(self) -> list[str]:
        """What a user should see before anything is generated: calls of servers that may have to be paid."""
        return announcements(self.jobs, self.options)

    def check_settings(self) -> None:
        """Refuse settings that no suite of a target can use: for example, a text-to-image suite has no `strength`.

        Raises:
            SdevalError: a setting of a target or a suite is wrong.
        """
        check_settings(self.jobs, self.options)

    def judge(self, item: Item) -> Verdict:
        """The verdict on one item.

        An item that had none and is judged again, as plugins for flaky tests do, has its job evaluated again: images
        that were generated are kept.

        Raises:
            NotAvailable: what the target or a metric needs is not on this machine.
            Exception: it could not be generated or compared. What fails for a whole job is raised once; its other
                items get the reason as their verdict.
        """
        if item.key in self._unscored:
            self._states[item.job.key] = JobState(self._state(item.job).resolved)
        self._unscored.add(item.key)
        verdict = self._judge(item)
        if verdict.verdict != "unscored":
            self._unscored.discard(item.key)
        return verdict

    def _judge(self, item: Item) -> Verdict:
        state = self._state(item.job)
        resolved = state.resolved
        if resolved.unavailable is not None:
            raise resolved.unavailable
        if item.kind == "metric" and item.name in resolved.missing:
            raise resolved.missing[item.name]
        if state.failure:
            return item.without_verdict(state.failure)
        if self.options.shard is not None:
            self._generate_shard(state)
            return item.without_verdict(f"shard {self.options.shard}: verdicts come from sdeval merge", "skipped")
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
        """The state of a job, which is resolved on first use."""
        if job.key not in self._states:
            self._states[job.key] = JobState(self._resolved(job))
        return self._states[job.key]

    def _resolved(self, job: Job) -> ResolvedJob:
        return resolve(job, self.options, self._measured.get(job.key), self._images)

    def _names(self, job: Job, kind: str) -> list[str]:
        """Names of the selected items of a job that are of one kind."""
        return [item.name for item in self._selected if item.job.key == job.key and item.kind == kind]

    @property
    def _total(self) -> int:
        """The number of metrics in the session on all targets, without metrics that are not on this machine."""
        states = [(item, self._state(item.job).resolved) for item in self._selected if item.kind == "metric"]
        return sum(resolved.unavailable is None and item.name not in resolved.missing for item, resolved in states)

    def _run(self, state: JobState) -> Run:
        """The run of a job, of the first round of seeds if there is none yet.

        Raises:
            Exception: it could not be generated or scored, for any reason.
        """
        if state.run is None:
            self._evaluate_first(state)
        assert state.run is not None
        return state.run

    def _evaluate_first(self, state: JobState) -> None:
        """Evaluate the first round of seeds; if it fails, no other item of the job tries it again."""
        try:
            self._evaluate(state, 0, self._selected_cases(state.resolved.job))
        except SdevalError as error:
            state.failure = str(error)
            raise
        # Also what ends a test from outside, such as a time limit: its other items do not try again.
        except BaseException as error:
            state.failure = str(_failure(state.resolved.job, error))
            raise

    def _selected_cases(self, job: Job) -> list[str] | None:
        """Ids of the cases that are to be generated; None for the whole suite."""
        cases = self._names(job, "case")
        return None if self._names(job, "metric") or not cases else cases

    def _generate_shard(self, state: JobState) -> None:
        """Generate and score this machine's part of a job, if it has one.

        Raises:
            Exception: it could not be generated or scored, for any reason.
        """
        if not state.is_generated:
            self._evaluate_first(state)
            suite, target = state.resolved.job.key
            write_job(self._shard_job(state), self.folder / suite / target)
            state.is_generated = True

    def shard_jobs(self) -> list[ShardJob]:
        """What shards of this session must have in common, for each job of which anything is here."""
        return [self._shard_job(state) for state in self._available_states()]

    def first_plans(self) -> list[Plan]:
        """What the first round of seeds comes to, for each job of which anything is here."""
        states = self._available_states()
        return [state.resolved.plan(0, self._selected_cases(state.resolved.job)) for state in states]

    def _available_states(self) -> list[JobState]:
        states = [self._state(job) for job in self.jobs]
        return [state for state in states if state.resolved.unavailable is None]

    def _shard_job(self, state: JobState) -> ShardJob:
        return shard_job(state, self._selected_cases(state.resolved.job))

    def _evaluate(self, state: JobState, number: int, cases: Sequence[str] | None = None) -> None:
        """Generate and score a round of seeds; images of earlier rounds are not generated again."""
        try:
            self._evaluate_round(state, number, cases)
        except CannotWrite as error:
            self.unwritten.append(str(error))
            raise

    def _evaluate_round(self, state: JobState, number: int, cases: Sequence[str] | None) -> None:
        job = state.resolved.job
        folder = self.folder / job.suite.name / job.target.name
        if state.run is None and not self.options.interleaved:
            self._take_snapshot(state, folder, cases)
        resolved = state.resolved
        plan = resolved.plan(number, cases, self_check=not self._has_self_check(job))
        if plan.shard and not plan.samples:
            return
        if self.options.interleaved:
            earlier = (state.run, state.rival.run) if state.run and state.rival else None
            python, rival_plan = self.options.compare_to_python, resolved.rival_plan(plan)
            state.run, rival = self._executor.evaluate_both(plan, rival_plan, python, folder, earlier)
            state.rival = Stored(rival, folder / AGAINST)
        else:
            state.run = self._evaluate_alone(plan, folder, resolved.baseline, state.run)
        state.round = number

    def _evaluate_alone(self, plan: Plan, folder: Path, baseline: Stored | None, earlier: Run | None) -> Run:
        """Evaluate a plan, and keep the baseline's full-size images that its scores needed for the page."""
        if baseline is None or baseline.images is None:
            return self._executor.evaluate(plan, folder, baseline, earlier)
        fetched = FetchedImages(baseline.images)
        run = self._executor.evaluate(plan, folder, replace(baseline, images=fetched), earlier)
        try:
            link_full_images(run, baseline, fetched, folder)
        except CannotWrite as error:
            # The page shows thumbnails instead.
            self.unwritten.append(str(error))
        return run

    def _take_snapshot(self, state: JobState, folder: Path, cases: Sequence[str] | None) -> None:
        """From now on the job knows one baseline, in the folder of its run, whatever is accepted meanwhile."""
        forget_snapshot(folder)
        while state.resolved.baseline is not None:
            try:
                snapshot = take_snapshot(state.resolved.baseline, folder, cases)
            except Outdated:
                state.resolved = self._resolved(state.resolved.job)
            else:
                state.resolved = replace(state.resolved, baseline=snapshot)
                return

    def _has_self_check(self, job: Job) -> bool:
        """Whether a run of this target and task already has an image that was generated both in its batch and alone.

        Where images of a batch were mixed, every suite has to find that out.
        """
        runs = [
            state.run
            for state in self._states.values()
            if state.resolved.job.target.fingerprint == job.target.fingerprint
            and state.resolved.job.suite.task == job.suite.task
        ]
        return any(run.environment.get(BATCH_CONSISTENCY, MIXED) != MIXED for run in runs if run)

    def _compare(self, state: JobState) -> Comparison:
        """Compare a job with its baseline, with as many rounds of seeds as are needed and the suite allows.

        The correction needs the number of metrics in the session, but not their results: other metrics count as
        unchanged, which is the strictest assumption, so no job waits for another. Only whole suites get more seeds,
        because a partial run has no comparable baseline for them.
        """
        if state.comparison is None:
            total, jobs = self._total, len(self.jobs)
            self._run(state)
            comparison = compare(self._subject(state), total, jobs)
            while self._run(state).complete and self._has_more_seeds(state) and comparison.needs_more_seeds(total):
                try:
                    self._evaluate(state, state.round + 1)
                except Exception as error:
                    # The previous round is kept; what it left undecided becomes unscored, with the reason.
                    failure = error if isinstance(error, SdevalError) else _failure(state.resolved.job, error)
                    comparison = comparison.without_more_seeds(total, failure)
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

    def _judge_metrics(self, requested: JobState) -> None:
        """Judge all metrics of this process together, so that the correction covers all of them.

        Raises:
            Exception: the requested job could not be evaluated or compared, for any reason.
        """
        evidence = []
        for job in self.jobs:
            state = self._state(job)
            elsewhere = self._shared and job.target.name != requested.resolved.job.target.name
            if elsewhere or state.failure or state.resolved.unavailable is not None:
                continue
            try:
                comparison = self._compare(state)
            except Exception:
                # The items of that job report the error; items of other jobs are not affected.
                if state is requested:
                    raise
                continue
            evidence += [(state, name, metric_evidence) for name, metric_evidence in comparison.evidence.items()]
        verdicts = judge_metrics([metric_evidence for _, _, metric_evidence in evidence], self._total)
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
        """Make an inconclusive verdict fail where the suite requires proof."""
        asks = (job.suite.inconclusive or self.options.inconclusive) == "fail"
        return replace(verdict, fatal=True) if asks and verdict.verdict == "inconclusive" else verdict


def _with_variability(state: JobState, verdict: Verdict) -> Verdict:
    variability = state.resolved.variability
    measured = variability.metrics.get(verdict.metric) if variability else None
    return replace(verdict, variability=measured.variability) if measured else verdict


def _failure(job: Job, error: BaseException) -> SdevalError:
    return SdevalError(f"{job.suite.name} on {job.target.name} failed: {describe_error(error)}")
