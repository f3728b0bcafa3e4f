"""How a program was started: its command without secrets, the commit of the project, and the CI run it is part of."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

HIDDEN = "***"
"""Stands for a value that nobody else should read."""
GIT_SECONDS = 10

_SECRET_NAME = re.compile(
    r"token(?!i|s\b)|secret|passw|credential|authori[sz]ation|signature|api-?_?key|access-?_?key|private-?_?key|(^|[-_.])(key|auth|pwd|pass|sig)$",
    re.I,
)
_SECRET_VALUE = re.compile(
    r"\b(hf_|gh[pousr]_|github_pat_|glpat-|sk-|xox[abeprs]-|AKIA|ASIA|AIza|eyJ)[\w./+=-]{8,}"
    r"|\b(?i:bearer|basic) +[\w./+=-]{8,}"
)
_USER_OF_URL = re.compile(r"(?<=://)[^\s/@?#]*@")
_ASSIGNMENT = re.compile(r"([\w.-]+)=([^&\s]*)")


def masked_command(words: Sequence[str]) -> str:
    """A command as one types it, with `***` for values of options that are named like secrets, or look like one.

    Example:
        >>> masked_command(["pytest", "--hub-token", "abc", "--url=https://me:pw@host/?key=1"])
        "pytest --hub-token '***' '--url=https://***@host/?key=***'"
    """
    follows_secret = [False, *(_is_secret_option(word) for word in words)]
    shown = [HIDDEN if hide else masked(word) for word, hide in zip(words, follows_secret, strict=False)]
    return shlex.join(shown)


def _is_secret_option(word: str) -> bool:
    """Whether the next word is the value of an option that is named like a secret."""
    return word.startswith("--") and "=" not in word and bool(_SECRET_NAME.search(word))


def masked(text: str) -> str:
    """Text with `***` for credentials in addresses, values that are named like secrets, and known kinds of tokens."""
    text = _USER_OF_URL.sub(f"{HIDDEN}@", text)
    text = _ASSIGNMENT.sub(_masked_assignment, text)
    return _SECRET_VALUE.sub(HIDDEN, text)


def _masked_assignment(match: re.Match[str]) -> str:
    name, value = match.groups()
    if not _SECRET_NAME.search(name):
        # `--sdeval-set=hub_token=abc` has a name in its value.
        return f"{name}={_ASSIGNMENT.sub(_masked_assignment, value)}"
    return f"{name}={HIDDEN}"


def git_commit(folder: Path) -> tuple[str, bool]:
    """The commit that a folder is at, and whether tracked files differ from it; no commit outside a repository."""
    commit = _git(folder, "rev-parse", "HEAD").strip()
    return commit, bool(commit and _git(folder, "status", "--porcelain", "--untracked-files=no").strip())


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        process = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=GIT_SECONDS)
    # There is no git, or it hangs: the session is valid without its commit.
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return process.stdout if process.returncode == 0 else ""


def ci_run(environment: Mapping[str, str]) -> str:
    """Address of the run of GitHub Actions, GitLab, Buildkite or Jenkins that this process is part of; else empty."""
    github = [environment.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")]
    addresses = (
        "{}/{}/actions/runs/{}".format(*github) if all(github) else "",
        environment.get("CI_JOB_URL", ""),
        environment.get("CI_PIPELINE_URL", ""),
        environment.get("BUILDKITE_BUILD_URL", ""),
        environment.get("BUILD_URL", "") if environment.get("JENKINS_URL") else "",
    )
    return next((masked(address) for address in addresses if re.fullmatch(r"https?://[!-~]+", address)), "")
