"""One sitting: which suites meet which targets, what has been drawn, and the verdicts. Knows nothing of pytest."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from sdeval import metrics
from sdeval._utils.progress import Silent, Watcher
from sdeval.baselines import speed as pace
from sdeval.baselines import store as baselines
from sdeval.compare import (
    SUITE,
    Circumstances,
    Kind,
    MetricEvidence,
    Verdict,
    collect_collapsed,
    collect_evidence,
    expected_defects,
    judge_cases,
    judge_metrics,
    share_of_round,
    suspected,
    undecided,
)
from sdeval.compare.speed import judge_in_turns, judge_pace
from sdeval.config import target
from sdeval.config import target_registry as named_targets
from sdeval.config.options import Options
from sdeval.config.suite import COLLAPSED, FIGURES, SPEED, Case, Suite, added_seeds
from sdeval.config.target import Target
from sdeval.engines import hardware
from sdeval.engines.checkpoints import require
from sdeval.errors import NotAvailable, SdevalError
from sdeval.results.run import Run
from sdeval.session.runner import Job, Key, Runner

if TYPE_CHECKING:
    from sdeval.baselines.variability_fit import Fitting
    from sdeval.engines.engine import Engine

OTHER_CASES = "it looks at all cases of the suite together, and the baseline has other cases"


@dataclass(frozen=True, slots=True)
class Question:
    """One thing a session answers: about a case, a metric of the whole suite, or a speed figure."""

    job: Job
    kind: Literal["case", "gate", "figure"]
    name: str

    @property
    def key(self) -> str:
        """Names the question in a session."""
        return "/".join((*self.job.key, self.name))

    def unanswered(self, reason: str, verdict: Kind = "unscored") -> Verdict:
        """The verdict where there can be none."""
        case, metric = (self.name, "health") if self.kind == "case" else (SUITE, self.name)
        suite, target = self.job.key
        return Verdict(suite=suite, target=target, metric=metric, case=case, verdict=verdict, reason=reason)

    @property
    def case(self) -> Case:
        """The case it is about."""
        return next(case for case in self.job.suite.cases if case.id == self.name)

    @property
    def id(self) -> str:
        """What a test item is called: the target first, so that its items read together."""
        return f"{self.job.target.name}-{self.name}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A job compared with its baseline, once all its rounds of seeds are done."""

    cases: Mapping[str, Verdict] = field(default_factory=dict)
    evidence: Mapping[str, MetricEvidence] = field(default_factory=dict)
    """By metric."""
    failed: Mapping[str, Exception] = field(default_factory=dict)
    """Metrics that could not be compared, and why."""

    def undecided(self, total: int) -> bool:
        """Whether more seeds could decide something."""
        verdicts = judge_metrics(list(self.evidence.values()), total)
        return any(map(suspected, self.cases.values())) or any(map(undecided, verdicts))


class Session:
    """Answers questions with verdicts, drawing what they need when the first of them is asked.

    Example:
        >>> session = Session(Options(), Path("reports/today"))
        >>> questions = session.questions(suite)
        >>> session.select(questions)
        >>> session.answer(questions[0]).verdict
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
        noise: Mapping[Key, Fitting] = MappingProxyType({}),
    ) -> None:
        self.options = options
        self.folder = folder
        # Whether other processes do other targets of the same session.
        self._shared = shared
        self._named = {**named_targets.shipped(), **options.named}
        self._known: dict[str, Target] = {}
        self._selected: list[Question] = []
        self._runner = Runner(options, folder, watcher or Silent(), loaded, noise)
        self._compared: dict[Key, Comparison] = {}
        self._available: dict[Key, bool] = {}
        self._metrics: dict[str, Verdict] = {}

    def questions(self, suite: Suite) -> list[Question]:
        """Everything that can be asked about a suite: its cases, then its figures, target by target.

        Raises:
            SdevalError: an unknown metric, or one that does not fit the task; an unknown target.
        """
        metrics.MetricOptions.from_suite(suite, "cpu")
        for name in suite.metrics:
            _check_metric(suite, metrics.info(name))
        found: list[Question] = []
        for text in self.options.targets or suite.targets:
            job = Job(suite, self._target(text))
            first = self._known.setdefault(job.target.name, job.target)
            if first.fingerprint != job.target.fingerprint:
                raise SdevalError(f"two targets are called {first.name}: {first.model} and {job.target.model}")
            found += [Question(job, "case", case.id) for case in suite.cases]
            found += [Question(job, "gate", name) for name in judged_metrics(suite)]
            found += [Question(job, "figure", name) for name in FIGURES]
        return found

    @property
    def target_names(self) -> tuple[str, ...]:
        """Names that the ids of items can begin with."""
        return (*self._named, *(self._target(text).name for text in self.options.targets))

    def _target(self, text: str) -> Target:
        found = target.find(text, self._named).with_values(self.options.values)
        return replace(found, batch_size=self.options.batch_size) if self.options.batch_size else found

    def select(self, questions: Sequence[Question]) -> None:
        """Say which questions will be asked; only what they need is drawn."""
        self._selected = list(questions)

    @property
    def jobs(self) -> list[Job]:
        """What the selected questions are about, target by target, so that each is loaded once."""
        jobs = {question.job.key: question.job for question in self._selected}
        names = list(dict.fromkeys(job.target.name for job in jobs.values()))
        return sorted(jobs.values(), key=lambda job: names.index(job.target.name))

    @property
    def suites(self) -> dict[str, Suite]:
        """The suites of the selected questions, by name."""
        return {job.suite.name: job.suite for job in self.jobs}

    def check(self) -> list[str]:
        """Find out whether all that is selected can be done, before anything is drawn.

        A setting of a target must fit at least one of its jobs: `strength` says nothing to a text-to-image suite.

        Returns:
            Gross losses that a suite could not show, a line each.

        Raises:
            SdevalError: something is wrong with a target, a setting or a baseline.
        """
        misfits: dict[tuple[str, str], SdevalError] = {}
        fitting: set[tuple[str, str]] = set()
        for job in self.jobs:
            baselines.check(self.options.baselines, *job.key)
            # What is not on this machine is said by the items, which skip or fail.
            with contextlib.suppress(NotAvailable):
                for side in filter(None, (job.target, self.options.against)):
                    require(side)
                    from sdeval.engines import engine as engines

                    engines.check(side, job.suite.task, job.suite.settings)
                    for name, value in side.settings.items():
                        try:
                            engines.check(side, job.suite.task, {name: value})
                            fitting.add((side.fingerprint, name))
                        except SdevalError as error:
                            misfits.setdefault((side.fingerprint, name), error)
                self._runner.missing(job)
        for key, misfit in misfits.items():
            if key not in fitting:
                raise misfit
        return [line for job in self.jobs for line in self._unseen(job)]

    def _unseen(self, job: Job) -> list[str]:
        metrics_of_job = sum(each.kind == "gate" and each.job.key == job.key for each in self._selected)
        if not metrics_of_job:
            return []
        # What is not on this machine is said by the items, which skip or fail.
        with contextlib.suppress(NotAvailable):
            require(job.target)
            return self._runner.unseen(job, metrics_of_job)
        return []

    def answer(self, question: Question) -> Verdict:
        """The verdict on one question.

        Raises:
            NotAvailable: what the target or a metric needs is not on this machine.
            SdevalError: it cannot be drawn or scored.
        """
        if question.kind == "case":
            return self._with_proof(question, self._comparison(question.job).cases[question.name])
        if question.kind == "figure":
            return self._judged_pace(question)
        if question.key not in self._metrics:
            self._judge_metrics(question)
        return self._metrics[question.key]

    def _run(self, job: Job) -> Run:
        mine = [question for question in self._selected if question.job.key == job.key]
        wanted = {question.name for question in mine if question.kind == "case"}
        whole = any(question.kind == "gate" for question in mine) or not wanted
        return self._runner.run(job, None if whole else wanted)

    def _judged_pace(self, question: Question) -> Verdict:
        """Speed or memory, beside what was accepted for this class of machine; what is slower is measured twice."""
        job, run = question.job, self._run(question.job)
        rival = self._runner.rival(job)
        if rival is not None:
            return judge_in_turns(run, rival, question.name, hardware.busy())
        stored = pace.find(self.options.baselines, run)
        judge = partial(judge_pace, figure=question.name, stored=stored, stated=job.suite.tolerances.get(question.name))
        said = judge(run, busy=hardware.busy())
        if said.verdict != "regressed" or question.name != SPEED:
            return said
        again = judge(self._runner.time_again(job), busy=hardware.busy())
        reason = "measured twice" if again.verdict == "regressed" else "slower at first, and not when measured again"
        return replace(again, reason="; ".join(each for each in (reason, again.reason) if each))

    def _comparison(self, job: Job) -> Comparison:
        """A job compared with its baseline, with as many rounds of seeds as its suite allows and it takes to decide.

        How many metrics the session has is known, not yet what becomes of the others: they count as unchanged, which
        is the strictest. So no job has to wait for another.
        """
        if job.key not in self._compared:
            compared = self._compare(job)
            try:
                while self._can_widen(job) and compared.undecided(self._total) and self._runner.widen(job) is not None:
                    compared = self._compare(job)
            except SdevalError as error:
                # The round before stands; what it left open says why it stayed open.
                compared = self._unsettled(job, compared, error)
            self._compared[job.key] = compared
        return self._compared[job.key]

    def _can_widen(self, job: Job) -> bool:
        """More seeds are for whole suites: a part of one has nothing to be compared with."""
        return self._run(job).complete

    @property
    def _total(self) -> int:
        """Metrics of the whole session, on all targets; those that are not on this machine cost the others nothing."""
        return sum(each.kind == "gate" and self._is_here(each) for each in self._selected)

    def _is_here(self, question: Question) -> bool:
        """Whether the target and the metric of a question are on this machine."""
        key = question.job.key
        if key not in self._available:
            try:
                require(question.job.target)
                self._available[key] = True
            except NotAvailable:
                self._available[key] = False
        return self._available[key] and question.name not in self._runner.missing(question.job)

    def _compare(self, job: Job) -> Comparison:
        """Cases and metrics of a job, on the seeds that were generated so far."""
        self._run(job)
        evidence: dict[str, MetricEvidence] = {}
        failed: dict[str, Exception] = {}
        for each in self._selected:
            if each.kind == "gate" and each.job.key == job.key:
                try:
                    evidence[each.name] = self._evidence(each)
                except Exception as error:
                    # Raised for whoever asks for that metric; the others do not suffer for it.
                    failed[each.name] = error
        verdicts = judge_metrics(list(evidence.values()), self._total)
        regressed = [each.metric for each in verdicts if each.verdict == "regressed"]
        cases = judge_cases(
            self._run(job),
            self._runner.whole_baseline(job),
            len(self.jobs),
            regressed,
            spreads=self._runner.spreads(job),
            rates=self._runner.defect_rates(job),
        )
        return Comparison({each.case: each for each in cases}, evidence, failed)

    def _unsettled(self, job: Job, compared: Comparison, error: SdevalError) -> Comparison:
        """What further seeds should have decided, and could not."""
        cases = {name: _unsettled(each, error) for name, each in compared.cases.items()}
        verdicts = judge_metrics(list(compared.evidence.values()), self._total)
        evidence = {
            name: MetricEvidence(_unsettled(verdict, error)) if verdict.verdict == "inconclusive" else each
            for (name, each), verdict in zip(compared.evidence.items(), verdicts, strict=True)
        }
        return Comparison(cases, evidence, compared.failed)

    def _judge_metrics(self, question: Question) -> None:
        """Judge all metrics that this process can judge together, so that the correction sees all of them.

        Raises:
            Exception: the job of the question, or its metric, could not be compared; whatever the reason.
        """
        evidence: dict[str, MetricEvidence] = {}
        for job in self.jobs:
            if self._shared and job.target.name != question.job.target.name:
                continue
            try:
                compared = self._comparison(job)
            except Exception:
                # Raised for its own questions, below; those of other jobs do not suffer for it.
                continue
            evidence.update({"/".join((*job.key, name)): each for name, each in compared.evidence.items()})
        verdicts = judge_metrics(list(evidence.values()), self._total)
        asked = {each.key: each for each in self._selected}
        judged = dict(zip(evidence, verdicts, strict=True))
        for key, verdict in judged.items():
            self._metrics[key] = self._with_proof(asked[key], self._with_noise(asked[key], verdict))
        failed = self._comparison(question.job).failed
        if question.name in failed:
            raise failed[question.name]

    def _with_proof(self, question: Question, verdict: Verdict) -> Verdict:
        """What is inconclusive fails where the suite asks for proof."""
        asks = (question.job.suite.inconclusive or self.options.inconclusive) == "fail"
        return replace(verdict, fatal=True) if asks and verdict.verdict == "inconclusive" else verdict

    def _with_noise(self, question: Question, verdict: Verdict) -> Verdict:
        noise = self._runner.noise(question.job)
        known = noise.metrics.get(question.name) if noise else None
        return replace(verdict, noise=known.noise) if known else verdict

    def _untold(self, job: Job) -> str:
        """Broken images of cases that nobody asked about: no metric may hide them."""
        asked = {each.name for each in self._selected if each.kind == "case" and each.job.key == job.key}
        run = self._run(job)
        expected = expected_defects(run, self._runner.defect_rates(job))
        broken = [each for each in run.samples if each.health not in ("ok", *expected) and each.case not in asked]
        if not broken:
            return ""
        names = ", ".join(f"{each.case}@{each.seed} is {each.health}" for each in broken[:3])
        return f"{len(broken)} images are broken: {names}"

    def _require_countable(self, job: Job) -> None:
        """Raise why no metric is here by which a sample can collapse, if so."""
        missing, names = self._runner.missing(job), _countable(job.suite)
        if all(name in missing for name in names):
            raise missing[names[0]]

    def _evidence(self, question: Question) -> MetricEvidence:
        job, name = question.job, question.name
        if name in self._runner.missing(job):
            raise self._runner.missing(job)[name]
        untold = self._untold(job)
        if untold:
            return MetricEvidence(question.unanswered(untold))
        run, baseline, note = self._runner.compared(job)
        rounds = self._runner.looks(job)
        circumstances = Circumstances(
            share=share_of_round(rounds, self._runner.round_of(job)),
            spreads=self._runner.spreads(job),
            held=self._runner.whole_baseline(job),
            note=note,
        )
        if name == COLLAPSED:
            self._require_countable(job)
            return collect_collapsed(run, baseline, job.suite.tolerances.get(COLLAPSED), circumstances)
        from sdeval.metrics.sets.references import swapped_by

        if baseline and note and metrics.info(name).among_cases:
            baseline, circumstances = None, replace(circumstances, note=OTHER_CASES)
        swapped = swapped_by(job.suite, name, self._runner.metric_options(job))
        return collect_evidence(run, baseline, name, swapped, circumstances)


def _countable(suite: Suite) -> list[str]:
    """Metrics of a suite by which a sample can collapse."""
    infos = [metrics.info(name) for name in suite.metrics]
    return [each.name for each in infos if each.judged and each.scope == "sample" and each.alone]


def judged_metrics(suite: Suite) -> tuple[str, ...]:
    """Everything about a whole suite that is judged by its images: its metrics, and the samples that collapsed."""
    return (*suite.metrics, *((COLLAPSED,) if _countable(suite) else ()))


def _unsettled(verdict: Verdict, error: SdevalError) -> Verdict:
    """A verdict that further seeds should have settled, and could not."""
    if not suspected(verdict):
        return verdict
    return replace(verdict, verdict="unscored", reason=f"more seeds were needed to judge it: {error}")


def _check_metric(suite: Suite, info: metrics.MetricInfo) -> None:
    where = f"suite {suite.name}"
    if suite.task not in info.tasks:
        raise SdevalError(f"{where}: metric {info.name} is for {', '.join(info.tasks)}, not for {suite.task}")
    tolerance = suite.tolerances.get(info.name, info.tolerance)
    if info.tolerance_is_relative and not tolerance < 1:
        raise SdevalError(f"{where}: tolerances: {info.name} is a share of the baseline, such as 0.1; got {tolerance}")
    if "seeds" in info.needs and min(map(len, added_seeds(suite.looks))) < 2:
        raise SdevalError(
            f"{where}: metric {info.name} compares seeds of a case; give every look at least two new ones"
        )
    if "image_prompt" in info.needs:
        for case in suite.cases:
            if not case.image_prompt:
                here = case.origin or f"{where}, case {case.id!r}"
                raise SdevalError(f"{here}: image_prompt: is missing; metric {info.name} needs what the image shows")
