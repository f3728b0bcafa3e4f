from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from sdeval.errors import CannotWrite, SdevalError
from sdeval.scaffold.new_files import Report, add_lines, add_table, write_new

TABLE = '[tool.sdeval]\noutput = "reports"\n'
NAMES = ("tool", "sdeval")


def test_files_are_written_with_their_folders(tmp_path: Path) -> None:
    report = Report()
    write_new(tmp_path, {"a/b.txt": "ä", "c.png": b"\x89"}, report)
    assert report.written == [tmp_path / "a/b.txt", tmp_path / "c.png"]
    assert (tmp_path / "a/b.txt").read_text(encoding="utf-8") == "ä"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("mine")
    (tmp_path / "link.txt").symlink_to("nowhere")
    report = Report()
    write_new(tmp_path, {"a.txt": "new", "link.txt": "new"}, report)
    assert (tmp_path / "a.txt").read_text() == "mine"
    assert (tmp_path / "link.txt").is_symlink()
    assert set(report.left) == {tmp_path / "a.txt", tmp_path / "link.txt"}


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "suites").write_text("mine")
    with pytest.raises(CannotWrite, match="suites/a"):
        write_new(tmp_path, {"suites/a": "new"}, Report())


@pytest.mark.parametrize("before", ["", "*.pyc", "*.pyc\n", "*.pyc\r\n*.log\r\n"])
def test_lines_are_added_once(tmp_path: Path, before: str) -> None:
    path = tmp_path / ".gitignore"
    if before:
        path.write_bytes(before.encode())
    for _ in range(2):
        report = Report()
        add_lines(path, ["/reports/"], report)
    content = path.read_bytes().decode()
    assert content.startswith(before)
    assert content.splitlines() == [*before.splitlines(), "/reports/"]
    assert ("\r\n" in content) == ("\r\n" in before)
    assert report.left == {path: "has /reports/ already"}


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("a\n")
    (tmp_path / "link").symlink_to("real")
    add_lines(tmp_path / "link", ["b"], Report())
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "a\nb\n"


@pytest.mark.parametrize("before", ["", "# mine", "[project]\nname = 'x'\n", "[tool.ruff]\nline-length = 100\n"])
def test_a_table_is_added_at_the_end(tmp_path: Path, before: str) -> None:
    path = tmp_path / "pyproject.toml"
    if before:
        path.write_text(before)
    report = Report()
    add_table(path, NAMES, TABLE, report)
    assert path.read_text().startswith(before)
    assert tomllib.loads(path.read_text())["tool"]["sdeval"] == {"output": "reports"}
    assert (report.extended if before else report.written) == [path]


@pytest.mark.parametrize("before", ["[tool.sdeval]\nstrict = true\n", "[tool.sdeval.targets.a]\nmodel = 'b/c'\n"])
def test_a_table_that_is_there_stays_as_it_is(tmp_path: Path, before: str) -> None:
    path, report = tmp_path / "pyproject.toml", Report()
    path.write_text(before)
    add_table(path, NAMES, TABLE, report)
    assert path.read_text() == before
    assert report.left == {path: "has [tool.sdeval] already"}


def test_a_file_that_can_take_no_table_is_left_with_advice(tmp_path: Path) -> None:
    path, report = tmp_path / "pyproject.toml", Report()
    path.write_text("tool = { ruff = { line-length = 100 } }\n")
    add_table(path, NAMES, TABLE, report)
    assert path.read_text() == "tool = { ruff = { line-length = 100 } }\n"
    assert "add it yourself: [tool.sdeval] output" in report.left[path]


def test_what_is_no_toml_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool")
    with pytest.raises(SdevalError, match=r"pyproject\.toml: is not TOML: "):
        add_table(tmp_path / "pyproject.toml", NAMES, TABLE, Report())
