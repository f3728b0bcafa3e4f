"""Whether a stored variability still fits a suite and its baseline.

The variability belongs to the baseline, so it is checked against the suite and the baseline, and not against what a
session tries out, such as another scheduler or precision. The machine and the batch size do not count, because the
variability is the spread over seeds; `calibrate` measures how little they matter.
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
from sdeval.results.run import Run, known_to_both

_WHERE = ("batch_size", "device")
"""Facts about how a run was generated that do not affect the spread over seeds."""


def fit_variability(
    baselines: Path, suite: Suite, target: Target, accepted: Run | None, options: MetricOptions
) -> VariabilityFit:
    """The stored variability of a suite on a target, without what no longer fits.

    Args:
        baselines: the folder of all baselines.
        suite: the current suite.
        target: only its name and model count, not its settings.
        accepted: the baseline, if there is one.
        options: the options of the suite's metrics.

    Raises:
        SdevalError: the file is corrupt.
    """
    path = short(variability.path_of(baselines, suite.name, target.name))
    try:
        stored = variability.read(baselines, suite.name, target.name)
    except OtherSchema:
        advice = _describe_command(baselines, suite, target, accepted)
        return VariabilityFit(None, (notes.variability_left_out(path, [notes.OTHER_SDEVAL], advice),))
    if stored is None:
        return VariabilityFit()
    advice = _describe_command(baselines, suite, target, accepted, stored)
    misfits = [*_other_suite(stored, suite, target), *(_other_baseline(stored, accepted) if accepted else ())]
    if misfits:
        return VariabilityFit(None, (notes.variability_left_out(path, misfits, advice),))
    misfitting = _other_metrics(stored, suite, options)
    fitting = {name: metric for name, metric in stored.metrics.items() if name not in misfitting}
    messages = (notes.metrics_left_out(path, misfitting, advice),) if misfitting else ()
    return VariabilityFit(replace(stored, metrics=fitting), messages)


def _other_suite(stored: Variability, suite: Suite, target: Target) -> list[str]:
    """How the suite's samples differ from those whose variability was measured; empty where they do not."""
    plan = make_plan(suite, replace(target, settings=stored.overrides))
    if samples_hash(map(plan.fingerprint, plan.samples)) == stored.samples:
        return []
    old_request = {name: stored.request.get(name) for name in ("cases", "seeds")}
    changed = differences(old_request, {"cases": len(suite.cases), "seeds": list(suite.seeds)})
    return [notes.other_samples(changed)]


def _other_baseline(stored: Variability, accepted: Run) -> list[str]:
    before, after = known_to_both(_generation(stored), _generation(accepted))
    if "weights" in before:
        # The same weights are the same model, whatever it is called and wherever it lies.
        before, after = ({**side, "model": "", "revision": None} for side in (before, after))
    changed = differences(before, after)
    return [notes.other_generation(changed)] if changed else []


def _generation(of: Variability | Run) -> dict[str, Any]:
    """Everything that the spread over seeds may depend on."""
    facts = {name: value for name, value in of.generated_by.items() if name not in _WHERE}
    return {**facts, "model": _model(str(facts.get("model"))), **of.request.get("settings", {})}


def _model(text: str) -> str:
    """The model, a folder by its name alone because its path differs between machines."""
    return Path(text).name if text.startswith(("/", ".", "~")) or text.count("/") > 1 else text


def _other_metrics(stored: Variability, suite: Suite, options: MetricOptions) -> dict[str, str]:
    """Metrics that compute scores differently since their variability was measured, and what differs."""
    measured_metrics = [name for name in suite.metrics if name in stored.metrics]
    reasons = {name: _other_metric(name, stored.metrics[name], suite, options) for name in measured_metrics}
    return {name: why for name, why in reasons.items() if why}


def _other_metric(name: str, stored: MetricVariability, suite: Suite, options: MetricOptions) -> str:
    try:
        metric = metrics.create(name, options)
    except NotAvailable:
        # A metric that is not available is not judged on this machine.
        return ""
    old_facts = {"version": stored.version, "reference images": stored.reference}
    new_facts = {"version": metric.version, "reference images": ""}
    if isinstance(metric, SetMetric) and suite.references is not None:
        new_facts["reference images"] = _fingerprint(suite.references, metric)
    return ", ".join(differences(old_facts, new_facts))


def _fingerprint(folder: Path, metric: SetMetric) -> str:
    try:
        return references.load(folder, metric).fingerprint
    except ValueError:
        # The run reports the error, and its metric has no value.
        return ""


def _describe_command(
    baselines: Path, suite: Suite, target: Target, accepted: Run | None, stored: Variability | None = None
) -> str:
    """Advice to measure again, with a command that generates images as those of the baseline were generated."""
    words = ["sdeval", "calibrate", suite.name]
    if target.name != suite.targets[0]:
        # A target that was given as a folder or hub id is named after it.
        words += ["--target", target.model if target.name == slug(Path(target.model).name) else target.name]
    for name, value in (_values_to_set(suite, accepted, stored) if accepted else {}).items():
        words += ["--set", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    if short(baselines) != Path("baselines"):
        words += ["--baselines", str(short(baselines))]
    return notes.measure_again(shlex.join(words))


def _values_to_set(suite: Suite, accepted: Run, stored: Variability | None) -> dict[str, Any]:
    """The values that `--set` needs to generate images as those of the baseline were generated."""
    usual = {"dtype": "float32", "revision": None, "variant": None}
    if stored is not None:
        # The model's default scheduler is unknown; if both have the same scheduler, it need not be set.
        usual["scheduler"] = stored.generated_by.get("scheduler")
    request = accepted.request.get("settings", {})
    return {
        **{name: accepted.generated_by.get(name) for name in usual if accepted.generated_by.get(name) != usual[name]},
        **{name: value for name, value in request.items() if suite.settings.get(name) != value},
    }
