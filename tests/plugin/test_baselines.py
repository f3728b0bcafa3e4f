"""Which baseline a pytest session is compared with, and what it says where baselines are not as they should be."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

import sdeval.cli
from sdeval.baselines import transaction
from sdeval.baselines.snapshot import BASELINE
from tests.child import in_child
from tests.plugin.test_plugin import QUIET, SUITE, verdicts

ACCEPT = """
import json
from pathlib import Path

from sdeval.baselines.acceptance import accept

ROOT = Path(__file__).parent
accepted = []

def {hook}:
    if not accepted:
        accepted.append(accept(ROOT / "other" / "few" / "shapes", ROOT / "baselines"))
"""


@pytest.fixture
def suites(pytester: pytest.Pytester) -> pytest.Pytester:
    """A suite with a baseline, and in `other` a run of it with scores that are ten points better."""
    pytester.makepyfile(test_suite=SUITE.format(task="text2img", name="few"))
    pytester.runpytest_inprocess(*QUIET)
    assert sdeval.cli.main(["accept"]) == 0
    run = pytester.path / "reports" / "latest" / "few" / "shapes"
    other = pytester.path / "other" / "few" / "shapes"
    pytester.run("cp", "-r", str(run), str(other.parent.mkdir(parents=True) or other))
    lines = [json.loads(line) for line in (other / "samples.jsonl").read_text().splitlines()]
    for line in lines:
        line["scores"]["clip_score"] += 10.0
    (other / "samples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return pytester


def scores(folder: Path) -> list[float]:
    lines = (folder / "samples.jsonl").read_text().splitlines()
    return [json.loads(line)["scores"]["clip_score"] for line in lines]


def judged_baseline(pytester: pytest.Pytester) -> object:
    """The score that the verdict of the latest session names."""
    return next(verdict["baseline"] for verdict in verdicts(pytester) if verdict["metric"] == "clip_score")


def last_baseline(pytester: pytest.Pytester) -> str:
    """The hash of the baseline in the last line of the history."""
    line = (pytester.path / "reports" / "history.jsonl").read_text().splitlines()[-1]
    return str(json.loads(line)["runs"][0]["baseline"])


@pytest.mark.parametrize(
    ("hook", "points"),
    [
        # Collected, and nothing generated yet: what is accepted now is what the run is compared with.
        ("pytest_runtest_setup(item)", 10.0),
        # Generated and the first case judged: all else is compared with what that was compared with.
        ("pytest_runtest_teardown(item)", 0.0),
    ],
)
def test_an_accept_during_a_session_changes_neither_verdicts_nor_page_nor_history(
    suites: pytest.Pytester, hook: str, points: float
) -> None:
    first = scores(suites.path / "baselines" / "few" / "shapes")
    suites.runpytest_inprocess(*QUIET)
    undisturbed = last_baseline(suites)
    suites.makeconftest(ACCEPT.format(hook=hook))
    suites.runpytest_inprocess(*QUIET)
    assert judged_baseline(suites) == pytest.approx(sum(first) / len(first) + points)
    snapshot = suites.path / "reports" / "latest" / "few" / "shapes" / BASELINE
    assert scores(snapshot) == pytest.approx([score + points for score in first])
    assert (last_baseline(suites) == undisturbed) == (points == 0.0)
    assert scores(suites.path / "baselines" / "few" / "shapes") == pytest.approx([score + 10.0 for score in first])


def test_a_baseline_that_is_accepted_during_the_first_session_is_not_shown_by_it(suites: pytest.Pytester) -> None:
    suites.run("mv", "baselines", "gone")
    suites.makeconftest(ACCEPT.format(hook="pytest_runtest_teardown(item)"))
    suites.runpytest_inprocess(*QUIET)
    assert {verdict["verdict"] for verdict in verdicts(suites)} == {"new", "informational"}
    assert not (suites.path / "reports" / "latest" / "few" / "shapes" / BASELINE).exists()
    assert last_baseline(suites) == ""


def test_a_session_finishes_an_accept_that_was_stopped_and_notes_it(suites: pytest.Pytester) -> None:
    def work() -> None:
        def killed(*_: object) -> None:
            os.kill(os.getpid(), signal.SIGKILL)

        transaction._replace_all = killed  # type: ignore[assignment]
        sdeval.cli.main(["accept", "other"])

    assert in_child(work) == -signal.SIGKILL
    result = suites.runpytest_inprocess(*QUIET)
    result.stdout.fnmatch_lines(["note: *baselines: finished *which had been stopped: accepted few/shapes"])
    accepted = scores(suites.path / "other" / "few" / "shapes")
    assert judged_baseline(suites) == pytest.approx(sum(accepted) / len(accepted))


def test_baselines_that_are_a_file_are_a_usage_error(suites: pytest.Pytester) -> None:
    (suites.path / "file").touch()
    result = suites.runpytest_inprocess(*QUIET, "--sdeval-baselines", "file")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = result.stderr.str().strip().splitlines()
    assert "file: is a file; baselines must name the folder that accepted runs are kept in" in line


def test_a_folder_of_baselines_that_is_named_and_not_there_is_a_usage_error(suites: pytest.Pytester) -> None:
    result = suites.runpytest_inprocess(*QUIET, "--sdeval-baselines", "baslines")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = result.stderr.str().strip().splitlines()
    assert "baslines: no such folder of baselines; to begin one: mkdir " in line
