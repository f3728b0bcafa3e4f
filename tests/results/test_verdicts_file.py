"""`verdicts.json` and its schema, which is checked by an implementation of somebody else's."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sdeval.errors import SdevalError
from sdeval.results import verdicts_file as record
from sdeval.results.verdict import KINDS, Verdict
from sdeval.results.verdicts_file import Record
from tests.report.test_terminal import BLACK, FINE, LOST

PUBLISHED = json.loads(files("sdeval").joinpath("schemas", "verdicts.schema.json").read_text(encoding="utf-8"))
NEW = replace(FINE, verdict="new")


def written(path: Path, *verdicts: Verdict, strict: bool = False) -> dict[str, Any]:
    record.write(Record.of("one", verdicts, strict=strict), path)
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def refused(content: object) -> bool:
    return not jsonschema.Draft202012Validator(PUBLISHED).is_valid(content)


def test_it_is_a_schema_that_names_and_describes_every_field() -> None:
    jsonschema.Draft202012Validator.check_schema(PUBLISHED)
    inner = PUBLISHED["$defs"]["Verdict"]
    for kind, told in ((Record, PUBLISHED["properties"]), (Verdict, inner["properties"])):
        assert set(told) == {each.name for each in fields(kind)}
        assert all(each["description"] for each in told.values())
    assert inner["properties"]["verdict"]["enum"] == list(KINDS)


def test_what_is_written_is_valid_and_worst_first(tmp_path: Path) -> None:
    content = written(tmp_path / "verdicts.json", FINE, LOST, BLACK)
    jsonschema.validate(content, PUBLISHED, cls=jsonschema.Draft202012Validator)
    assert [each["verdict"] for each in content["verdicts"]] == ["broken", "regressed", "passed"]
    assert {name: content[name] for name in ("schema", "session", "outcome", "strict")} == {
        "schema": 2,
        "session": "one",
        "outcome": "failed",
        "strict": False,
    }


@pytest.mark.parametrize(
    "change",
    [{"schema": 1}, {"outcome": "fine"}, {"strict": 1}, {"more": 1}, {"verdicts": [{"suite": "a"}]}, {"notes": [1]}],
)
def test_the_schema_refuses_what_is_wrong(tmp_path: Path, change: dict[str, Any]) -> None:
    content = written(tmp_path / "verdicts.json", LOST)
    assert not refused(content)
    assert refused({**content, **change})
    assert refused({**content, "verdicts": [{**asdict(LOST), "verdict": "fine"}]})


def test_what_is_new_fails_only_a_strict_session(tmp_path: Path) -> None:
    assert written(tmp_path / "a", FINE, NEW)["outcome"] == "passed"
    assert written(tmp_path / "b", FINE, NEW, strict=True)["outcome"] == "failed"


def test_what_may_be_worse_is_no_pass(tmp_path: Path) -> None:
    doubtful = replace(LOST, verdict="inconclusive")
    assert written(tmp_path / "a", FINE, doubtful)["outcome"] == "inconclusive"
    assert written(tmp_path / "b", FINE, replace(doubtful, change=-0.1))["outcome"] == "passed"


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.json"
    found = Record.of("one", [FINE, LOST, BLACK], strict=True)
    record.write(found, path)
    assert record.read(path) == found


@pytest.mark.parametrize("content", ["[]", '{"schema": 1}', '{"schema": 3}'])
def test_a_record_of_another_version_is_made_again(tmp_path: Path, content: str) -> None:
    (tmp_path / "verdicts.json").write_text(content)
    with pytest.raises(SdevalError, match=r"written by another version of sdeval; run the suites again: pytest suites"):
        record.read(tmp_path / "verdicts.json")


@pytest.mark.parametrize("content", ["3", "{}", '{"schema": 2}', "{"])
def test_a_damaged_record_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "verdicts.json").write_text(content)
    with pytest.raises(SdevalError, match=r"verdicts\.json: is corrupt"):
        record.read(tmp_path / "verdicts.json")


def test_a_folder_without_a_record_is_no_session(tmp_path: Path) -> None:
    with pytest.raises(SdevalError, match=r"no session in it: verdicts\.json is missing"):
        record.read(tmp_path / "verdicts.json")


def test_a_note_that_several_suites_give_is_told_once_in_order() -> None:
    assert Record.of("one", [], strict=False, notes=["b", "a", "b"]).notes == ("b", "a")
    assert Record.of("one", [], strict=False).notes == ()


def test_a_case_that_chance_may_explain_leaves_a_session_passed(tmp_path: Path) -> None:
    beyond = replace(LOST, verdict="not_significant")
    assert beyond.warns
    assert written(tmp_path / "a", FINE, beyond)["outcome"] == "passed"
