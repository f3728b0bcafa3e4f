"""Looks up everything needed to generate, score and judge a suite on a target, once, before anything is generated."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from sdeval import metrics
from sdeval.baselines import speed
from sdeval.baselines import store as baselines
from sdeval.baselines.variability import Variability, VariabilityFit, tolerances
from sdeval.comparison import notes, share_of_round
from sdeval.comparison.defects import DefectRates
from sdeval.comparison.metrics import ALPHA_METRICS
from sdeval.comparison.paired import tolerance_of, value_of
from sdeval.comparison.seed_limits import seed_notes
from sdeval.comparison.speed import SpeedRecord
from sdeval.comparison.undetectable import SuiteDesign, undetectable_losses
from sdeval.config.options import Options
from sdeval.config.suite import Suite
from sdeval.config.target import Target
from sdeval.engines.checkpoints import require
from sdeval.errors import NotAvailable
from sdeval.results.run import ImageSource, Run, Stored
from sdeval.session.items import Job
from sdeval.stats import Spread

if TYPE_CHECKING:
    from sdeval.evaluation.plan import Plan

Rounds = tuple[tuple[int, ...], ...]
"""Seeds of every round; each round has the seeds of the previous one, and more."""


@dataclass(frozen=True, kw_only=True)
class ResolvedJob:
    """A job with everything that is looked up before anything is generated."""

    job: Job
    options: Options
    rounds: Rounds
    unavailable: NotAvailable | None = None
    """Why the target cannot run on this machine; in that case nothing else was looked up."""
    device: str = "cpu"
    """Device of the metrics."""
    baseline: Stored | None = None
    """The accepted run, with all its seeds; None where the target is compared with another one."""
    fit: VariabilityFit = field(default_factory=VariabilityFit)
    """The variability that `sdeval calibrate` measured, as far as it still fits."""
    speed_records: Mapping[str, SpeedRecord] = field(default_factory=dict)
    """Accepted speeds, by class of machine."""
    missing: Mapping[str, NotAvailable] = field(default_factory=dict)
    """Metrics whose weights or packages are not on this machine; the others are judged without them."""

    @property
    def variability(self) -> Variability | None:
        """The variability that `sdeval calibrate` measured, if it fits."""
        return self.fit.variability

    @property
    def metric_options(self) -> metrics.MetricOptions:
        """The options that the suite sets for its metrics."""
        return metrics.MetricOptions.from_suite(self.job.suite, self.device)

    @cached_property
    def suite(self) -> Suite:
        """The suite with the metrics that are on this machine, and with its tolerances, stated or calibrated."""
        available = tuple(name for name in self.job.suite.metrics if name not in self.missing)
        all_tolerances = tolerances(self.job.suite, self.variability)
        available_tolerances = {name: value for name, value in all_tolerances.items() if name not in self.missing}
        return replace(self.job.suite, metrics=available, tolerances=available_tolerances)

    @property
    def spreads(self) -> dict[str, Spread]:
        """Seed-to-seed spreads of single scores that `sdeval calibrate` measured, by metric."""
        variabilities = self.variability.metrics.items() if self.variability else ()
        return {
            name: Spread(metric.seed_deviation**2, metric.seed_freedom, self._stated_tolerance(name, metric.value))
            for name, metric in variabilities
            if metric.seed_freedom > 0
        }

    def _stated_tolerance(self, metric: str, value: float) -> float:
        """The tolerance that the suite states, or else the metric's own, in the metric's unit."""
        info = metrics.info(metric)
        stated = self.job.suite.tolerances.get(metric, info.tolerance)
        return stated * abs(value) if info.tolerance_is_relative else stated

    @property
    def defect_rates(self) -> DefectRates:
        """Rates of broken images that the target generates while nothing changes, as `sdeval calibrate` counted."""
        return DefectRates(self.variability.images, self.variability.defects) if self.variability else DefectRates()

    def share_of_round(self, number: int) -> float:
        """The share of the error level that a round of seeds may spend."""
        return share_of_round(self.rounds, number)

    def plan(
        self, number: int, cases: Collection[str] | None = None, *, self_check: bool = False, whole: bool = False
    ) -> Plan:
        """What to generate in a round of seeds.

        Args:
            number: number of the round, from 0.
            cases: ids of the cases to generate; None for all.
            self_check: whether one image is generated twice, in its batch and alone.
            whole: whether it is the plan of all shards, where this is one of them.
        """
        from sdeval.evaluation.plan import in_shard, make_plan
        from sdeval.executors.places import device_notes

        suite = replace(self.job.suite, tolerances=tolerances(self.job.suite, self.variability))
        plan = make_plan(suite, self.job.target, cases=cases, seeds=self.rounds[number], missing=self.missing)
        plan = replace(
            plan,
            self_check=self_check,
            # An interleaved comparison cannot be resumed, because its two sides must be generated in turns.
            journal=self.options.journal and not self.options.interleaved,
            image_pool=self.options.image_pool,
            notes=(
                *plan.notes,
                *self.fit.notes,
                *self._seed_notes(),
                *device_notes(self.job.target, self.options),
            ),
        )
        return in_shard(plan, self.options.shard) if self.options.shard and not whole else plan

    def rival_plan(self, plan: Plan) -> Plan:
        """The same samples for the target that this one is compared with."""
        from sdeval.evaluation.plan import make_plan

        target = self.options.compare_to or self.job.target
        rival = make_plan(self.job.suite, target, cases=plan.cases, seeds=plan.suite.seeds, missing=self.missing)
        return replace(rival, self_check=plan.self_check, image_pool=plan.image_pool)

    def _seed_notes(self) -> tuple[str, ...]:
        accepted = self.baseline.run if self.baseline else None
        return seed_notes(self.job.suite, self.job.target.name, accepted, all_seeds=self.options.all_seeds)

    def undetectable_losses(self, count: int) -> list[str]:
        """Gross losses that the job could not show by itself, a line each; empty without a baseline.

        Args:
            count: number of metrics in the job, not in the session, so that other suites do not stop this one.
        """
        if self.baseline is None or not count:
            return []
        accepted, suite = self.baseline.run, self.job.suite
        accepted_cases = accepted.by_case()
        cases = [case.id for case in suite.cases if case.id in accepted_cases]
        if not cases:
            return []
        level = ALPHA_METRICS / count * self.share_of_round(len(self.rounds) - 1)
        design = SuiteDesign(cases, len(self.rounds[-1]), self._tolerances(accepted), level, self.spreads)
        losses = undetectable_losses(accepted, design)
        return [f"{suite.name} on {self.job.target.name}: {notes.undetectable_loss(loss)}" for loss in losses]

    def _tolerances(self, accepted: Run) -> dict[str, float]:
        """Tolerances, in the metrics' units, of the gating metrics of single images that are on this machine."""
        suite = self.suite
        values = {}
        for name in suite.metrics:
            info = metrics.info(name)
            if info.gating and info.scope == "sample" and name in accepted.metrics:
                record = replace(accepted.metrics[name], tolerance=suite.tolerances.get(name, info.tolerance))
                values[name] = tolerance_of(record, value_of(accepted, name))
        return values


def resolve(
    job: Job, options: Options, fit: VariabilityFit | None = None, images: ImageSource | None = None
) -> ResolvedJob:
    """Look up everything that a job needs.

    Args:
        job: a suite and a target.
        options: the options of the session.
        fit: the fitting variability if it is already known; otherwise it is read from the folder of baselines.
        images: where the full-size images of baselines lie.

    Raises:
        SdevalError: the baseline or the file of its variability is corrupt.
    """
    try:
        for target in filter(None, (job.target, options.compare_to)):
            # What others generate needs no hardware here.
            here = options.generates and not options.executor.is_ray
            require(target if here else replace(target, needs=None))
    except NotAvailable as error:
        return ResolvedJob(job=job, options=options, rounds=job.suite.rounds, unavailable=error)
    from sdeval.engines.diffusers_engine import pick_device

    device = pick_device(job.target.device if options.generates else "auto")
    metric_options = metrics.MetricOptions.from_suite(job.suite, device)
    baseline = None if options.interleaved else baselines.stored(options.baselines, *job.key, images)
    accepted = baseline.run if baseline else None
    if fit is None:
        from sdeval.baselines.variability_fit import fit_variability

        fit = fit_variability(options.baselines, job.suite, job.target, accepted, metric_options)
    return ResolvedJob(
        job=job,
        options=options,
        rounds=_rounds(job.suite, options, accepted),
        device=device,
        baseline=baseline,
        fit=fit,
        speed_records={} if options.interleaved else speed.read(speed.path_of(options.baselines, *job.key)),
        missing=_missing(job.suite, metric_options),
    )


def is_on_this_machine(target: Target) -> bool:
    """Whether a target can run on this machine, as far as that is known without reading its weights."""
    try:
        require(target)
    except NotAvailable:
        return False
    return True


def _rounds(suite: Suite, options: Options, accepted: Run | None) -> Rounds:
    """Rounds of seeds that the baseline allows; a single one, with all seeds, where there is no baseline."""
    if options.interleaved and not options.all_seeds:
        return suite.rounds
    if options.all_seeds or accepted is None:
        return suite.rounds[-1:]
    accepted_seeds = {sample.seed for sample in accepted.samples}
    fitting = tuple(seeds for seeds in suite.rounds if accepted_seeds.issuperset(seeds))
    # If seeds were added to the suite, those that the baseline has are compared.
    return fitting or (tuple(seed for seed in suite.seeds if seed in accepted_seeds) or suite.seeds,)


def _missing(suite: Suite, options: metrics.MetricOptions) -> dict[str, NotAvailable]:
    missing = {}
    for name in suite.metrics:
        try:
            metrics.create(name, options)
        except NotAvailable as error:
            missing[name] = error
    return missing
