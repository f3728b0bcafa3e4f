"""sdeval without pytest: evaluate a suite, read a run, compare two runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdeval._utils.progress import Silent
from sdeval.comparison import judge_metrics
from sdeval.config import target as targets
from sdeval.config import target_registry
from sdeval.config.image_store import StoreOptions
from sdeval.config.options import Options, read_table
from sdeval.config.root import find_root
from sdeval.config.suite import Suite
from sdeval.config.target import Target
from sdeval.engines.names import check_names
from sdeval.errors import NotAvailable, SdevalError
from sdeval.executors.local import LocalExecutor
from sdeval.results import run_folder
from sdeval.results.run import Run, Stored
from sdeval.results.verdict import Verdict, missing_verdict, worst_first
from sdeval.session import judging
from sdeval.session.items import Job, gating_metrics, items_of
from sdeval.session.resolve import ResolvedJob, resolve
from sdeval.stores.images import open_store

NOWHERE = Path("/nonexistent")
"""Where no baseline lies."""


def load_run(folder: str | Path) -> Run:
    """Read a run folder or a baseline folder.

    Args:
        folder: such as `reports/latest/shapes-text2img/shapes`.

    Raises:
        SdevalError: it is missing, incomplete or corrupt; names the file and the line.
    """
    return run_folder.read(Path(folder))


def evaluate(
    suite: Suite,
    target: str | Target | None = None,
    folder: str | Path = "reports/notebook",
    *,
    settings: Mapping[str, Any] = {},
    baseline: str | Path | None = None,
) -> Run:
    """Generate all images of a suite, with all its seeds, and score them.

    Args:
        suite: what to generate, and its metrics.
        target: the configuration under test: a name, a folder, a hub id or a `Target`; the suite's first where None.
        folder: where images and scores go; what is there is overwritten.
        settings: fields of the target and arguments of the pipeline call, such as `{"num_inference_steps": 20}`.
        baseline: folder of an earlier run. Scores of images that did not change are taken from it, and metrics that
            measure the distance from the baseline's image, such as `lpips`, need it.

    Raises:
        NotAvailable: the weights of the target or of a metric are not on this machine.
        SdevalError: the suite, the target or a setting is wrong.
    """
    found = _target(suite, target).with_values(settings)
    items_of(suite, [found])
    check_names(found, suite.settings)
    resolved = resolve(Job(suite, found), Options(baselines=NOWHERE))
    for missing in (resolved.unavailable, *resolved.missing.values()):
        if missing is not None:
            raise missing
    from sdeval.engines import engine

    engine.check(found, suite.task, {**suite.settings, **found.settings})
    engine.check_request(found, suite)
    stored = _stored(Path(baseline)) if baseline is not None else None
    return LocalExecutor(Silent()).evaluate(resolved.plan(0), Path(folder), stored, None)


def compare(suite: Suite, run: Run, baseline: Run) -> list[Verdict]:
    """Verdicts on the metrics and the cases of a run compared with another one, worst first.

    They are those of a session in which this suite runs alone on one target.

    Args:
        suite: of both runs.
        run: the candidate.
        baseline: what it is compared with.

    Raises:
        SdevalError: the runs are not of this suite.

    Example:
        >>> before = evaluate(suite, "shapes", "runs/before")
        >>> after = evaluate(suite, "shapes", "runs/after", settings={"num_inference_steps": 2})
        >>> {verdict.metric for verdict in compare(suite, after, before) if verdict.verdict == "regressed"}
        {'clip_score'}
    """
    for side in (run, baseline):
        if side.suite != suite.name:
            raise SdevalError(f"compare: the run is of suite {side.suite}, not of {suite.name}")
    job = Job(suite, Target(name=run.target, model=run.target))
    stored = Stored(baseline, NOWHERE)
    resolved = ResolvedJob(job=job, options=Options(baselines=NOWHERE), rounds=suite.rounds[-1:], baseline=stored)
    names = [name for name in gating_metrics(suite) if name in run.metrics or name not in suite.metrics]
    cases = [case.id for case in suite.cases]
    subject = judging.Subject(resolved=resolved, run=run, baseline=stored, round=0, cases=cases, metrics=names)
    compared = judging.compare(subject, len(names), 1)
    unscored = []
    for name, failure in compared.failures.items():
        if not isinstance(failure, NotAvailable):
            raise failure
        unscored.append(missing_verdict(suite.name, run.target, name, str(failure), is_case=False))
    return worst_first([*judge_metrics(list(compared.evidence.values())), *compared.cases.values(), *unscored])


def _stored(folder: Path) -> Stored:
    """An earlier run, or a baseline with the store that its project names."""
    run = load_run(folder)
    if not any(sample.is_thumbnail for sample in run.samples):
        return Stored(run, folder)
    root = find_root([folder], Path.cwd())
    return Stored(run, folder, open_store(StoreOptions.from_table(read_table(root), root), folder.parent.parent))


def _target(suite: Suite, target: str | Target | None) -> Target:
    if isinstance(target, Target):
        return target
    return targets.find(target or suite.targets[0], target_registry.shipped_targets())
