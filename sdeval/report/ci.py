"""What the environment of a CI service tells: where the page will be found, and where the summary goes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sdeval.report.markdown import Elsewhere


def elsewhere(environment: Mapping[str, str]) -> Elsewhere | None:
    """Where others find the page: `SDEVAL_PAGE_URL`, or among the artifacts of a run of GitHub Actions."""
    if place := environment.get("SDEVAL_PAGE_URL"):
        return Elsewhere(place)
    parts = [environment.get(f"GITHUB_{name}") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")]
    if environment.get("GITHUB_ACTIONS") != "true" or not all(parts):
        return None
    return Elsewhere("{}/{}/actions/runs/{}".format(*parts), "in the artifacts of this run")


def tell(summary: Path, environment: Mapping[str, str]) -> str:
    """Add the summary to that of the CI job, if it has one; return a one-line message where that failed."""
    job_summary = environment.get("GITHUB_STEP_SUMMARY")
    if not job_summary:
        return ""
    try:
        with Path(job_summary).open("a", encoding="utf-8") as job:
            job.write(summary.read_text(encoding="utf-8") + "\n")
    # The verdicts of a session are valid whether or not the summary can be written.
    except OSError as error:
        return f"GITHUB_STEP_SUMMARY: cannot write to {job_summary}: {error.strerror}"
    return ""
