"""What a CI service says of itself: where the page will be found, and where it wants the summary."""

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
    """Add the summary to that of the job, where there is one; what went wrong, in one line."""
    request = environment.get("GITHUB_STEP_SUMMARY")
    if not request:
        return ""
    try:
        with Path(request).open("a", encoding="utf-8") as job:
            job.write(summary.read_text(encoding="utf-8") + "\n")
    # A session is as good as its verdicts, whoever is reported of them.
    except OSError as error:
        return f"GITHUB_STEP_SUMMARY: cannot write to {request}: {error.strerror}"
    return ""
