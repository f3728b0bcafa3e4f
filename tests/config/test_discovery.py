"""Suites found outside pytest: by file, by name in a file, by folder, by their own name."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import pytest

from sdeval import SdevalError
from sdeval.config.discovery import find_suites, project_suites

SUITE = (
    'from sdeval import Case, Suite\ntest_{} = Suite(name="{}", task="text2img", cases=(Case(id="a", prompt="a"),))\n'
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with three suites in two files; the current folder."""
    write(tmp_path / "suites" / "test_zoo.py", SUITE.format("cats", "zoo-cats") + SUITE.format("dogs", "zoo-dogs"))
    write(tmp_path / "suites" / "deep" / "test_sea.py", SUITE.format("fish", "sea-fish"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def names(text: str, root: Path) -> list[str]:
    return [suite.name for suite in find_suites(text, root)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("suites/test_zoo.py", ["zoo-cats", "zoo-dogs"]),
        ("suites/test_zoo.py::test_dogs", ["zoo-dogs"]),
        ("suites", ["sea-fish", "zoo-cats", "zoo-dogs"]),
        ("suites/deep", ["sea-fish"]),
        ("sea-fish", ["sea-fish"]),
    ],
)
def test_suites_are_found_by_file_by_name_in_it_by_folder_and_by_their_own_name(
    root: Path, text: str, expected: list[str]
) -> None:
    assert names(text, root) == expected


def test_a_wrong_suite_is_told_with_its_line(root: Path) -> None:
    write(root / "suites" / "test_bad.py", "\n" + SUITE.format("cats", "Bad Name"))
    with pytest.raises(SdevalError, match=r"suite name 'Bad Name' must be .* \(suites/test_bad\.py:3\)$"):
        names("suites/test_bad.py", root)


def test_a_suites_own_name_is_found_from_any_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root / "suites" / "deep")
    assert names("zoo-cats", root) == ["zoo-cats"]


def test_what_is_no_suite_or_has_another_name_is_left_out(root: Path) -> None:
    text = SUITE.format("cats", "only") + "template = test_cats\ntest_number = 7\ndef test_plain(): pass\n"
    assert names(str(write(root / "test_mixed.py", text)), root) == ["only"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("zoo-cat", "unknown suite 'zoo-cat'; did you mean zoo-cats"),
        ("zoo-cat", "a file such as suites/test_animals.py is allowed too"),
        ("suites/test_zoo.py::test_cat", "suites/test_zoo.py: unknown suite 'test_cat'; did you mean test_cats?"),
        ("suites/test_nowhere.py", "suite: no such file: suites/test_nowhere.py"),
        ("suites::test_cats", "suites is a folder; name a file in it, such as suites/test_animals.py::test_cats"),
    ],
)
def test_what_is_not_there_ends_in_one_line(root: Path, text: str, message: str) -> None:
    assert message in error_of(text, root)


def error_of(text: str, root: Path) -> str:
    with pytest.raises(SdevalError) as error:
        find_suites(text, root)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_module_or_folder_without_a_suite_says_how_one_is_named(root: Path) -> None:
    expected = ": no suites in it; a suite is assigned to a name that begins with test_"
    write(root / "empty" / "test_none.py", "x = 1\n")
    assert error_of("empty/test_none.py", root) == f"empty/test_none.py{expected}"
    assert error_of("empty", root) == f"empty{expected}"


def test_a_name_where_there_are_no_suites_is_named_with_the_folder_that_was_looked_in(tmp_path: Path) -> None:
    assert error_of("zoo-cats", tmp_path).startswith(f"unknown suite 'zoo-cats': {tmp_path / 'suites'}: no suites in")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import no_such_package", "ModuleNotFoundError: No module named 'no_such_package'"),
        ("def", "SyntaxError: invalid syntax (test_odd.py, line 1)"),
        ("raise ValueError('one\\ntwo')", "ValueError: one"),
        ("import pytest; pytest.importorskip('no_such_package')", "Skipped: could not import 'no_such_package'"),
        ("raise SystemExit('enough')", "SystemExit: enough"),
    ],
)
def test_a_module_that_does_not_import_ends_in_one_line(root: Path, text: str, message: str) -> None:
    write(root / "test_odd.py", text)
    assert error_of("test_odd.py", root).startswith(f"test_odd.py: does not import: {message}")


def test_a_wrong_suite_says_what_is_wrong_with_it(root: Path) -> None:
    write(root / "test_odd.py", SUITE.format("cats", "cats").replace("text2img", "text2image"))
    assert error_of("test_odd.py", root).startswith("suite cats: unknown task 'text2image'")


def test_two_suites_of_one_name_are_refused(root: Path) -> None:
    write(root / "suites" / "test_zoo_too.py", SUITE.format("lions", "zoo-cats"))
    expected = "suites/test_zoo_too.py: suite name 'zoo-cats' is taken already by suites/test_zoo.py"
    assert error_of("suites", root) == expected


@pytest.mark.parametrize("text", ["", "import sys; sys.path.clear()\n", "raise ValueError\n"])
def test_the_path_and_the_modules_are_left_as_they_were(root: Path, text: str) -> None:
    write(root / "test_odd.py", SUITE.format("cats", "cats") + text)
    before = list(sys.path), sys.modules.get("test_odd")
    with contextlib.suppress(SdevalError):
        find_suites("test_odd.py", root)
    assert (list(sys.path), sys.modules.get("test_odd")) == before


def test_a_suite_imports_what_lies_beside_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "beside_the_suite", raising=False)
    write(root / "far" / "beside_the_suite.py", "NAME = 'helped'\n")
    text = "from beside_the_suite import NAME\n" + SUITE.format("cats", "cats").replace('"cats"', "NAME")
    assert names(str(write(root / "far" / "test_far.py", text)), root) == ["helped"]


def test_a_suite_in_a_package_imports_relatively(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("outer_package", "outer_package.inner", "outer_package.helper"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    write(root / "outer_package" / "__init__.py", "")
    write(root / "outer_package" / "inner" / "__init__.py", "")
    write(root / "outer_package" / "helper.py", "NAME = 'helped'\n")
    text = "from ..helper import NAME\n" + SUITE.format("cats", "cats").replace('"cats"', "NAME")
    assert names(str(write(root / "outer_package" / "inner" / "test_far.py", text)), root) == ["helped"]


def test_a_suite_may_make_dataclasses(root: Path) -> None:
    text = "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass A:\n    b: int\n"
    assert names(str(write(root / "test_odd.py", text + SUITE.format("cats", "cats"))), root) == ["cats"]


def test_the_suites_of_a_project_are_those_of_its_folder_of_suites(root: Path) -> None:
    write(root / "elsewhere" / "test_far.py", SUITE.format("far", "far"))
    assert sorted(suite.name for suite in project_suites(root)) == ["sea-fish", "zoo-cats", "zoo-dogs"]


def test_a_project_without_that_folder_is_told_how_to_name_a_suite(tmp_path: Path) -> None:
    with pytest.raises(SdevalError, match="no such folder; name the file of a suite: --suite"):
        project_suites(tmp_path)
