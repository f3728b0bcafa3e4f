"""Whether the variability that was once measured is that of a suite and its baseline as they are now.

What a session tries out, such as another scheduler or precision, makes it no other: the variability is the baseline's,
and it is compared with that and against the suite. Where it was measured, on which machine and in which batches, does
not count: it is the spread over seeds, and `calibrate` itself measures how little the rest does.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from sdeval import metrics
from sdeval._utils.environment import differences
from sdeval._utils.files import short
from sdeval.baselines import variability
from sdeval.baselines.variability import MetricVariability, OtherSchema, Variability, VariabilityFit, samples_hash
from sdeval.comparison import notes
from sdeval.config.suite import Suite
from sdeval.config.target import Target, slug
from sdeval.errors import NotAvailable
from sdeval.evaluation.plan import make_plan
from sdeval.metrics import MetricOptions, SetMetric
from sdeval.metrics.sets import references
from sdeval.results.run import Run

_WHERE = ("batch_size", "device")
"""Of how a run was generated: what says nothing of the spread over seeds."""


def fit_variability(
    baselines: Path, suite: Suite, target: Target, accepted: Run | None, options: MetricOptions
) -> VariabilityFit:
    """What was measured of a suite on a target, without what no longer fits.

    Args:
        baselines: the folder that variability is kept in.
        suite: as it is now.
        target: its name and its model count, not how it is set.
        accepted: the baseline, if there is one.
        options: of the suite's metrics.

    Raises:
        SdevalError: the file is corrupt.
    """
    path = short(variability.path_of(baselines, suite.name, target.name))
    try:
        found = variability.read(baselines, suite.name, target.name)
    except OtherSchema:
        again = _again(baselines, suite, target, accepted)
        return VariabilityFit(None, (notes.variability_left_out(path, [notes.OTHER_SDEVAL], again),))
    if found is None:
        return VariabilityFit()
    again = _again(baselines, suite, target, accepted, found)
    misfits = [*_other_suite(found, suite, target), *(_other_baseline(found, accepted) if accepted else ())]
    if misfits:
        return VariabilityFit(None, (notes.variability_left_out(path, misfits, again),))
    others = _other_metrics(found, suite, options)
    kept = {name: each for name, each in found.metrics.items() if name not in others}
    messages = (notes.metrics_left_out(path, others, again),) if others else ()
    return VariabilityFit(replace(found, metrics=kept), messages)


def _other_suite(found: Variability, suite: Suite, target: Target) -> list[str]:
    """Whether the suite asks for other samples, on the target as it was set when the variability was measured."""
    plan = make_plan(suite, replace(target, settings=found.overrides))
    if samples_hash(map(plan.fingerprint, plan.samples)) == found.samples:
        return []
    before = {name: found.request.get(name) for name in ("cases", "seeds")}
    changed = differences(before, {"cases": len(suite.cases), "seeds": list(suite.seeds)})
    return [notes.other_samples(changed)]


def _other_baseline(found: Variability, accepted: Run) -> list[str]:
    changed = differences(_generation(found), _generation(accepted))
    return [notes.other_generation(changed)] if changed else []


def _generation(of: Variability | Run) -> dict[str, Any]:
    """All that the spread over seeds may depend on."""
    facts = {name: value for name, value in of.generated_by.items() if name not in _WHERE}
    return {**facts, "model": _model(str(facts.get("model"))), **of.request.get("settings", {})}


def _model(text: str) -> str:
    """A folder by its own name: where it lies differs from machine to machine."""
    return Path(text).name if text.startswith(("/", ".", "~")) or text.count("/") > 1 else text


def _other_metrics(found: Variability, suite: Suite, options: MetricOptions) -> dict[str, str]:
    """Metrics whose scores are made in another way than when their variability was measured, and what differs."""
    both = [name for name in suite.metrics if name in found.metrics]
    others = {name: _other_metric(name, found.metrics[name], suite, options) for name in both}
    return {name: why for name, why in others.items() if why}


def _other_metric(name: str, measured: MetricVariability, suite: Suite, options: MetricOptions) -> str:
    try:
        metric = metrics.create(name, options)
    except NotAvailable:
        # It is not judged here at all.
        return ""
    before = {"version": measured.version, "reference images": measured.reference}
    now = {"version": metric.version, "reference images": ""}
    if isinstance(metric, SetMetric) and suite.references is not None:
        now["reference images"] = _fingerprint(suite.references, metric)
    return ", ".join(differences(before, now))


def _fingerprint(folder: Path, metric: SetMetric) -> str:
    try:
        return references.load(folder, metric).fingerprint
    except ValueError:
        # The run says why: its metric has no value.
        return ""


def _again(
    baselines: Path, suite: Suite, target: Target, accepted: Run | None, found: Variability | None = None
) -> str:
    """What to do: measure the target as the baseline was generated, wherever that is not as the suite has it."""
    words = ["sdeval", "calibrate", suite.name]
    if target.name != suite.targets[0]:
        # What was found by its folder or hub id has that for a name.
        words += ["--target", target.model if target.name == slug(Path(target.model).name) else target.name]
    for name, value in (_set_by_hand(suite, accepted, found) if accepted else {}).items():
        words += ["--set", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    if short(baselines) != Path("baselines"):
        words += ["--baselines", str(short(baselines))]
    return notes.measure_again(shlex.join(words))


def _set_by_hand(suite: Suite, accepted: Run, found: Variability | None) -> dict[str, Any]:
    """What `--set` must say to generate as the baseline was generated."""
    usual = {"dtype": "float32", "revision": None, "variant": None}
    if found is not None:
        # Which is the model's own is not known; where both have the same, it need not be said.
        usual["scheduler"] = found.generated_by.get("scheduler")
    request = accepted.request.get("settings", {})
    return {
        **{name: accepted.generated_by.get(name) for name in usual if accepted.generated_by.get(name) != usual[name]},
        **{name: value for name, value in request.items() if suite.settings.get(name) != value},
    }
