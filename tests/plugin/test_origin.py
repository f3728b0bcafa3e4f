"""What a session records of itself: its command without secrets, when it ran, its commit and its CI run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sdeval.results import verdicts_file
from sdeval.results.session_folder import read_record
from sdeval.results.verdicts_file import Origin
from tests.plugin.painted import paint
from tests.plugin.project import QUIET


@pytest.fixture
def painted(pytester: pytest.Pytester) -> pytest.Pytester:
    return paint(pytester)


def origin(pytester: pytest.Pytester) -> Origin:
    recorded = read_record(pytester.path / "reports" / "latest").origin
    assert recorded
    return recorded


def test_a_session_records_its_command_without_secrets(
    painted: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI_JOB_URL", "https://lab.example/jobs/3")
    painted.runpytest_inprocess(*QUIET, "-o", "junit_family=xunit2", "--junitxml=hf_abcdefghijkl")
    recorded = origin(painted)
    assert recorded.command.startswith("pytest ")
    assert "junit_family=xunit2" in recorded.command
    assert "hf_abcdefghijkl" not in recorded.command
    assert recorded.ci_run == "https://lab.example/jobs/3"
    assert datetime.now(UTC) - datetime.fromisoformat(recorded.started) < timedelta(hours=1)
    assert recorded.seconds > 0
    page = (painted.path / "reports" / "latest" / "index.html").read_text(encoding="utf-8")
    assert "https://lab.example/jobs/3" in page
    assert "hf_abcdefghijkl" not in page


def test_what_is_recorded_is_read_again(painted: pytest.Pytester) -> None:
    painted.runpytest_inprocess(*QUIET)
    record = read_record(painted.path / "reports" / "latest")
    path = painted.path / "copy.json"
    verdicts_file.write(record, path)
    assert verdicts_file.read(path) == record
