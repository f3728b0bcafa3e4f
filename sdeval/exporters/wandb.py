"""Weights & Biases: a run for each suite and target, grouped by session; the worst pairs are its media.

`WANDB_MODE=offline`, `WANDB_PROJECT`, `WANDB_ENTITY` and `WANDB_DIR` count; without a project, it is called as the
project of the suites is.
"""

from __future__ import annotations

import os

from sdeval.exporters.results import RunResults, SessionResults, missing_package

LONGEST_TAG = 64
"""Characters of a tag that are allowed."""
COLUMNS = ("case", "metric", "verdict", "baseline", "current", "change", "tolerance", "reason")


def export(results: SessionResults) -> None:
    """Log a session."""
    try:
        import wandb
    except ImportError:
        raise missing_package("wandb", "wandb") from None
    for run in results.runs:
        with wandb.init(
            project=os.environ.get("WANDB_PROJECT") or results.project,
            name=f"{run.name} {results.session}",
            group=results.session,
            job_type="sdeval",
            tags=[tag[:LONGEST_TAG] for tag in (run.suite, run.target, run.outcome)],
            notes=f"{run.outcome}: {results.page}",
            config={**run.parameters, **{f"session.{name}": value for name, value in results.tags.items()}},
        ) as logged:
            logged.log({**run.numbers, "verdicts": wandb.Table(columns=list(COLUMNS), data=_rows(run))})
            if run.pairs:
                images = [wandb.Image(str(pair.path), caption=f"{pair.name}: {pair.caption}") for pair in run.pairs]
                logged.log({"worst pairs": images})
            logged.summary.update({f"verdict/{name}": verdict for name, verdict in run.metric_verdicts.items()})


def _rows(run: RunResults) -> list[list[object]]:
    return [[getattr(verdict, name) for name in COLUMNS] for verdict in run.verdicts]
