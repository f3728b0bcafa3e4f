"""The command of a session without its secrets, its commit and its CI run."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdeval._utils.invocation import HIDDEN, ci_run, git_commit, masked, masked_command

SECRET = "s3cr3tvalue12345"


@pytest.mark.parametrize(
    "words",
    [
        ["--hub-token", SECRET],
        [f"--hub-token={SECRET}"],
        ["--sdeval-set", f"api_key={SECRET}"],
        [f"--sdeval-set=apikey={SECRET}"],
        [f"--password={SECRET}"],
        ["--s3-secret-access-key", SECRET],
        [f"https://user:{SECRET}@host/path"],
        [f"--store=s3://{SECRET}@bucket"],
        [f"https://host/?X-Amz-Signature={SECRET}&size=3"],
        [f"hf_{SECRET}"],
        [f"--header=Authorization: Bearer {SECRET}"],
        [f"AUTH={SECRET}"],
    ],
)
def test_secrets_are_left_out_of_a_command(words: list[str]) -> None:
    command = masked_command(["pytest", *words, "-k", "cat"])
    assert SECRET not in command
    assert HIDDEN in command
    assert shlex.split(command)[-2:] == ["-k", "cat"]


@pytest.mark.parametrize(
    "words",
    [
        ["suites/test_shapes.py", "-k", "clip_score and not key"],
        ["--sdeval-set", "guidance_scale=1", "--sdeval-set", "tokenizer=fast", "--sdeval-set", "max_tokens=77"],
        ["--sdeval-target", "python:model.py:monkey", "--sdeval-output=/tmp/a b"],
        ["https://host/path?size=3"],
    ],
)
def test_everything_else_stays_as_it_was_typed(words: list[str]) -> None:
    assert shlex.split(masked_command(words)) == words


@given(st.text())
def test_any_text_can_be_masked_again(text: str) -> None:
    assert masked(masked(text)) == masked(text)


GITHUB = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "a/b", "GITHUB_RUN_ID": "7"}


@pytest.mark.parametrize(
    ("environment", "address"),
    [
        ({}, ""),
        (GITHUB, "https://github.com/a/b/actions/runs/7"),
        ({"GITHUB_RUN_ID": "7"}, ""),
        ({"CI_PIPELINE_URL": "https://lab/p/1", "CI_JOB_URL": "https://lab/j/2"}, "https://lab/j/2"),
        ({"CI_PIPELINE_URL": "https://lab/p/1"}, "https://lab/p/1"),
        ({"BUILDKITE_BUILD_URL": "https://buildkite.com/a/1"}, "https://buildkite.com/a/1"),
        ({"JENKINS_URL": "https://ci/", "BUILD_URL": "https://ci/job/3"}, "https://ci/job/3"),
        ({"BUILD_URL": "https://ci/job/3"}, ""),
        ({"CI_JOB_URL": "javascript:alert(1)"}, ""),
        ({"CI_JOB_URL": "https://user:pw@lab/j/2"}, "https://***@lab/j/2"),
    ],
)
def test_a_ci_run_is_found_by_its_address(environment: dict[str, str], address: str) -> None:
    assert ci_run(environment) == address


def test_a_commit_is_told_with_what_was_not_committed(tmp_path: Path) -> None:
    assert git_commit(tmp_path) == ("", False)

    def git(*arguments: str) -> None:
        names = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *names, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init")
    (tmp_path / "a").write_text("1", encoding="utf-8")
    git("add", "a")
    git("commit", "-m", "first")
    (tmp_path / "new").write_text("not tracked", encoding="utf-8")
    commit, uncommitted = git_commit(tmp_path)
    assert len(commit) == 40
    assert not uncommitted
    (tmp_path / "a").write_text("2", encoding="utf-8")
    assert git_commit(tmp_path) == (commit, True)
