"""The JSON Schemas that are published, checked by an implementation of somebody else's."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import yaml

from sdeval.config.case_files import load_cases
from sdeval.config.target_registry import shipped_targets
from sdeval.errors import SdevalError
from sdeval.results import run_folder
from sdeval.results.schema import FOLDER, schemas
from tests.conftest import ROOT, make_run
from tests.frozen.test_verdicts import GOLDEN

PUBLISHED = {path.name.removesuffix(".schema.json"): json.loads(path.read_text()) for path in FOLDER.glob("*.json")}
CASE = {"id": "cat", "prompt": "a cat"}
RUN = json.loads((ROOT / "baselines" / "shapes-text2img" / "shapes" / "run.json").read_text())
TARGET = {"model": "org/model"}


def fits(name: str, content: object) -> bool:
    return jsonschema.Draft202012Validator(PUBLISHED[name]).is_valid(content)


def test_the_published_schemas_are_what_the_dataclasses_say() -> None:
    written = {path.name: json.loads(path.read_text()) for path in FOLDER.iterdir()}
    assert schemas() == written, "write them again with: python -m sdeval.results.schema"


@pytest.mark.parametrize("name", ["verdicts", "run", "cases", "targets"])
def test_each_is_a_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(PUBLISHED[name])
    assert PUBLISHED[name]["title"]
    assert PUBLISHED[name]["$id"].startswith(f"urn:sdeval:{name}")


@pytest.mark.parametrize("path", sorted((ROOT / "suites").rglob("*.yaml")), ids=lambda path: path.name)
def test_shipped_case_files_fit(path: Path) -> None:
    assert fits("cases", yaml.safe_load(path.read_text()))


def test_shipped_targets_fit() -> None:
    assert shipped_targets()
    assert fits("targets", tomllib.loads((ROOT / "sdeval" / "targets.toml").read_text()))


def test_an_old_run_and_a_new_one_fit(tmp_path: Path) -> None:
    assert fits("run", RUN)
    run_folder.write(make_run(np.array([[30.0, 31.5]]), notes=("a note",), load_seconds=1.5), tmp_path)
    assert fits("run", json.loads((tmp_path / "run.json").read_text()))


def test_the_golden_verdicts_fit() -> None:
    assert fits("verdicts", json.loads((GOLDEN / "verdicts.json").read_text()))


@pytest.mark.parametrize(
    "change",
    [
        {"promt": "a"},
        {"id": 3},
        {"prompt": None},
        {"strength": "high"},
        {"strength": True},
        {"tags": [1]},
        {"origin": "x"},
        {"image": ["a.png"]},
    ],
)
def test_a_wrong_case_is_refused_by_the_schema_and_by_the_reader(tmp_path: Path, change: dict[str, Any]) -> None:
    wrong = {**CASE, **change}
    assert fits("cases", [CASE])
    assert not fits("cases", [wrong])
    (tmp_path / "a.jsonl").write_text(json.dumps(wrong))
    with pytest.raises(SdevalError, match=r"a\.jsonl:1: "):
        load_cases(tmp_path / "a.jsonl")


@pytest.mark.parametrize("change", [{"strength": "0.5"}, {"strength": 1}, {"tags": "a b"}, {"image": "a.png"}])
def test_other_spellings_are_allowed_by_both(tmp_path: Path, change: dict[str, Any]) -> None:
    assert fits("cases", [{**CASE, **change}])
    (tmp_path / "a.jsonl").write_text(json.dumps({**CASE, **change}))
    assert load_cases(tmp_path / "a.jsonl")


@pytest.mark.parametrize("change", [{"modl": "x"}, {"dtype": "float8"}, {"compile": 1}, {"loras": {"a": "b"}}])
def test_a_wrong_target_is_refused(change: dict[str, Any]) -> None:
    assert fits("targets", {"mine": {**TARGET, "dtype": "fp16"}, "other": {"extends": "mine"}})
    assert not fits("targets", {"mine": {**TARGET, **change}})
    assert not fits("targets", {"mine": {"dtype": "fp16"}})


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 3},
        {"task": "text2image"},
        {"complete": 1},
        {"request": {**RUN["request"], "seeds": ["a"]}},
        {"metrics": {"a": {"version": "1"}}},
        {"environment": {"hardware": 3}},
    ],
)
def test_a_wrong_run_is_refused_by_the_schema_and_by_the_reader(tmp_path: Path, change: dict[str, Any]) -> None:
    wrong = {**RUN, **change}
    assert not fits("run", wrong)
    (tmp_path / "run.json").write_text(json.dumps(wrong))
    with pytest.raises(SdevalError, match=r"run\.json: "):
        run_folder.read(tmp_path)


def test_a_run_of_a_later_version_may_hold_more(tmp_path: Path) -> None:
    run_folder.write(run_folder.read(GOLDEN / "run_schema_1"), tmp_path)
    written = json.loads((tmp_path / "run.json").read_text())
    more = {**written, "later": 1, "request": {**written["request"], "later": 1}}
    assert fits("run", more)
    (tmp_path / "run.json").write_text(json.dumps(more))
    assert run_folder.read(tmp_path).request["later"] == 1
