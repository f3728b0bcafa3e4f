"""Measures what a suite's metrics do while nothing changes: other seeds, batch sizes, threads, and further runs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from sdeval import metrics, stats
from sdeval._utils import environment
from sdeval._utils.progress import Silent, Watcher
from sdeval.baselines.variability import MetricVariability, Variability, samples_hash
from sdeval.comparison import ALPHA_METRICS
from sdeval.comparison.evidence import STATED_SHARE, share_of_round
from sdeval.comparison.paired import pair_scores, tolerance_of, value_of
from sdeval.config.suite import Suite
from sdeval.config.target import Target
from sdeval.engines.diffusers_engine import pick_device
from sdeval.engines.engine import Engine, open_target
from sdeval.errors import SdevalError
from sdeval.evaluation.evaluate import Progress, evaluate
from sdeval.evaluation.plan import Plan, make_plan
from sdeval.evaluation.scoring.parts import with_seeds
from sdeval.results.run import Run
from sdeval.session.items import collapsing_metrics

SEED_SETS = 6
"""Sets of seeds to generate, the suite's own among them."""
APART = 1000
"""Between the seeds of one set and the next, at least."""
TIMES_VARIABILITY = 2.0
"""Tolerance over variability at least: other seeds cause a loss as large as that about once in forty times."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Runs of the unchanged target."""

    seeds: tuple[Run, ...]
    """One for each set of seeds, the suite's own first."""
    harmless: tuple[Run, ...]
    """With the suite's own seeds, generated in other ways or elsewhere."""


def calibrate(
    suite: Suite,
    target: Target,
    folder: Path,
    further: Sequence[Run] = (),
    seed_sets: int = SEED_SETS,
    watcher: Watcher | None = None,
    engine: Engine | None = None,
) -> Variability:
    """Generate a suite again and again with an unchanged target, and measure what its metrics do.

    Args:
        suite: whose metrics.
        target: what generates.
        folder: where runs go; they may be thrown away afterwards.
        further: runs of the same, from other machines or days.
        seed_sets: how many sets of seeds, at least 3.
        watcher: shows the progress of every image.
        engine: what generates the target, where it is ready already.

    Raises:
        SdevalError: a further run asks for something else, or an image or score is missing.
    """
    if seed_sets < 3:
        raise SdevalError(f"--seed-sets: a spread takes at least 3 sets of seeds, got {seed_sets}")
    same = [_of_same(run, suite, target) for run in further]
    engine = engine or open_target(target)
    measured = _generate(suite, engine, folder, seed_sets, watcher or Silent())
    variability = summarize(suite, replace(measured, harmless=(*measured.harmless, *same)), target.settings)
    return replace(variability, environment=dict(engine.environment))


def _of_same(run: Run, suite: Suite, target: Target) -> Run:
    """A run from elsewhere, reduced to the suite's own seeds, if it asks for the same as the suite."""
    if (run.suite, run.target) != (suite.name, target.name):
        raise SdevalError(f"a run of {run.suite} on {run.target} says nothing of {suite.name} on {target.name}")
    plan = make_plan(suite, target)
    part = with_seeds(run, suite.seeds, suite, pick_device(target.device))
    if {sample.key: sample.fingerprint for sample in part.samples} != {
        (sample.case.id, sample.seed): plan.fingerprint(sample) for sample in plan.samples
    }:
        raise SdevalError(
            f"a run of {run.suite} on {run.target} asks for other samples than the suite does now; generate it again"
        )
    return part


def _generate(suite: Suite, engine: Engine, folder: Path, seed_sets: int, watcher: Watcher) -> Measured:
    target = engine.target

    def run(name: str, seeds: tuple[int, ...], generated_by: Target) -> Run:
        plan = make_plan(suite, generated_by, seeds=seeds)
        with watcher.watch(f"{suite.name} on {target.name}, {name}", len(plan.samples)) as progress:
            return _whole_run(plan, engine, folder / name.replace(" ", "-"), progress)

    # No seed may be in two sets.
    apart = max(APART, max(suite.seeds) - min(suite.seeds) + 1)
    seeds = [
        run(f"seeds {number}", tuple(seed + apart * number for seed in suite.seeds), target)
        for number in range(seed_sets)
    ]
    batches = {max(1, engine.batch_size // 2), 1} - {engine.batch_size}
    harmless = [run(f"batch {size}", suite.seeds, replace(target, batch_size=size)) for size in sorted(batches)]
    with environment.other_threads():
        harmless.append(run("other threads", suite.seeds, target))
    return Measured(tuple(seeds), tuple(harmless))


def _whole_run(plan: Plan, engine: Engine, folder: Path, progress: Progress) -> Run:
    """A run with every image; without one, no other run needs to be generated.

    Raises:
        SdevalError: there is no image of a sample; says why.
    """
    run = evaluate(plan, engine, folder, progress=progress)
    for sample in run.samples:
        if sample.failure:
            where = f"{run.suite} on {run.target}: {sample.case}, seed {sample.seed}"
            raise SdevalError(
                f"{where}: has no image: {sample.failure}; calibrating takes every image: see to that first"
            )
    return run


def summarize(suite: Suite, measured: Measured, overrides: Mapping[str, Any] = MappingProxyType({})) -> Variability:
    """What runs of an unchanged target say of every metric that is judged.

    Args:
        suite: whose metrics.
        measured: the runs.
        overrides: settings of the target, over the suite's.

    Raises:
        SdevalError: a score is missing, or was not made in the same way.
    """
    own = measured.seeds[0]
    gating = [name for name in suite.metrics if own.metrics[name].gating]
    return Variability(
        suite=own.suite,
        target=own.target,
        seed_sets=len(measured.seeds),
        metrics={name: _of_metric(name, suite, measured, _level(suite, len(gating))) for name in gating},
        request={name: own.request[name] for name in ("cases", "seeds", "settings")},
        samples=samples_hash(sample.fingerprint for sample in own.samples),
        generated_by=own.generated_by,
        overrides=dict(overrides),
        environment=environment.describe(),
        images=sum(len(run.samples) for run in measured.seeds),
        defects=dict(Counter(sample.defect for run in measured.seeds for sample in run.samples if sample.defect)),
    )


def _level(suite: Suite, gating: int) -> float:
    """At which one metric is shown to be worse in a session of this suite alone, with all its seeds."""
    count = gating + bool(collapsing_metrics(suite))
    return ALPHA_METRICS / count * share_of_round(suite.rounds, len(suite.rounds) - 1)


def _of_metric(name: str, suite: Suite, measured: Measured, alpha: float) -> MetricVariability:
    own = measured.seeds[0]
    values = np.array([_value(run, name) for run in measured.seeds])
    variability = float(values.std(ddof=1))
    record = own.metrics[name]
    for run in measured.harmless:
        if name not in run.metrics or run.metrics[name].version != record.version:
            raise SdevalError(
                f"a run of {run.suite} on {run.target} was not scored by {record.version}; generate it again"
            )
    harmless = max((abs(_value(run, name) - values[0]) for run in measured.harmless), default=0.0)
    stated = suite.tolerances.get(name)
    matters = tolerance_of(replace(record, tolerance=metrics.info(name).tolerance), values[0])
    tolerance = max(matters, TIMES_VARIABILITY * variability, harmless)
    allowed = tolerance if stated is None else tolerance_of(replace(record, tolerance=stated), values[0])
    shows = _shows_set if record.scope == "set" else _shows_mean
    shown = shows(name, suite, measured, allowed, alpha)
    return MetricVariability(
        version=record.version,
        reference=own.set_scores[name].reference if record.scope == "set" else "",
        value=float(values[0]),
        variability=variability,
        harmless=float(harmless),
        tolerance=tolerance,
        stated=None if stated is None else allowed,
        detectable=shown.detectable,
        detectable_anyhow=shown.anyhow,
        cases=len(own.by_case()),
        cases_needed=shown.needed if allowed else 0,
        seed_deviation=shown.spread.deviation,
        seed_freedom=shown.spread.freedom,
    )


@dataclass(frozen=True, slots=True)
class _Shows:
    """What a suite can show of a metric with all its seeds."""

    detectable: float | None
    needed: int
    spread: stats.Spread
    anyhow: float | None = None
    """However the loss falls on the cases."""


def _shows_mean(name: str, suite: Suite, measured: Measured, allowed: float, alpha: float) -> _Shows:
    """By the rule that judges a session, with the spread over all seeds that were generated."""
    own = measured.seeds[0]
    record = own.metrics[name]
    scores = np.hstack([_table(run, name) for run in measured.seeds])
    spread = (stats.seed_spread(scores) if record.alone else None) or stats.between_cases(scores)
    seeds = len(suite.rounds[-1])
    if spread is None:
        return _Shows(None, 0, stats.Spread(0.0, 0.0))
    cases, margin_unit = len(scores), min(allowed, tolerance_of(record, float(scores.mean())))
    alike = stats.detectable_loss(spread, cases, seeds, allowed, alpha, margin_unit=margin_unit)
    # A single case bears all of any loss.
    anyhow = (
        alike
        if cases == 1
        else stats.detectable_anyhow(spread, cases, seeds, allowed, alpha * STATED_SHARE, margin_unit=margin_unit)
    )
    needed = stats.needed_cases(spread, seeds, allowed, alpha) if allowed else 0
    # Scores that hang together give no spread over seeds that a session could use.
    own_spread = spread if record.alone else stats.Spread(spread.variance, 0.0)
    return _Shows(min(alike, anyhow), needed, own_spread, anyhow)


def _shows_set(name: str, suite: Suite, measured: Measured, allowed: float, alpha: float) -> _Shows:
    """By what the metric does from one set of seeds to another; the last round averages over more of them."""
    cases = len(measured.seeds[0].by_case())
    error = float(np.std([_value(run, name) for run in measured.seeds], ddof=1)) * np.sqrt(2)
    error /= np.sqrt(len(suite.rounds[-1]) / len(suite.seeds))
    shown = stats.quantile(1 - alpha, cases - 1) * error if 0.5**cases < alpha else None
    needed = cases * (stats.quantile(1 - alpha, np.inf) * error / allowed) ** 2 if allowed else 0
    chance = stats.quantile(stats.POWER, np.inf) * error
    detectable = None if shown is None else float(max(shown, allowed) + chance)
    fewest = math.ceil(-math.log2(alpha))
    return _Shows(detectable, max(fewest, int(np.ceil(needed))), stats.Spread(0.0, 0.0))


def _table(run: Run, name: str) -> stats.Floats:
    """Scores `[cases, seeds]`."""
    scores = pair_scores(run, run, name, list(run.by_case()))
    if scores is None:
        raise _missing_score(run, name)
    return scores.after


def _value(run: Run, name: str) -> float:
    value = value_of(run, name)
    if value is None:
        raise _missing_score(run, name)
    return value


def _missing_score(run: Run, name: str) -> SdevalError:
    score = run.set_scores.get(name)
    reasons = (score.reason if score else "", *(sample.reason_without(name) for sample in run.samples))
    reason = next(filter(None, reasons), "its scores are missing")
    return SdevalError(f"{run.suite} on {run.target}: {name} could not be computed: {reason}; see to that first")
