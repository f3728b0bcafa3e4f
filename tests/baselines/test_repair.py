"""Advice on a corrupt baseline in each situation of git, field case F12; the advice is followed."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest

from sdeval import SdevalError
from sdeval.baselines import provenance
from sdeval.baselines.acceptance import accept
from sdeval.baselines.repair import remedy
from sdeval.baselines.store import check_readable, find, stored
from sdeval.results.run import Run
from tests.baselines.test_store import contents, on_disk
from tests.conftest import make_run, with_features

FOLDER = Path("baselines/animals/tiny")
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{:064d}\nsize 12345\n"


def git(command: str, *, fails: bool = False) -> None:
    process = subprocess.run(["git", *shlex.split(command)], capture_output=True, text=True)
    assert (process.returncode != 0) == fails, process.stderr


def scored(score: float) -> Run:
    return with_features(make_run(np.array([[score, 31.0], [29.0, 28.0]])), np.full((4, 3), score), score)


def commit(score: float, message: str) -> None:
    accept(on_disk(scored(score), Path("runs") / message), Path("baselines"))
    git("add baselines")
    git(f"commit -m {message}")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a baseline that was accepted once; it is the current folder."""
    monkeypatch.chdir(tmp_path)
    git("init -b main")
    git("config user.email nobody@example.org")
    git("config user.name Nobody")
    commit(30.0, "first")
    return tmp_path


@pytest.fixture
def conflict(repository: Path) -> Path:
    """In the middle of a merge of two branches that both accepted."""
    git("checkout -b other")
    commit(31.0, "theirs")
    git("checkout main")
    commit(32.0, "ours")
    git("merge other", fails=True)
    return repository


def advice() -> str:
    """What is said about the baseline, which cannot be read."""
    with pytest.raises(SdevalError) as error:
        find(Path("baselines"), "animals", "tiny")
    (line,) = str(error.value).splitlines()
    return line


def follow(line: str, number: int = 0) -> None:
    """Run one of the commands that a line of advice names."""
    commands = [part.split(",")[0].split(" (")[0] for part in line.split("git ")[1:] if not part.startswith("has")]
    git(commands[number])


def score() -> float | None:
    run = find(Path("baselines"), "animals", "tiny")
    assert run is not None
    return run.samples[0].scores["clip_score"]


@pytest.mark.parametrize("name", ["run.json", "samples.jsonl", "features/clip.npy"])
def test_a_file_that_was_cut_is_restored(repository: Path, name: str) -> None:
    before = contents(FOLDER)
    (FOLDER / name).write_bytes((FOLDER / name).read_bytes()[:40])
    line = advice()
    assert line.endswith(f"restore it with: git checkout -- {FOLDER}, or remove that folder and accept a run again")
    follow(line)
    assert contents(FOLDER) == before


def test_an_accepted_json_that_was_cut_is_restored(repository: Path) -> None:
    before = contents(FOLDER)
    path = FOLDER / provenance.NAME
    path.write_text(path.read_text()[:40])
    baseline = stored(Path("baselines"), "animals", "tiny")
    assert baseline is not None
    with pytest.raises(SdevalError, match=r"accepted\.json: is corrupt: .*; restore it with: git checkout") as error:
        check_readable(baseline)
    follow(str(error.value))
    assert contents(FOLDER) == before


def test_a_path_with_blanks_is_quoted(repository: Path) -> None:
    Path("baselines").rename("our baselines")
    git("add --all")
    git("commit -m renamed")
    path = Path("our baselines/animals/tiny/run.json")
    path.write_text("{")
    with pytest.raises(SdevalError) as error:
        find(Path("our baselines"), "animals", "tiny")
    follow(str(error.value))
    assert find(Path("our baselines"), "animals", "tiny") is not None


def test_in_a_partial_clone_the_advice_may_need_the_network(repository: Path) -> None:
    git("config remote.origin.promisor true")
    (FOLDER / "run.json").write_text("{")
    line = advice()
    assert f"git checkout -- {FOLDER} (in this partial clone it may need the network), or remove that folder" in line
    follow(line)
    assert score() == 30.0


def test_damage_that_was_added_to_the_index_is_restored_from_the_commit(repository: Path) -> None:
    (FOLDER / "run.json").write_text("{")
    git("add baselines")
    line = advice()
    assert f"git restore --source=HEAD --staged --worktree -- {FOLDER}" in line
    follow(line)
    assert score() == 30.0


def test_damage_that_was_committed_is_looked_for_in_the_log(repository: Path) -> None:
    (FOLDER / "run.json").write_text("<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> other\n")
    git("commit -am damage")
    line = advice()
    assert "it was committed with the marks of a merge conflict; find a commit with: git log -- " in line
    follow(line.replace("COMMIT", "HEAD~1").replace(";", ","), 1)
    assert score() == 30.0


@pytest.mark.parametrize(("number", "expected"), [(0, 32.0), (1, 31.0)])
def test_in_a_merge_conflict_either_side_can_be_taken_whole(conflict: Path, number: int, expected: float) -> None:
    line = advice()
    assert "git has left a merge conflict in it; take one side of it whole with: git restore --source=HEAD " in line
    git(f"checkout -- {FOLDER}", fails=True)
    follow(line, number)
    assert score() == expected
    assert not subprocess.run(["git", "ls-files", "-u"], capture_output=True).stdout


def test_in_a_rebase_the_other_side_is_that_of_the_rebase(repository: Path) -> None:
    git("checkout -b other")
    commit(31.0, "theirs")
    git("checkout main")
    commit(32.0, "ours")
    git("rebase other", fails=True)
    follow(advice(), 1)
    assert score() == 32.0


@pytest.mark.parametrize("name", ["samples.jsonl", "features/clip.npy", "run.json"])
def test_pointers_of_git_lfs_are_fetched_and_not_checked_out(repository: Path, name: str) -> None:
    (FOLDER / name).write_text(POINTER.format(1))
    git("commit -am pointers")
    line = advice()
    assert "Git LFS has left pointers in place of files; fetch them with: git lfs pull" in line
    assert "git checkout" not in line


def test_a_pointer_in_place_of_an_image_is_named_before_anything_is_generated(repository: Path) -> None:
    (FOLDER / "images/case-0@0.png").write_text(POINTER.format(1))
    baseline = stored(Path("baselines"), "animals", "tiny")
    assert baseline is not None
    with pytest.raises(SdevalError, match=r"case-0@0\.png .*; Git LFS has left pointers in place of files"):
        check_readable(baseline)


def test_a_baseline_that_a_sparse_checkout_leaves_out_is_not_taken_for_none(repository: Path) -> None:
    (repository / "suites").mkdir()
    (repository / "suites" / "test_suite.py").touch()
    git("add suites")
    git("commit -m suites")
    git("sparse-checkout set suites")
    line = advice()
    assert line.endswith(f"a sparse checkout leaves it out; get it with: git sparse-checkout add {FOLDER}")
    follow(line)
    assert score() == 30.0


def test_a_baseline_that_was_removed_is_none(repository: Path) -> None:
    for path in sorted(FOLDER.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    FOLDER.rmdir()
    assert find(Path("baselines"), "animals", "tiny") is None


def test_what_git_does_not_know_is_not_to_be_checked_out(repository: Path) -> None:
    accept(on_disk(scored(30.0), Path("runs/elsewhere")), Path("elsewhere"))
    (Path("elsewhere/animals/tiny") / "run.json").write_text("{")
    with pytest.raises(SdevalError, match="git does not know it: copy it from where it is whole, or remove that fold"):
        find(Path("elsewhere"), "animals", "tiny")


def test_damage_that_cannot_be_read_is_looked_for_in_the_log_as_well(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (FOLDER / "run.json").write_text("{")
    git("commit -am damage")

    def refused(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refused)
    assert "it was committed as it is; find a commit with: git log -- " in remedy(FOLDER, "accept a run again")


def test_names_of_files_that_are_no_text_are_no_crash(repository: Path) -> None:
    git("config core.quotepath false")
    name = os.fsdecode(b"caf\xe9.json")
    (FOLDER / name).write_text("{}")
    git("add --all")
    git("commit -q -m named")
    (FOLDER / "run.json").write_text("{")
    assert f"restore it with: git checkout -- {FOLDER}" in remedy(FOLDER, "accept a run again")
