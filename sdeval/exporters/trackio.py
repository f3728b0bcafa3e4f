"""Trackio: a run for each suite and target, in a project called as the project of the suites is.

`TRACKIO_DIR` says where it keeps them, and `TRACKIO_PROJECT` names another project.
"""

from __future__ import annotations

import os

from sdeval.exporters.results import SessionResults, missing_package


def export(results: SessionResults) -> None:
    """Log a session."""
    try:
        import trackio
    except ImportError:
        raise missing_package("trackio", "trackio") from None
    for run in results.runs:
        trackio.init(
            project=os.environ.get("TRACKIO_PROJECT") or results.project,
            name=f"{run.name} {results.session}",
            group=results.session,
            # The machine is not what is measured.
            auto_log_gpu=False,
            auto_log_cpu=False,
            config={
                **run.parameters,
                **{f"session.{name}": value for name, value in results.tags.items()},
                **{f"verdict.{name}": verdict for name, verdict in run.metric_verdicts.items()},
                "verdict": run.outcome,
            },
        )
        images = {
            f"pair/{pair.name}": trackio.Image(str(pair.path), caption=f"{pair.name}: {pair.caption}")
            for pair in run.pairs
        }
        trackio.log({**run.numbers, **images})
        trackio.finish()
