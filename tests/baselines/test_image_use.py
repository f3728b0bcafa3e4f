"""Which images baselines name, in the working tree and in git."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdeval import SdevalError
from sdeval.baselines.image_use import images_in_git, images_of
from sdeval.cli import main
from tests.stores.project import commit, configure, digests, git, session

BASELINES = Path("baselines")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose first commit accepts session `one`, and whose second accepts `two`; no remote store."""
    monkeypatch.chdir(tmp_path)
    configure("")
    git("init", "-q", "-b", "main")
    Path(".gitignore").write_text("reports\n")
    for name, shift in (("one", 0.0), ("two", 0.5)):
        session(name, shift)
        assert main(["accept", f"reports/{name}"]) == 0
        commit(name)
        git("tag", name)
    return tmp_path


def test_images_of_the_working_tree_are_named_by_suite_target_and_sample(project: Path) -> None:
    images = images_of(BASELINES)
    assert {(image.suite, image.target) for image in images} == {("animals", "tiny"), ("zoo", "tiny")}
    assert {image.sample for image in images} == {"case-0@0", "case-0@1", "case-1@0", "case-1@1"}
    assert {image.sha256 for image in images} == digests(0.5)


def test_suites_and_targets_are_selected(project: Path) -> None:
    assert {image.suite for image in images_of(BASELINES, ["zoo"])} == {"zoo"}
    assert len(images_of(BASELINES, ["zoo"], ["tiny"])) == 4
    with pytest.raises(SdevalError, match=r"^baselines: unknown suite 'zo'; did you mean zoo\? Known: animals, zoo$"):
        images_of(BASELINES, ["zo"])
    with pytest.raises(SdevalError, match=r"^baselines: unknown target 'tin'"):
        images_of(BASELINES, [], ["tin"])


def test_the_folder_of_images_is_no_suite(project: Path) -> None:
    assert (BASELINES / ".images").is_dir()
    (BASELINES / ".images" / "aa").mkdir(exist_ok=True)
    (BASELINES / ".images" / "aa" / "run.json").write_text("{}")
    assert len(images_of(BASELINES)) == 8


def test_all_branches_and_tags_count(project: Path) -> None:
    assert images_in_git(BASELINES).digests == digests() | digests(0.5)
    git("tag", "-d", "one", "two")
    assert images_in_git(BASELINES).digests == digests(0.5)
    git("branch", "release", "HEAD~1")
    assert images_in_git(BASELINES).digests == digests() | digests(0.5)


def test_refs_that_are_given_count_alone(project: Path) -> None:
    assert images_in_git(BASELINES, ["one"]).digests == digests()
    assert images_in_git(BASELINES, ["one", "main"]).digests == digests() | digests(0.5)
    with pytest.raises(SdevalError, match=r"^--ref nowhere: git knows no such branch, tag or commit$"):
        images_in_git(BASELINES, ["nowhere"])


def test_the_history_counts_where_it_is_asked_for(project: Path) -> None:
    assert images_in_git(BASELINES, ["main"]).digests == digests(0.5)
    assert images_in_git(BASELINES, ["main"], history=True).digests == digests() | digests(0.5)


def test_what_a_merge_took_back_is_in_the_history(project: Path) -> None:
    git("checkout", "-q", "-b", "side")
    session("three", 0.25)
    assert main(["accept", "reports/three"]) == 0
    commit("three")
    git("checkout", "-q", "main")
    git("merge", "-q", "--no-ff", "-s", "ours", "-m", "ours", "side")
    assert images_in_git(BASELINES, ["main"]).digests == digests(0.5)
    assert digests(0.25) <= images_in_git(BASELINES, ["main"], history=True).digests


def test_baselines_that_lie_elsewhere_in_another_branch_count(project: Path) -> None:
    git("checkout", "-q", "-b", "moved")
    git("mv", "baselines/animals", "accepted")
    commit("moved")
    git("checkout", "-q", "main")
    assert images_in_git(BASELINES, ["moved"]).digests == digests(0.5)


def test_branches_of_a_remote_count(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git("branch", "release", "one")
    git("tag", "-d", "one", "two")
    git("clone", "-q", ".", f"{tmp_path}-clone")
    monkeypatch.chdir(f"{tmp_path}-clone")
    assert images_in_git(BASELINES).digests == digests() | digests(0.5)


def test_what_is_not_in_a_repository_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(
        SdevalError, match=r"lies in no git repository, so nobody knows which images are used: git rev-p"
    ):
        images_in_git(tmp_path / "baselines")


def test_a_shallow_clone_is_refused(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git("clone", "-q", "--depth", "1", f"file://{tmp_path}", f"{tmp_path}-shallow")
    monkeypatch.chdir(f"{tmp_path}-shallow")
    with pytest.raises(SdevalError, match=r"the clone is shallow; complete it first: git fetch --unshallow --tags$"):
        images_in_git(BASELINES)


def test_a_clone_of_one_branch_is_refused(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git("clone", "-q", "--single-branch", ".", f"{tmp_path}-single")
    monkeypatch.chdir(f"{tmp_path}-single")
    with pytest.raises(SdevalError, match=r"the clone has only some of the branches; fetch all first: git remote set-"):
        images_in_git(BASELINES)


@pytest.mark.parametrize("content", ["version https://git-lfs.github.com/spec/v1\n", "{}\n", "[]\n", "{", "\0\n"])
def test_a_file_in_git_that_cannot_be_read_is_refused(project: Path, content: str) -> None:
    (BASELINES / "animals" / "tiny" / "samples.jsonl").write_text(content)
    commit("broken")
    with pytest.raises(SdevalError, match=r"^a samples.jsonl in git is corrupt .*, so nothing is deleted; fetch it"):
        images_in_git(BASELINES)
    assert images_in_git(BASELINES, ["one"]).digests == digests()


def test_a_repository_without_a_commit_names_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    git("init", "-q")
    assert images_in_git(BASELINES).digests == set()
