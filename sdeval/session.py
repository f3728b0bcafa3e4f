"""One sitting: which suites meet which targets, what has been drawn, and the verdicts. Knows nothing of pytest."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from sdeval import baseline as baselines
from sdeval import hardware, metrics, named_targets, pace, target
from sdeval.compare import SUITE, Gate, Kind, Rule, Verdict, decide, judge_cases, settle_cases, weigh
from sdeval.compare.speed import judge_in_turns, judge_pace
from sdeval.errors import NotAvailable, SdevalError
from sdeval.pipelines.check import require
from sdeval.progress import Silent, Watcher
from sdeval.run import Run
from sdeval.runner import Job, Key, Options, Runner
from sdeval.suite import FIGURES, SPEED, Case, Suite, added_seeds
from sdeval.target import Target

if TYPE_CHECKING:
    from sdeval.fitting import Fitting
    from sdeval.pipelines.engines import Engine


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
        self._cases: dict[Key, dict[str, Verdict]] = {}
        # Pictures that were judged case by case.
        self._seen: dict[Key, frozenset[tuple[str, int]]] = {}
        self._gates: dict[str, Verdict] = {}
        self._unweighed: dict[str, Exception] = {}

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
            found += [Question(job, "gate", name) for name in suite.metrics]
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

    def check(self) -> None:
        """Find out whether all that is selected can be done, before anything is drawn.

        A setting of a target must fit at least one of its jobs: `strength` says nothing to a text-to-image suite.

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
                    from sdeval.pipelines import engines

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

    def answer(self, question: Question) -> Verdict:
        """The verdict on one question.

        Raises:
            NotAvailable: what the target or a metric needs is not on this machine.
            SdevalError: it cannot be drawn or scored.
        """
        if question.kind == "case":
            return self._judged_cases(question.job)[question.name]
        if question.kind == "figure":
            return self._judged_pace(question)
        if question.key not in self._gates and question.key not in self._unweighed:
            self._judge_gates(question)
        if question.key in self._unweighed:
            raise self._unweighed[question.key]
        return self._gates[question.key]

    def _run(self, job: Job) -> Run:
        mine = [question for question in self._selected if question.job.key == job.key]
        wanted = {question.name for question in mine if question.kind == "case"}
        whole = any(question.kind == "gate" for question in mine) or not wanted
        return self._runner.run(job, None if whole else wanted)

    def _judged_cases(self, job: Job) -> dict[str, Verdict]:
        if job.key not in self._cases:
            judge, widen = partial(self._judge_cases, job), partial(self._widen_cases, job)
            try:
                judged = settle_cases(judge, widen)
            except SdevalError as error:
                # The first look stands; what it suspects is neither shown nor excluded.
                judged = [_unsettled(each, error) for each in judge()]
            self._cases[job.key] = {verdict.case: verdict for verdict in judged}
        return self._cases[job.key]

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

    def _see_cases(self, job: Job) -> None:
        """Judge the selected cases before the figures, which tell of those broken pictures that no case tells of."""
        cases = {each.name for each in self._selected if each.job.key == job.key and each.kind == "case"}
        if cases and job.key not in self._seen:
            self._judged_cases(job)
            run = self._run(job)
            self._seen[job.key] = frozenset(sample.key for sample in run.samples if sample.case in cases)

    def _judge_cases(self, job: Job) -> list[Verdict]:
        return judge_cases(self._run(job), self._runner.whole_baseline(job), len(self.jobs))

    def _widen_cases(self, job: Job) -> bool:
        """More seeds of all cases, for a part of them has nothing to be held against."""
        return self._run(job).complete and self._runner.widen(job) is not None

    def _judge_gates(self, question: Question) -> None:
        """Weigh every gate that this process can weigh, so that Holm sees all of them and counts the rest.

        What stays inconclusive is looked at again with more seeds, as long as its suite allows.
        """
        asked = {each.key: each for each in self._selected if each.kind == "gate"}
        weighed: dict[str, Gate] = {}
        for key, each in asked.items():
            if self._shared and each.job.target.name != question.job.target.name:
                continue
            try:
                self._see_cases(each.job)
                weighed[key] = self._weigh(each, len(asked))
            except Exception as error:
                # Kept for whoever asks for that figure; the others do not suffer for it.
                self._unweighed[key] = error
        verdicts = decide(weighed, partial(self._look_again, asked), total=len(asked))
        self._gates.update({key: self._with_noise(asked[key], verdict) for key, verdict in verdicts.items()})

    def _with_noise(self, question: Question, verdict: Verdict) -> Verdict:
        noise = self._runner.noise(question.job)
        known = noise.metrics.get(question.name) if noise else None
        return replace(verdict, noise=known.noise) if known else verdict

    def _look_again(self, asked: Mapping[str, Question], undecided: Sequence[str]) -> dict[str, Gate]:
        """Draw the next seeds for the jobs of undecided gates, and weigh those gates again."""
        jobs = {asked[key].job.key: asked[key].job for key in undecided}
        again: dict[str, Gate] = {}
        for job in jobs.values():
            mine = [key for key in undecided if asked[key].job.key == job.key]
            try:
                if self._runner.widen(job):
                    again.update({key: self._weigh(asked[key], len(asked)) for key in mine})
            except SdevalError as error:
                # Told by these gates alone, and not tried again.
                again.update({key: Gate(asked[key].unanswered(str(error))) for key in mine})
        return again

    def _weigh(self, question: Question, gates: int) -> Gate:
        job, run = question.job, self._run(question.job)
        if question.name in self._runner.missing(job):
            raise self._runner.missing(job)[question.name]
        from sdeval.references import swapped_by

        looks = self._runner.looks(job)
        rule = Rule(gates, len(looks), self._seen.get(job.key, frozenset()))
        swapped = swapped_by(job.suite, question.name, self._runner.metric_options(job))
        return weigh(run, self._runner.baseline(job), question.name, swapped, rule)


def _unsettled(verdict: Verdict, error: SdevalError) -> Verdict:
    """A case that further seeds should have settled, and could not."""
    if verdict.verdict not in ("regressed", "inconclusive"):
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
