"""`sdeval store`: what is checked, fetched, pushed and deleted, on a real S3 API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sdeval.cli import main
from sdeval.config.image_store import CACHE
from sdeval.stores import maintenance
from sdeval.stores.images import LOCAL
from tests.stores.project import SUITES, Shared, commit, configure, digests, git, keys, session
from tests.stores.s3 import Fault, Server


@pytest.fixture
def project(s3: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A repository with a store on S3; session `one` is accepted and committed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(CACHE)
    configure()
    git("init", "-q", "-b", "main")
    Path(".gitignore").write_text("reports\ncache\n")
    assert main(["accept", str(session("one"))]) == 0
    commit("one")
    return s3


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shared:
    """The same with a folder as its store."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(CACHE)
    configure("shared/store")
    git("init", "-q", "-b", "main")
    Path(".gitignore").write_text("reports\ncache\nshared\n")
    assert main(["accept", str(session("one"))]) == 0
    commit("one")
    return Shared()


@pytest.fixture
def aged(monkeypatch: pytest.MonkeyPatch) -> None:
    """A month later."""

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return datetime.now(UTC) + timedelta(days=30)

    monkeypatch.setattr(maintenance, "datetime", Later)


def accept_another(shift: float) -> None:
    assert main(["accept", str(session("another", shift))]) == 0


def test_a_store_that_has_all_is_fine(project: Server, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["store", "check"]) == 0
    assert capsys.readouterr().out == "4 of 4 images are there and right: s3://images/store\n"
    assert main(["store", "check", "--fast"]) == 0
    assert capsys.readouterr().out == "4 of 4 images are there: s3://images/store\n"


def test_what_is_missing_or_wrong_is_listed_by_suite_target_and_case(
    project: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    first, second, *_ = sorted(keys())
    project.remove(first)
    project.put(second, b"something else")
    capsys.readouterr()
    assert main(["store", "check", "--suite", "zoo"]) == 1
    output = capsys.readouterr().out
    rows = [line.split() for line in output.splitlines() if "tiny" in line]
    assert sorted((row[0], row[1], row[3]) for row in rows) == [("zoo", "tiny", "missing"), ("zoo", "tiny", "wrong")]
    assert {row[-1] for row in rows} == {Path(first).stem, Path(second).stem}
    assert output.endswith("2 of 4 images are there and right: s3://images/store\n")
    assert main(["store", "check", "--fast"]) == 1
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if "tiny" in line]
    assert {(row[0], row[3]) for row in rows} == {(suite, "missing") for suite in SUITES}


def test_a_store_that_cannot_be_checked_is_one_line(project: Server, capsys: pytest.CaptureFixture[str]) -> None:
    project.faults.append(Fault("status", status=403))
    capsys.readouterr()
    assert main(["store", "check"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    assert "access is denied (403 Forbidden)" in captured.err


def test_after_a_prefetch_nothing_is_asked(project: Server, capsys: pytest.CaptureFixture[str]) -> None:
    project.requests.clear()
    capsys.readouterr()
    assert main(["store", "prefetch"]) == 0
    assert capsys.readouterr().out == "4 of 4 images are on this machine\n"
    assert project.count("GET") == len(project.requests) == 4
    assert {path.stem for path in Path("cache/images").rglob("*.png")} == digests()
    assert main(["store", "prefetch"]) == 0
    assert len(project.requests) == 4


def test_a_prefetch_of_some_lists_what_is_missing(project: Server, capsys: pytest.CaptureFixture[str]) -> None:
    project.remove(*keys())
    assert main(["store", "prefetch", "--suite", "zoo", "--target", "tiny"]) == 1
    assert capsys.readouterr().out.endswith("0 of 4 images are on this machine\n")
    assert main(["store", "prefetch", "--suite", "zo"]) == 2
    assert "unknown suite 'zo'; did you mean zoo?" in capsys.readouterr().err


def test_a_new_store_gets_what_lies_beside_the_baselines(
    s3: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(CACHE)
    configure("")
    assert main(["accept", str(session("one"))]) == 0
    assert main(["store", "push"]) == 2
    configure()
    assert main(["store", "push"]) == 0
    assert set(s3.stored()) == keys()
    assert main(["store", "check"]) == 0


def test_a_push_lists_what_is_nowhere(project: Server, capsys: pytest.CaptureFixture[str]) -> None:
    project.remove(*keys())
    assert main(["store", "push"]) == 1
    assert capsys.readouterr().out.endswith("0 of 4 images are in s3://images/store\n")


def test_gc_names_what_it_would_delete_and_deletes_nothing(
    shared: Shared, aged: None, capsys: pytest.CaptureFixture[str]
) -> None:
    accept_another(0.5)
    commit("another")
    capsys.readouterr()
    assert main(["store", "gc"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"would delete 4 of 8 images (0.0 MB) and 0 drafts of {shared.place}")
    assert lines[1] == "  named by no baseline of HEAD, all branches and tags (1 commit), and older than 14 days"
    assert lines[2] == "nothing is deleted yet; to do so, repeat the command with --delete"
    assert set(shared.stored()) == keys() | keys(0.5)


def test_gc_deletes_what_no_branch_names(project: Server, aged: None) -> None:
    git("branch", "release")
    accept_another(0.5)
    commit("another")
    accept_another(0.25)
    commit("yet another")
    assert main(["store", "gc", "--delete"]) == 0
    assert set(project.stored()) == keys() | keys(0.25)


def test_gc_keeps_the_history_where_it_is_asked_to(shared: Shared, aged: None) -> None:
    accept_another(0.5)
    commit("another")
    assert main(["store", "gc", "--delete", "--history"]) == 0
    assert set(shared.stored()) == keys() | keys(0.5)
    assert main(["store", "gc", "--delete", "--ref", "HEAD"]) == 0
    assert set(shared.stored()) == keys(0.5)


def test_gc_keeps_what_is_accepted_and_not_committed_yet(shared: Shared, aged: None) -> None:
    accept_another(0.5)
    assert main(["store", "gc", "--delete"]) == 0
    assert set(shared.stored()) == keys() | keys(0.5)


def test_gc_keeps_what_is_young(shared: Shared, capsys: pytest.CaptureFixture[str]) -> None:
    accept_another(0.5)
    commit("another")
    capsys.readouterr()
    assert main(["store", "gc", "--delete"]) == 0
    assert "  4 images that no baseline names may belong to an accept that is under way" in capsys.readouterr().out
    assert set(shared.stored()) == keys() | keys(0.5)
    assert main(["store", "gc", "--delete", "--older-than", "0"]) == 0
    assert set(shared.stored()) == keys(0.5)


def test_gc_of_a_shallow_clone_is_refused(
    project: Server, aged: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    accept_another(0.5)
    commit("another")
    git("clone", "-q", "--depth", "1", f"file://{tmp_path}", f"{tmp_path}-shallow")
    monkeypatch.chdir(f"{tmp_path}-shallow")
    assert main(["store", "gc", "--delete"]) == 2
    assert "the clone is shallow; complete it first" in capsys.readouterr().err
    assert set(project.stored()) == keys() | keys(0.5)


def test_gc_outside_of_a_repository_is_refused(
    s3: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(CACHE)
    configure()
    assert main(["store", "gc"]) == 2
    assert "lies in no git repository" in capsys.readouterr().err


def test_gc_that_may_not_delete_is_one_line(project: Server, aged: None, capsys: pytest.CaptureFixture[str]) -> None:
    accept_another(0.5)
    commit("another")
    project.faults.append(Fault("status", "POST", status=403))
    capsys.readouterr()
    assert main(["store", "gc", "--delete"]) == 2
    assert "cannot be deleted: access is denied (403 Forbidden)" in capsys.readouterr().err


def test_gc_cleans_the_folder_beside_the_baselines_as_well(
    shared: Shared, aged: None, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("")
    for shift in (0.5, 0.25):
        accept_another(shift)
        commit(str(shift))
    assert main(["store", "gc", "--delete"]) == 0
    assert {path.stem for path in Path("baselines", LOCAL).rglob("*.png")} == digests(0.25)


def test_the_folder_of_baselines_can_be_named_before_and_behind_an_action(project: Server) -> None:
    Path("baselines").rename("accepted")
    assert main(["store", "check", "--baselines", "accepted", "--suite", "zoo"]) == 0
    assert main(["store", "--baselines", "accepted", "check", "--suite", "zoo"]) == 0


def test_an_image_that_is_old_and_forgotten_is_uploaded_again(project: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another machine may be about to delete it."""
    from sdeval.baselines.acceptance import full_size

    accept_another(0.5)
    project.requests.clear()
    monkeypatch.setattr(full_size, "RELIED_ON", timedelta(0))
    assert main(["accept", "reports/one"]) == 0
    assert project.count("PUT") == 4
    project.requests.clear()
    assert main(["accept", "reports/one"]) == 0
    assert project.count("PUT") == 0
