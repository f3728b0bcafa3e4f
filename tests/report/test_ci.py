from __future__ import annotations

from pathlib import Path

from sdeval.report.ci import elsewhere, tell
from sdeval.report.markdown import Elsewhere

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "we/ours",
    "GITHUB_RUN_ID": "7",
}


def test_the_page_is_where_the_user_says_or_among_the_artifacts() -> None:
    run = Elsewhere("https://github.com/we/ours/actions/runs/7", "in the artifacts of this run")
    assert elsewhere(GITHUB) == run
    assert elsewhere({**GITHUB, "SDEVAL_PAGE_URL": "https://pages.example"}) == Elsewhere("https://pages.example")
    assert elsewhere({}) is None
    assert elsewhere({"GITHUB_ACTIONS": "true"}) is None


def test_the_summary_is_added_to_that_of_the_job(tmp_path: Path) -> None:
    summary, job = tmp_path / "summary.md", tmp_path / "job.md"
    summary.write_text("✓ fine\n", encoding="utf-8")
    job.write_text("before\n")
    assert tell(summary, {"GITHUB_STEP_SUMMARY": str(job)}) == ""
    assert job.read_text(encoding="utf-8") == "before\n✓ fine\n\n"
    assert tell(summary, {}) == ""


def test_a_summary_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "summary.md").touch()
    said = tell(tmp_path / "summary.md", {"GITHUB_STEP_SUMMARY": str(tmp_path)})
    assert said == f"GITHUB_STEP_SUMMARY: cannot write to {tmp_path}: Is a directory"
