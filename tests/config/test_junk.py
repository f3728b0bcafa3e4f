"""Whatever somebody writes into a suite, a case, a target, a case file or a table: one line, and never a traceback."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdeval import Case, SdevalError, Suite
from sdeval._utils.validation import Checked, from_json
from sdeval.config.case_files import FIELDS, load_cases
from sdeval.config.options import Table, check_table
from sdeval.config.target import Target
from sdeval.config.target_registry import targets_of
from sdeval.results.journal import Line
from sdeval.results.records import CaseRecord, SampleResult, TimingLine
from sdeval.results.run_folder import RunHeader
from sdeval.results.verdicts_file import Record

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["\ud800", 10**400, -(10**400), "nan", "a/b"])
)
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
JUNK = st.recursive(
    LEAVES | st.binary() | st.dates() | st.just(print) | st.builds(lambda: 10**5000) | st.just(Path("a")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner),
    max_leaves=8,
)
SEEN = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
WHOLE: dict[type[Any], dict[str, Any]] = {
    Suite: {"name": "a", "task": "text2img", "cases": (Case(id="a", prompt="b"),)},
    Case: {"id": "a", "prompt": "b"},
    Target: {"name": "a", "model": "b"},
}


def ends_in_one_line(work: Callable[[], object]) -> None:
    said = "nothing"
    try:
        work()
    except SdevalError as error:
        said = str(error)
    assert len(said.split("\n")) == 1


@pytest.mark.parametrize("kind", [Suite, Case, Target])
def test_junk_in_python(kind: type[Any]) -> None:
    @SEEN
    @given(st.sampled_from([each.name for each in fields(kind)]), JUNK)
    def tried(name: str, value: object) -> None:
        ends_in_one_line(lambda: kind(**{**WHOLE[kind], name: value}))

    tried()


@SEEN
@given(name=st.sampled_from([*FIELDS, "promt"]), value=JSON)
def test_junk_in_a_case_file(tmp_path: Path, name: str, value: object) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"id": "a", "prompt": "b", name: value}))
    ends_in_one_line(lambda: load_cases(path))


@SEEN
@given(st.sampled_from(sorted(Table.__annotations__)), JUNK)
def test_junk_in_the_table_of_a_project(name: str, value: object) -> None:
    ends_in_one_line(lambda: check_table({name: value}, Table, "here"))


@SEEN
@given(st.sampled_from([*(each.name for each in fields(Target)), "extends"]), JUNK)
def test_junk_in_a_table_of_a_target(name: str, value: object) -> None:
    ends_in_one_line(lambda: targets_of({"a": ("here", {"model": "b", name: value})}, {}))


@pytest.mark.parametrize("kind", [RunHeader, SampleResult, CaseRecord, TimingLine, Record, Line])
def test_junk_in_files(kind: type[Checked]) -> None:
    @SEEN
    @given(st.dictionaries(st.sampled_from([each.name for each in fields(kind)]), JSON) | JSON)  # type: ignore[arg-type]
    def tried(content: object) -> None:
        ends_in_one_line(lambda: from_json(kind, json.dumps(content), "here"))

    tried()


def test_a_date_of_a_table_is_named() -> None:
    with pytest.raises(SdevalError, match=r"^here: set: when: must be text, a number, .*, got datetime\.date"):
        check_table({"set": {"when": date(2026, 1, 1)}}, Table, "here")
