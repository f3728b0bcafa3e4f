"""Schemas that editors read: what the repository holds fits them, and both they and sdeval refuse what is wrong."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from sdeval.config.case_files import load_cases
from sdeval.config.options import MEANINGS, Table, read_table
from sdeval.config.target_registry import of_project
from sdeval.errors import SdevalError
from tests.conftest import ROOT
from tests.results.test_schema import CASE, fits
from tests.test_documentation import fenced

TABLES = {page: fenced(ROOT / "docs" / page, "toml") for page in ("ci.md", "stores.md")}


def as_toml(table: dict[str, Any]) -> str:
    """A flat table as TOML."""
    spelled = {True: "true", False: "false"}
    rows = (f"{name} = {spelled[value] if isinstance(value, bool) else repr(value)}" for name, value in table.items())
    return "[tool.sdeval]\n" + "\n".join(rows) + "\n"


def test_every_key_of_a_project_says_what_it_means() -> None:
    assert set(MEANINGS) == set(Table.__annotations__)


@pytest.mark.parametrize("page", TABLES)
def test_tables_of_the_documentation_fit(page: str) -> None:
    for text in TABLES[page]:
        assert fits("project", tomllib.loads(text)["tool"]["sdeval"])


@pytest.mark.parametrize("block", fenced(ROOT / "docs" / "targets.md", "toml"))
def test_targets_of_the_documentation_fit(block: str) -> None:
    assert fits("targets", tomllib.loads(block))
    assert fits("project", {"targets": tomllib.loads(block)})


@pytest.mark.parametrize(
    "table",
    [
        {"targte": "shapes"},
        {"strict": "yes"},
        {"batch-size": "4"},
        {"inconclusive": "skip"},
        {"all-seeds": 1},
    ],
)
def test_a_wrong_table_is_refused_by_the_schema_and_by_the_reader(tmp_path: Path, table: dict[str, Any]) -> None:
    assert fits("project", {"target": ["shapes"], "strict": True, "batch-size": 4})
    assert not fits("project", table)
    (tmp_path / "pyproject.toml").write_text(as_toml(table), encoding="utf-8")
    with pytest.raises(SdevalError, match=r"\[tool\.sdeval\]: "):
        read_table(tmp_path)


@pytest.mark.parametrize("name", ["Mine", "my target", "my_target", "-mine"])
def test_a_wrong_name_of_a_target_is_refused_by_both(tmp_path: Path, name: str) -> None:
    content = {name: {"model": "org/model"}}
    assert not fits("targets", content)
    assert not fits("project", {"targets": content})
    with pytest.raises(SdevalError, match="target name"):
        of_project(tmp_path, content)


@pytest.mark.parametrize(
    "change", [{"id": "a cat"}, {"id": "-cat"}, {"id": "c" * 101}, {"prompt": " "}, {"strength": 0}, {"strength": 1.5}]
)
def test_a_wrong_value_of_a_case_is_refused_by_both(tmp_path: Path, change: dict[str, Any]) -> None:
    import yaml

    from sdeval import Suite
    from sdeval.imaging.io import write_png
    from tests.conftest import image_with

    write_png(tmp_path / "cat.png", image_with(1))
    case = {**CASE, "image": "cat.png", **change}
    assert fits("cases", [{**CASE, "image": "cat.png", "strength": 0.5}])
    assert not fits("cases", [case])
    (tmp_path / "cases.yaml").write_text(yaml.safe_dump([case]), encoding="utf-8")
    with pytest.raises(SdevalError, match=r"cases\.yaml:1"):
        Suite(name="cats", task="img2img", cases=load_cases(tmp_path / "cases.yaml"))
