"""Which images baselines name: those of the working tree, and those that git has in its branches, tags and history."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sdeval._utils.files import parse_json
from sdeval.baselines import store as baselines
from sdeval.errors import SdevalError, one_line, plural, unknown

SAMPLES = "samples.jsonl"
REFS = ("refs/heads", "refs/tags", "refs/remotes")
"""Besides HEAD: what counts unless refs are given."""
GIT_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class NamedImage:
    """A full-size image that a baseline names."""

    suite: str
    target: str
    sample: str
    """Case and seed: `cat@0`."""
    sha256: str


def images_of(folder: Path, suites: Collection[str] = (), targets: Collection[str] = ()) -> list[NamedImage]:
    """The full-size images that the accepted baselines name, but for those that lie in git themselves.

    Args:
        folder: of all baselines.
        suites: names; all where empty.
        targets: names; all where empty.

    Raises:
        SdevalError: a baseline is corrupt, or there is none of a name.
    """
    keys = sorted((path.parent.parent.name, path.parent.name) for path in folder.glob("[a-z0-9]*/[a-z0-9]*/run.json"))
    for what, names, known in (
        ("suite", suites, {key[0] for key in keys}),
        ("target", targets, {key[1] for key in keys}),
    ):
        for name in set(names) - known:
            raise SdevalError(f"{folder}: {unknown(what, name, known)}")
    images = []
    for suite, target in keys:
        if (not suites or suite in suites) and (not targets or target in targets):
            run = baselines.find(folder, suite, target)
            samples = run.samples if run else ()
            labels = [(f"{sample.case}@{sample.seed}", sample.sha256) for sample in samples if sample.is_thumbnail]
            images += [NamedImage(suite, target, label, sha256) for label, sha256 in labels]
    return images


@dataclass(frozen=True, slots=True)
class GitUse:
    """Images that git's baselines name."""

    digests: frozenset[str]
    place: str
    """Where they were looked for, in words."""


def images_in_git(folder: Path, refs: Sequence[str] = (), *, history: bool = False) -> GitUse:
    """Images that baselines of some commits name, wherever in the tree these baselines lie.

    Args:
        folder: any folder in the repository.
        refs: branches, tags or commits; HEAD and all branches and tags where empty.
        history: also in all commits before these.

    Raises:
        SdevalError: this is no repository, or the clone is not whole, so that it is not known what is used; or a
            baseline in git cannot be read.
    """
    _refuse_incomplete(folder)
    commits = _commits(folder, refs)
    blobs = _blobs_of_history(folder, commits) if history else _blobs(folder, commits)
    digests = {sha256 for text in _contents(folder, sorted(blobs)) for sha256 in digests_of(text, "git")}
    named = ", ".join(refs) if refs else "HEAD, all branches and tags"
    scope = "the history of " if history else ""
    return GitUse(frozenset(digests), f"{scope}{named} ({plural(len(commits), 'commit')})")


def _refuse_incomplete(folder: Path) -> None:
    try:
        shallow = _git(folder, "rev-parse", "--is-shallow-repository")
    except SdevalError as error:
        raise SdevalError(
            f"{folder}: lies in no git repository, so nobody knows which images are used: {error}"
        ) from None
    if shallow.strip() == b"true":
        raise SdevalError(f"{folder}: the clone is shallow; complete it first: git fetch --unshallow --tags")
    settings = _git(folder, "config", "--list", "-z").decode(errors="replace").split("\0")
    fetched = [setting for setting in settings if re.match(r"remote\..*\.fetch\n", setting)]
    if fetched and not any("refs/heads/*:" in setting for setting in fetched):
        advice = "git remote set-branches origin '*' && git fetch --all --tags"
        raise SdevalError(f"{folder}: the clone has only some of the branches; fetch all first: {advice}")


def _commits(folder: Path, refs: Sequence[str]) -> list[str]:
    names = list(refs)
    if not names:
        listed = _git(folder, "for-each-ref", "--format=%(refname)", *REFS).decode().split()
        names = ["HEAD", *listed]
    commits = {}
    for name in names:
        try:
            commits[name] = _git(folder, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").decode().strip()
        except SdevalError:
            # A tag may be of something else than a commit, and HEAD of nothing yet.
            if refs:
                raise SdevalError(f"--ref {name}: git knows no such branch, tag or commit") from None
    return sorted(set(commits.values()))


def _blobs(folder: Path, commits: Iterable[str]) -> set[str]:
    blobs = set()
    for commit in commits:
        for entry in _git(folder, "ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0"):
            facts, _, path = entry.partition(b"\t")
            if path.rpartition(b"/")[2] == SAMPLES.encode():
                blobs.add(facts.split()[2].decode())
    return blobs


def _blobs_of_history(folder: Path, commits: Sequence[str]) -> set[str]:
    # Given a path, git would leave out branches whose changes a merge took back.
    output = _git(folder, "rev-list", "--objects", *commits) if commits else b""
    lines = output.decode(errors="replace").splitlines()
    objects = (line.partition(" ") for line in lines)
    return {name for name, _, path in objects if path.rpartition("/")[2] == SAMPLES}


def _contents(folder: Path, blobs: Sequence[str]) -> Iterable[bytes]:
    """What blobs hold, by one process."""
    output = (
        _git(folder, "cat-file", "--batch", given="".join(f"{blob}\n" for blob in blobs).encode()) if blobs else b""
    )
    position = 0
    for blob in blobs:
        end = output.index(b"\n", position)
        facts = output[position:end].split()
        if len(facts) != 3:
            raise SdevalError(f"{folder}: git lacks the content of {blob}; fetch all of it first: git fetch --refetch")
        size = int(facts[2])
        yield output[end + 1 : end + 1 + size]
        position = end + size + 2


def digests_of(text: bytes, where: str) -> Iterable[str]:
    """Hashes of the images of a file of samples.

    Args:
        text: of the file.
        where: it lies, for messages.

    Raises:
        SdevalError: it cannot be read, so that it is not known what is used.
    """
    for line in text.splitlines():
        try:
            sha256 = parse_json(line)["sha256"]
        except (ValueError, RecursionError, TypeError, KeyError):
            shown = one_line(line[:60].decode(errors="replace"))
            advice = "fetch it with git lfs, or leave its commit out with --ref"
            raise SdevalError(f"a {SAMPLES} in {where} is corrupt ({shown}), so nothing is deleted; {advice}") from None
        if sha256:
            yield str(sha256)


def _git(folder: Path, *arguments: str, given: bytes = b"") -> bytes:
    """What git prints.

    Raises:
        SdevalError: it fails, or there is none; says why.
    """
    place = next((path for path in (folder.absolute(), *folder.absolute().parents) if path.is_dir()), Path())
    command = ["git", "-C", str(place), *arguments]
    try:
        process = subprocess.run(command, input=given, capture_output=True, timeout=GIT_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SdevalError(f"git cannot be run: {error}") from None
    if process.returncode:
        reason = one_line(process.stderr.decode(errors="replace")) or f"exit code {process.returncode}"
        raise SdevalError(f"git {arguments[0]}: {reason}")
    return process.stdout
