"""The outcome of a session is pytest's, for every selected item: field cases F04 and F06."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from sdeval.engines.diffusers_engine import LoadedTarget
from tests.plugin.project import QUIET, verdicts


def verdict_of(pytester: pytest.Pytester, name: str) -> tuple[object, object]:
    """The verdict on a case and its reason."""
    matching = [verdict for verdict in verdicts(pytester) if verdict["case"] == name]
    assert len(matching) == 1
    return matching[0]["verdict"], matching[0]["reason"]


def outcome(pytester: pytest.Pytester) -> object:
    return json.loads((pytester.path / "reports" / "latest" / "verdicts.json").read_text())["outcome"]


def conftest(pytester: pytest.Pytester, condition: str, action: str, when: str = "setup") -> None:
    """A fixture that does something before or after items of which the name holds a word."""
    before, after = (action, "pass") if when == "setup" else ("pass", action)
    pytester.makeconftest(f"""
import os, pytest

@pytest.fixture(autouse=True)
def around(request):
    if {condition!r} in request.node.name:
        {before}
    yield
    if {condition!r} in request.node.name:
        {after}
""")


def test_an_item_whose_fixture_fails_is_unscored(suites: pytest.Pytester) -> None:
    conftest(suites, "circle", "raise RuntimeError('no disk')")
    result = suites.runpytest_inprocess(*QUIET)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert verdict_of(suites, "circle") == ("unscored", "its setup failed: RuntimeError: no disk")
    assert outcome(suites) == "failed"
    assert "no disk" in (suites.path / "reports" / "latest" / "summary.md").read_text()


HOSTILE = r"\x1b[31mred\udc80"
"""Text that controls a terminal, and that UTF-8 cannot hold."""


@pytest.mark.slow
def test_texts_of_fixtures_neither_control_the_terminal_nor_end_a_worker(suites: pytest.Pytester) -> None:
    suites.makeconftest(f"""
import logging, pytest

@pytest.fixture(autouse=True)
def around(request):
    if "circle" in request.node.name:
        raise RuntimeError("{HOSTILE}")
    if "square" in request.node.name:
        pytest.skip("{HOSTILE}")
    yield
    if "cross" in request.node.name:
        logging.warning("{HOSTILE}")
        pytest.fail("no disk")
""")
    result = suites.runpytest_subprocess(*QUIET, "-n", "1", "-rA")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    case_verdicts = [verdict_of(suites, name)[0] for name in ("circle", "square", "cross")]
    assert case_verdicts == ["unscored", "skipped", "unscored"]
    assert "\x1b[31mred" not in result.stdout.str()


def test_where_every_item_fails_there_is_a_page_of_this_session(suites: pytest.Pytester) -> None:
    suites.runpytest_inprocess(*QUIET)
    first = (suites.path / "reports" / "latest").resolve()
    conftest(suites, "shapes", "raise RuntimeError('no disk')")
    assert suites.runpytest_inprocess(*QUIET).ret == pytest.ExitCode.TESTS_FAILED
    latest = (suites.path / "reports" / "latest").resolve()
    assert latest != first
    assert {verdict["verdict"] for verdict in verdicts(suites)} == {"unscored"}
    assert "no disk" in (latest / "index.html").read_text()


def test_an_item_whose_teardown_fails_fails(suites: pytest.Pytester) -> None:
    conftest(suites, "circle", "raise RuntimeError('no disk')", when="teardown")
    junit = suites.path / "junit.xml"
    assert suites.runpytest_inprocess(*QUIET, f"--junitxml={junit}").ret == pytest.ExitCode.TESTS_FAILED
    verdict, reason = verdict_of(suites, "circle")
    assert verdict == "unscored"
    assert reason == "its teardown failed: RuntimeError: no disk; was new"
    values = [
        element.get("value")
        for case in ElementTree.parse(junit).iter("testcase")
        if "circle" in str(case.get("name"))
        for element in case.iter("property")
        if element.get("name") == "verdict"
    ]
    assert values == ["unscored"]


def test_a_skipped_item_says_why(suites: pytest.Pytester) -> None:
    suites.makeconftest("""
import pytest

def pytest_collection_modifyitems(items):
    for item in items:
        if "circle" in item.name:
            item.add_marker(pytest.mark.skip(reason="known to be slow"))
""")
    assert suites.runpytest_inprocess(*QUIET).ret == pytest.ExitCode.OK
    assert verdict_of(suites, "circle") == ("skipped", "known to be slow")


def test_an_expected_failure_fails_nothing(suites: pytest.Pytester) -> None:
    suites.makeconftest("""
import pytest

def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.xfail(reason="issue 7"))
""")
    assert suites.runpytest_inprocess("-p", "no:cacheprovider", "--sdeval-strict").ret == pytest.ExitCode.OK
    assert {verdict["verdict"] for verdict in verdicts(suites)} == {"informational"}
    assert outcome(suites) == "passed"


@pytest.mark.parametrize("action", ["sys.exit(0)", "raise BaseException('odd')", "raise SystemExit(3)"])
def test_what_ends_a_process_ends_an_item(suites: pytest.Pytester, action: str) -> None:
    suites.makeconftest(f"""
import sys

def pytest_runtest_call(item):
    if "circle" in item.name:
        {action}
""")
    assert suites.runpytest_inprocess(*QUIET).ret == pytest.ExitCode.TESTS_FAILED
    assert verdict_of(suites, "circle")[0] == "unscored"
    assert len(verdicts(suites)) == 7


def test_items_after_the_last_allowed_failure_did_not_run(suites: pytest.Pytester) -> None:
    conftest(suites, "circle", "raise RuntimeError('no disk')")
    assert suites.runpytest_inprocess(*QUIET, "-x").ret == pytest.ExitCode.TESTS_FAILED
    assert len(verdicts(suites)) == 7
    assert verdict_of(suites, "square") == ("skipped", "did not run: the session ended before it")


def test_a_test_that_is_run_again_counts_once_and_by_its_last_time(suites: pytest.Pytester) -> None:
    conftest(suites, "circle", "raise RuntimeError('no disk')")
    result = suites.runpytest_inprocess(*QUIET, "-p", "rerunfailures", "--reruns", "2")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert len(verdicts(suites)) == 7


def test_a_failure_that_does_not_come_again_is_no_failure(suites: pytest.Pytester) -> None:
    suites.makeconftest("""
import pytest

attempts = []

@pytest.fixture(autouse=True)
def flaky(request):
    if "circle" in request.node.name:
        attempts.append(1)
        if len(attempts) == 1:
            raise RuntimeError("once")
""")
    assert suites.runpytest_inprocess(*QUIET, "--reruns", "2").ret == pytest.ExitCode.OK
    assert verdict_of(suites, "circle")[0] == "new"


def test_a_generation_that_fails_once_passes_when_its_tests_run_again(
    suites: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, attempts = LoadedTarget.pipeline, []

    def once(self: LoadedTarget, task: str) -> object:
        attempts.append(task)
        if len(attempts) == 1:
            raise RuntimeError("CUDA out of memory")
        return load(self, task)

    monkeypatch.setattr(LoadedTarget, "pipeline", once)
    assert suites.runpytest_inprocess(*QUIET, "--reruns", "2").ret == pytest.ExitCode.OK
    assert {verdict["verdict"] for verdict in verdicts(suites)} == {"new", "informational"}


def test_a_timeout_is_a_failure_of_its_item(suites: pytest.Pytester) -> None:
    conftest(suites, "circle", "import time; time.sleep(30)")
    result = suites.runpytest_inprocess(*QUIET, "--timeout", "6", "--timeout-method", "signal")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    verdict, reason = verdict_of(suites, "circle")
    assert verdict == "unscored"
    assert "Timeout" in str(reason)


@pytest.mark.slow
def test_a_worker_that_dies_leaves_a_verdict(suites: pytest.Pytester) -> None:
    conftest(suites, "circle", "os._exit(0)")
    result = suites.runpytest_subprocess(*QUIET, "-n", "2", "--dist", "load")
    assert result.ret != pytest.ExitCode.OK
    assert len(verdicts(suites)) == 7
    verdict, reason = verdict_of(suites, "circle")
    assert verdict == "unscored"
    assert "crashed" in str(reason)
    assert outcome(suites) == "failed"


@pytest.mark.slow
def test_a_process_that_died_is_reported_at_the_next_start(suites: pytest.Pytester) -> None:
    conftest(suites, "square", "os._exit(0)")
    suites.runpytest_subprocess(*QUIET)
    latest = suites.path / "reports" / "latest"
    assert "has not ended" in (latest / "index.html").read_text()
    assert not (latest / "verdicts.json").exists()
    stopped = latest.resolve().name
    (suites.path / "conftest.py").unlink()
    result = suites.runpytest_inprocess(*QUIET)
    result.stdout.fnmatch_lines([f"sdeval: session {stopped} stopped before its end (*pid *--sdeval-resume*"])


@pytest.mark.parametrize("options", [("--count", "2"), ("--keep-duplicates", "test_suite.py", "test_suite.py")])
def test_items_that_are_collected_twice_count_once(suites: pytest.Pytester, options: tuple[str, ...]) -> None:
    suites.runpytest_inprocess(*QUIET, *options)
    assert len(verdicts(suites)) == 7
