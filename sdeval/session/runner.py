"""Draws and scores what a session needs, when it is first asked for; one target at a time is in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from sdeval import metrics
from sdeval._utils.progress import Watcher
from sdeval.baselines import store as baselines
from sdeval.baselines.variability import Noise, tolerances
from sdeval.compare.defects import DefectRates
from sdeval.compare.metrics import ALPHA_METRICS, share_of_round
from sdeval.compare.paired import tolerance_of, value_of
from sdeval.compare.requests import removed_cases, shared_cases
from sdeval.compare.seed_limits import seed_notes
from sdeval.compare.visibility import Sight, unseen
from sdeval.config.options import Options
from sdeval.config.suite import Suite
from sdeval.config.target import Target
from sdeval.engines.checkpoints import require
from sdeval.errors import NotAvailable, SdevalError, plural
from sdeval.results.run import AGAINST, Run, Stored
from sdeval.stats import Spread

if TYPE_CHECKING:
    from sdeval.baselines.variability_fit import Fitting
    from sdeval.engines.engine import Engine
    from sdeval.evaluation.plan import Plan

Key = tuple[str, str]
TIMED_AGAIN = 5
"""Pipeline calls that are made once more where a run was slow."""


@dataclass(frozen=True, slots=True)
class Job:
    """A suite to be drawn by a target."""

    suite: Suite
    target: Target

    @property
    def key(self) -> tuple[str, str]:
        """Names of both."""
        return (self.suite.name, self.target.name)


class Runner:
    """Makes the run of every job, and widens it by more seeds.

    Args:
        options: what the user asked for.
        folder: of the session; runs go to `SUITE/TARGET` in it.
        watcher: told of every picture.
        loaded: a target that is in memory already.
        noise: what is known to fit; for other jobs it is looked for beside their baselines.
    """

    def __init__(
        self,
        options: Options,
        folder: Path,
        watcher: Watcher,
        loaded: Engine | None = None,
        noise: Mapping[Key, Fitting] = MappingProxyType({}),
    ) -> None:
        self._options = options
        self._folder = folder
        self._watcher = watcher
        self._loaded = loaded
        self._runs: dict[Key, Run] = {}
        self._failed: dict[Key, SdevalError] = {}
        self._missing: dict[Key, dict[str, NotAvailable]] = {}
        self._look: dict[Key, int] = {}
        self._self_checked: set[str] = set()
        self._kept: dict[Key, Stored | None] = {}
        self._rivals: dict[str, Engine] = {}
        self._fitting = dict(noise)

    def run(self, job: Job, cases: Collection[str] | None) -> Run:
        """The run of a job, made when it is first asked for; a failure is remembered and not tried again.

        Args:
            job: what is drawn by what.
            cases: ids of those to draw; the whole suite where None.
        """
        if job.key in self._failed:
            raise self._failed[job.key]
        if job.key not in self._runs:
            try:
                require(job.target)
                if self._options.against:
                    require(self._options.against)
                self._runs[job.key] = self._evaluate(job, cases)
            except SdevalError as error:
                self._failed[job.key] = error
                raise
            except Exception as error:
                self._failed[job.key] = _failure(job, error)
                raise
        return self._runs[job.key]

    def widen(self, job: Job) -> Run | None:
        """The run with the seeds of the next look; None where there is none.

        Raises:
            SdevalError: it could not be drawn or scored, whatever the reason. The run of the look before stays.
        """
        if self._look[job.key] + 1 >= len(self.looks(job)):
            return None
        self._look[job.key] += 1
        try:
            self._runs[job.key] = self._evaluate(job, None, self._runs[job.key])
        except SdevalError:
            raise
        except Exception as error:
            raise _failure(job, error) from error
        return self._runs[job.key]

    def time_again(self, job: Job) -> Run:
        """The run with times of a few calls that are made once more; their pictures are thrown away."""
        from sdeval.evaluation.generate import time_calls
        from sdeval.evaluation.plan import make_plan

        plan = make_plan(job.suite, job.target, seeds=self.looks(job)[0], missing=self.missing(job))
        return replace(self._runs[job.key], timings=time_calls(plan, self._load(job.target), TIMED_AGAIN))

    def looks(self, job: Job) -> tuple[tuple[int, ...], ...]:
        """Seeds of every look that the baseline allows; a single one, with all seeds, where there is no baseline."""
        every = job.suite.looks
        if self._options.all_seeds:
            return every[-1:]
        if self._options.in_turns:
            return every
        accepted = self._accepted(job)
        if accepted is None:
            return every[-1:]
        held = {sample.seed for sample in accepted.run.samples}
        fitting = tuple(seeds for seeds in every if held.issuperset(seeds))
        # Where the suite was given further seeds, those that the baseline has are compared.
        return fitting or (tuple(seed for seed in every[0] if seed in held) or every[0],)

    def _seed_notes(self, job: Job) -> tuple[str, ...]:
        return seed_notes(job.suite, job.target.name, self.whole_baseline(job), all_seeds=self._options.all_seeds)

    def whole_baseline(self, job: Job) -> Run | None:
        """The accepted run, with all its seeds."""
        accepted = self._accepted(job)
        return accepted.run if accepted else None

    def unseen(self, job: Job, total: int) -> list[str]:
        """Gross losses that the job could not show by itself, a line each; nothing where there is no baseline.

        Args:
            job: a suite and a target.
            total: metrics of the job; not of the session, so that another suite never stops one that was let run.
        """
        accepted = self.whole_baseline(job)
        if accepted is None or self._options.in_turns:
            return []
        known = accepted.by_case()
        cases = [case.id for case in job.suite.cases if case.id in known]
        rounds = self.looks(job)
        tolerances = self._tolerances(job, accepted)
        level = ALPHA_METRICS / total * share_of_round(rounds, len(rounds) - 1)
        sight = Sight(cases, len(rounds[-1]), tolerances, level, self.spreads(job))
        return (
            [f"{job.suite.name} on {job.target.name}: {each.words}" for each in unseen(accepted, sight)]
            if cases
            else []
        )

    def _tolerances(self, job: Job, accepted: Run) -> dict[str, float]:
        """Tolerances of the metrics of single images that judge and are here, in their units."""
        stated = tolerances(job.suite, self.noise(job))
        found = {}
        for name in job.suite.metrics:
            info = metrics.info(name)
            if info.judged and info.scope == "sample" and name in accepted.metrics and name not in self.missing(job):
                record = replace(accepted.metrics[name], tolerance=stated.get(name, info.tolerance))
                found[name] = tolerance_of(record, value_of(accepted, name))
        return found

    def round_of(self, job: Job) -> int:
        """Number of the round of seeds that was generated last, from 0."""
        return self._look[job.key]

    def compared(self, job: Job) -> tuple[Run, Run | None, str]:
        """The run and its baseline, both reduced to the samples that they share, and on which cases that is.

        Without a baseline, or where they share nothing, the whole run and None, and why.
        """
        run, baseline = self._runs[job.key], self.whole_baseline(job)
        cases = shared_cases(run, baseline) if baseline else []
        if baseline is None:
            return run, None, ""
        if not cases:
            return run, None, "the baseline has none of these cases, or asked for something else in each"
        removed = removed_cases(run, baseline)
        count = len(run.by_case())
        parts = [f"on {len(cases)} of {count} cases, which both sides have alike"] if len(cases) < count else []
        parts += [f"without {plural(len(removed), 'case')} that the suite no longer has"] if removed else []
        keys = {each.key for each in run.samples if each.case in cases}
        return self._part(job, run, keys), self._part(job, baseline, keys), "; ".join(parts)

    def _part(self, job: Job, run: Run, keys: Collection[tuple[str, int]]) -> Run:
        """Some samples of a run; set metrics are measured again on them."""
        from sdeval.evaluation.score import part_of

        here = tuple(name for name in job.suite.metrics if name not in self.missing(job))
        return part_of(run, keys, replace(job.suite, metrics=here, tolerances={}), self._device(job))

    def defect_rates(self, job: Job) -> DefectRates:
        """How many images the target breaks by itself, as `sdeval calibrate` counted."""
        noise = self.noise(job)
        return DefectRates(noise.images, noise.defects) if noise else DefectRates()

    def spreads(self, job: Job) -> dict[str, Spread]:
        """Seed-to-seed spreads of single scores that `sdeval calibrate` measured, by metric."""
        noise = self.noise(job)
        known = noise.metrics.items() if noise else ()
        return {
            name: Spread(each.seed_deviation**2, each.seed_freedom, self._stated(job, name, each.figure))
            for name, each in known
            if each.seed_freedom > 0
        }

    @staticmethod
    def _stated(job: Job, metric: str, value: float) -> float:
        """The tolerance that a suite, or else the metric, states by itself, in the metric's unit."""
        info = metrics.info(metric)
        stated = job.suite.tolerances.get(metric, info.tolerance)
        return stated * abs(value) if info.tolerance_is_relative else stated

    def noise(self, job: Job) -> Noise | None:
        """What `sdeval calibrate` measured of the suite on the target, as far as it still fits."""
        return self._measured(job).noise

    def _measured(self, job: Job) -> Fitting:
        from sdeval.baselines.variability_fit import fitting_noise

        if job.key not in self._fitting:
            accepted = self.whole_baseline(job)
            options = self.metric_options(job)
            self._fitting[job.key] = fitting_noise(self._options.baselines, job.suite, job.target, accepted, options)
        return self._fitting[job.key]

    def missing(self, job: Job) -> Mapping[str, NotAvailable]:
        """Metrics whose weights or packages are not on this machine; the others are judged without them."""
        if job.key not in self._missing:
            options = self.metric_options(job)
            missing = {}
            for name in job.suite.metrics:
                try:
                    metrics.create(name, options)
                except NotAvailable as error:
                    missing[name] = error
            self._missing[job.key] = missing
        return self._missing[job.key]

    def metric_options(self, job: Job) -> metrics.MetricOptions:
        """What the suite says to its metrics."""
        return metrics.MetricOptions.from_suite(job.suite, self._device(job))

    def _device(self, job: Job) -> str:
        from sdeval.engines.diffusers_engine import pick_device

        return pick_device(job.target.device)

    def rival(self, job: Job) -> Run | None:
        """The run that was drawn in turns with that of a job, if one was asked for."""
        stored = self._kept.get(job.key) if self._options.in_turns else None
        return stored.run if stored else None

    def _accepted(self, job: Job) -> Stored | None:
        if self._options.in_turns:
            return self._kept.get(job.key)
        if job.key not in self._kept:
            found = baselines.find(self._options.baselines, *job.key)
            folder = baselines.folder_of(self._options.baselines, *job.key)
            self._kept[job.key] = Stored(found, folder) if found else None
        return self._kept[job.key]

    def _evaluate(self, job: Job, cases: Collection[str] | None, earlier: Run | None = None) -> Run:
        from sdeval.evaluation.evaluate import evaluate

        plan = self._plan(job, cases)
        folder = self._folder / job.suite.name / job.target.name
        engine = self._load(job.target)
        count = len(plan.samples) - (len(earlier.samples) if earlier else 0)
        if self._options.in_turns:
            return self._evaluate_both(job, (plan, engine), folder, earlier)
        with self._watcher.watch(f"{job.suite.name} on {job.target.name}", count) as progress:
            return evaluate(plan, engine, folder, self._accepted(job), progress, earlier)

    def _evaluate_both(self, job: Job, candidate: tuple[Plan, Engine], folder: Path, earlier: Run | None) -> Run:
        """The run of a job, drawn in turns with that of its rival, which is kept beside it."""
        from sdeval.evaluation.evaluate import evaluate_both
        from sdeval.evaluation.plan import make_plan

        plan, against = candidate[0], self._options.against or job.target
        other = make_plan(job.suite, against, cases=plan.cases, seeds=plan.suite.seeds, missing=self.missing(job))
        other = replace(other, self_check=False)
        before = self.rival(job)
        both = (earlier, before) if earlier and before else None
        count = 2 * len(plan.samples) - (2 * len(earlier.samples) if earlier else 0)
        title = f"{job.suite.name} on {job.target.name} and {against.name} in turns"
        with self._watcher.watch(title, count) as progress:
            run, rival = evaluate_both(candidate, (other, self._open_rival(against)), folder, progress, both)
        self._kept[job.key] = Stored(rival, folder / AGAINST)
        return run

    def _open_rival(self, wanted: Target) -> Engine:
        from sdeval.engines.engine import open_target
        from sdeval.engines.subprocess_engine import RemoteEngine

        python = self._options.against_python
        if wanted.fingerprint not in self._rivals:
            # One at a time is in memory, as of the targets.
            self._rivals.clear()
            self._rivals[wanted.fingerprint] = RemoteEngine(wanted, python) if python else open_target(wanted)
        return self._rivals[wanted.fingerprint]

    def _plan(self, job: Job, cases: Collection[str] | None) -> Plan:
        from sdeval.evaluation.plan import make_plan

        seeds = self.looks(job)[self._look.setdefault(job.key, 0)]
        measured = self._measured(job)
        suite = replace(job.suite, tolerances=tolerances(job.suite, measured.noise))
        plan = make_plan(suite, job.target, cases=cases, seeds=seeds, missing=self.missing(job))
        check = job.target.fingerprint not in self._self_checked
        self._self_checked.add(job.target.fingerprint)
        # Turns that are taken in two sessions are none.
        journal = self._options.journal and not self._options.in_turns
        return replace(plan, self_check=check, journal=journal, notes=(*measured.notes, *self._seed_notes(job)))

    def _load(self, wanted: Target) -> Engine:
        from sdeval.engines.engine import open_target

        if self._loaded is None or self._loaded.target.fingerprint != wanted.fingerprint:
            self._loaded = None
            self._loaded = open_target(wanted)
        return self._loaded


def _failure(job: Job, error: Exception) -> SdevalError:
    return SdevalError(f"{job.suite.name} on {job.target.name} failed: {type(error).__name__}: {error}".splitlines()[0])
