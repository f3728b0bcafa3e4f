"""What brings a corrupt baseline back, in the situation that git has left it in."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterable
from pathlib import Path

POINTER = b"version https://git-lfs.github.com/spec/"
"""How the file begins that Git LFS leaves in place of one that it has not fetched."""
MARKERS = (b"<<<<<<< ", b">>>>>>> ")
"""How lines begin that a merge leaves around what two sides changed."""
OTHER_SIDES = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD")
"""What git calls the commit whose changes did not fit, by what it was doing."""
SECONDS = 10.0
"""After which git is not waited for."""


def remedy(path: Path, otherwise: str) -> str:
    """What to do about a corrupt file or folder of the baselines.

    Args:
        path: of the file or folder.
        otherwise: what helps in any case, such as accepting a run again.
    """
    return f"{_by_git(path)}, or {otherwise}"


def _by_git(path: Path) -> str:
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    if any(_begins_with(file, POINTER) for file in files):
        return "Git LFS has left pointers in place of files; fetch them with: git lfs pull"
    if _git(path, "rev-parse", "--git-dir") is None:
        # No repository here, or no git: the folder may come from one all the same.
        return f"restore it with: git checkout -- {_quoted(path)}"
    if _git(path, "ls-files", "--unmerged", "--", str(path.resolve())):
        return _resolved(path)
    if not _git(path, "ls-files", "--", str(path.resolve())):
        return "git does not know it: copy it from where it is whole"
    if _git(path, "diff", "--quiet", "--", str(path.resolve())) is None:
        return f"restore it with: git checkout -- {_quoted(path)}{_needs_network(path)}"
    if _git(path, "diff", "--quiet", "HEAD", "--", str(path.resolve())) is None:
        return f"restore it with: {_restore('HEAD', path)}{_needs_network(path)}"
    marked = "with the marks of a merge conflict" if _is_marked(files) else "as it is"
    log = f"git log -- {_quoted(path)}"
    return f"it was committed {marked}; find a commit with: {log}; take it with: {_restore('COMMIT', path)}"


def _resolved(path: Path) -> str:
    """Advice in the middle of a merge, in which `git checkout -- PATH` refuses to do anything."""
    other = next((name for name in OTHER_SIDES if _git(path, "rev-parse", "--verify", name) is not None), None)
    choices = [_restore(name, path) for name in ("HEAD", other) if name]
    return f"git has left a merge conflict in it; take one side of it whole with: {', or: '.join(choices)}"


def _restore(commit: str, path: Path) -> str:
    return f"git restore --source={commit} --staged --worktree -- {_quoted(path)}"


def _quoted(path: Path) -> str:
    """A path as a shell reads it."""
    return shlex.quote(str(path))


def _needs_network(path: Path) -> str:
    """Files of a partial clone may have to be fetched first."""
    filters = _git(path, "config", "--get-regexp", r"^remote\..*\.promisor$")
    return " (in this partial clone it may need the network)" if filters else ""


def is_left_out(folder: Path) -> bool:
    """Whether a sparse checkout leaves out a folder that git has."""
    listed = _git(folder, "ls-files", "-t", "--", str(folder.resolve())) or ""
    return any(line.startswith("S ") for line in listed.splitlines())


def _is_marked(files: Iterable[Path]) -> bool:
    return any(line.startswith(MARKERS) for file in files for line in _content(file).splitlines())


def _begins_with(file: Path, beginning: bytes) -> bool:
    try:
        with file.open("rb") as stream:
            return stream.read(len(beginning)) == beginning
    except OSError:
        return False


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


def _git(path: Path, *arguments: str) -> str | None:
    """What git prints; None where it fails, or there is none."""
    folder = next((parent for parent in (path, *path.parents) if parent.is_dir()), Path())
    try:
        process = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, errors="replace", timeout=SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return process.stdout if process.returncode == 0 else None
