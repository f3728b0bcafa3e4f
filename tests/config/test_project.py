"""One root of a project for pytest and for commands (field case F05)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sdeval.cli import main
from sdeval.config.project import RECORD, Folders, record, recorded
from sdeval.config.root import find_root
from sdeval.errors import SdevalError
from tests.baselines.test_store import on_disk
from tests.conftest import make_run


@pytest.fixture
def monorepo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two packages; the current folder."""
    for package in ("a", "b"):
        (tmp_path / "svc" / package / "suites").mkdir(parents=True)
        (tmp_path / "svc" / package / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_root_is_the_nearest_folder_with_a_pyproject_above_what_is_given(monorepo: Path) -> None:
    package = monorepo / "svc" / "a"
    assert find_root([Path("svc/a/suites")], monorepo) == package
    assert find_root([], package / "suites") == package


def test_what_is_given_of_two_packages_has_the_root_above_both(monorepo: Path) -> None:
    (monorepo / "pyproject.toml").touch()
    assert find_root([Path("svc/a/suites"), Path("svc/b/suites")], monorepo) == monorepo


@pytest.mark.parametrize("name", ["pytest.ini", "tox.ini", "setup.cfg"])
def test_settings_of_pytest_alone_do_not_move_the_root_of_a_package(monorepo: Path, name: str) -> None:
    (monorepo / name).touch()
    assert find_root([Path("svc/a/suites")], monorepo) == monorepo / "svc" / "a"
    (monorepo / "svc" / "a" / "pyproject.toml").unlink()
    assert find_root([Path("svc/a/suites")], monorepo) == monorepo


def test_without_any_settings_the_root_is_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "suites").mkdir()
    assert find_root([Path("suites"), Path("gone")], tmp_path) == tmp_path


@pytest.fixture
def session(monorepo: Path) -> Path:
    """A session of a package, recorded."""
    package = monorepo / "svc" / "a"
    folder = package / "reports" / "one"
    on_disk(make_run(np.array([[30.0, 31.0]])), folder / "animals" / "tiny")
    record(folder, Folders(root=package, baselines=package / "qa"))
    (folder.parent / "latest").symlink_to("one")
    return folder


@pytest.mark.parametrize("path", ["one", "latest", "one/animals/tiny"])
def test_f05_accept_writes_to_the_baselines_that_the_session_was_compared_with(session: Path, path: str) -> None:
    assert main(["accept", f"svc/a/reports/{path}"]) == 0
    assert Path("svc/a/qa/animals/tiny/run.json").is_file()
    assert not Path("baselines").exists()


def test_f05_accept_without_a_session_takes_the_latest_of_its_project(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("svc/a/suites")
    assert main(["accept"]) == 0
    assert (session.parent.parent / "qa" / "animals" / "tiny" / "run.json").is_file()


def test_the_baselines_that_are_named_count_most(session: Path) -> None:
    assert main(["accept", "svc/a/reports/one", "--baselines", "elsewhere"]) == 0
    assert Path("elsewhere/animals/tiny/run.json").is_file()


def test_a_session_that_was_moved_out_of_its_project_does_not_say_where_that_is(session: Path, tmp_path: Path) -> None:
    moved = session.rename(tmp_path / "downloaded")
    assert recorded(session.parent / "gone") is None
    assert recorded(moved) is None


def test_a_record_that_is_damaged_is_named(session: Path) -> None:
    (session / RECORD).write_text('{"schema": 1, "root": 7, "baselines": "x"}')
    with pytest.raises(SdevalError, match=r"project\.json: is corrupt: root: must be text, got 7"):
        recorded(session)
