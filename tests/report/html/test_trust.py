"""Facts about a session on its page: where it comes from, how much evidence it has, and what was skipped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdeval.comparison import Verdict
from sdeval.report.html.trust import Fact, facts
from sdeval.report.session_runs import ComparedRun
from sdeval.results.verdicts_file import Origin, Record
from tests.conftest import make_run

ORIGIN = Origin(command="pytest suites", started="2026-11-27T20:33:23+02:00", seconds=3723.4, commit="0123456789abcdef")
SKIPPED = Verdict(suite="a", target="sd15", metric="defect", case="cat", verdict="skipped", reason="needs a GPU")


def compared(target: str, suite: str = "animals", cases: int = 3) -> ComparedRun:
    run = replace(make_run(np.ones((cases, 2))), target=target, suite=suite)
    return ComparedRun(run, Path(), None, Path())


def named(name: str, **values: object) -> Fact | None:
    record = replace(Record.of("20260101-101112-abcd", [], strict=False, origin=ORIGIN), **values)
    return next((fact for fact in facts([compared("tiny")], record) if fact.name == name), None)


def test_a_case_counts_once_on_however_many_targets() -> None:
    record = Record.of("one", [], strict=False)
    comparisons = [compared("tiny"), compared("fast"), compared("tiny", "plants", cases=2)]
    evidence = next(fact for fact in facts(comparisons, record) if fact.name == "Evidence")
    assert evidence.lines == ("5 cases on 2 targets: 16 images, 2 seeds a case",)


def test_command_date_commit_and_ci_run_are_told() -> None:
    origin = replace(ORIGIN, uncommitted=True, ci_run="https://ci/1")
    lines = {name: named(name, origin=origin) for name in ("Date", "Command", "Commit", "CI run")}
    assert {name: fact and fact.lines for name, fact in lines.items()} == {
        "Date": ("2026-11-27 18:33:23 UTC, took 1 h 2 min 3 s",),
        "Command": ("pytest suites",),
        "Commit": ("0123456789ab, with uncommitted changes",),
        "CI run": ("https://ci/1",),
    }
    ci = lines["CI run"]
    assert ci
    assert ci.link == "https://ci/1"


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "/etc/passwd"])
def test_only_an_address_of_the_web_becomes_a_link(address: str) -> None:
    fact = named("CI run", origin=replace(ORIGIN, ci_run=address))
    assert fact
    assert fact.link == ""


def test_a_session_of_before_is_dated_by_its_name() -> None:
    fact = named("Date", origin=None)
    assert fact
    assert fact.lines == ("2026-01-01 10:11 UTC",)
    assert named("Date", origin=None, session="another") is None
    assert named("Command", origin=None) is None


def test_what_was_skipped_is_one_line_whose_reasons_unfold() -> None:
    verdicts = (SKIPPED, replace(SKIPPED, case="dog"), replace(SKIPPED, target="sdxl", reason="not downloaded"))
    notes = ("a on sd15: needs a GPU", "a on sdxl: not downloaded", "the trend of noise")
    fact = named("Skipped", verdicts=verdicts, notes=notes)
    assert fact == Fact(
        "Skipped", (), "3 items", ("2 of a on sd15: needs a GPU", "1 of a on sdxl: not downloaded"), care=False
    )
    assert named("Notes", verdicts=verdicts, notes=notes) == Fact("Notes", ("the trend of noise",))


def test_several_notes_are_one_line_that_unfolds() -> None:
    assert named("Notes", notes=("one", "two")) == Fact("Notes", (), "2 notes", ("one", "two"))
    assert named("Notes", notes=()) is None


def test_images_that_are_missing_are_not_counted_as_images() -> None:
    whole = compared("tiny")
    first, *others = whole.run.samples
    run = replace(whole.run, samples=(replace(first, image="", failure="no luck"), *others))
    evidence = next(
        fact for fact in facts([replace(whole, run=run)], Record.of("one", [], strict=False)) if fact.name == "Evidence"
    )
    assert evidence.lines == ("3 cases: 5 images (1 missing), 2 seeds a case",)
