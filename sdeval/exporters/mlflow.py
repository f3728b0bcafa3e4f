"""MLflow: a run of the experiment for each suite and target, with metrics, parameters, tags and the worst pairs.

The store is MLflow's own choice: `MLFLOW_TRACKING_URI` and `MLFLOW_EXPERIMENT_NAME` count; without the latter, the
experiment is called as the project is.
"""

from __future__ import annotations

import os

from sdeval.exporters.results import SessionResults, missing_package


def export(results: SessionResults) -> None:
    """Log a session."""
    try:
        import mlflow
    except ImportError:
        raise missing_package("mlflow", "mlflow") from None
    if not {"MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID"} & set(os.environ):
        mlflow.set_experiment(results.project)
    for run in results.runs:
        tags = {f"sdeval.{name}": value for name, value in results.tags.items()}
        tags |= {f"sdeval.verdict.{name}": verdict for name, verdict in run.metric_verdicts.items()}
        tags |= {"sdeval.suite": run.suite, "sdeval.target": run.target, "sdeval.verdict": run.outcome}
        if results.commit:
            tags["mlflow.source.git.commit"] = results.commit
        # What the page of a run shows above all else.
        tags["mlflow.note.content"] = f"{run.outcome}: {results.page}"
        with mlflow.start_run(run_name=f"{run.name} {results.session}", tags=tags):
            mlflow.log_params(dict(run.parameters))
            mlflow.log_metrics(run.numbers)
            for pair in run.pairs:
                mlflow.log_artifact(str(pair.path), "pairs")
            if results.summary.is_file():
                mlflow.log_artifact(str(results.summary))
