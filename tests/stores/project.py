"""A project with large images and a store on S3, in the current folder."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from sdeval.results.run import Run
from tests.baselines.test_store import on_disk
from tests.conftest import hash_with, make_run
from tests.stores.s3 import URL

SCORES = np.array([[30.0, 31.0], [29.0, 28.0]])
SUITES = ("animals", "zoo")
SIZE = 192


class Shared:
    """A folder in the place of a bucket of S3."""

    @property
    def place(self) -> str:
        """What messages call the store."""
        return str(Path.cwd() / "shared" / "store")

    def stored(self) -> dict[str, bytes]:
        """All that is in it, by name."""
        files = (path for path in Path("shared").rglob("*") if path.is_file())
        return {path.relative_to("shared").as_posix(): path.read_bytes() for path in files}

    def put(self, key: str, content: bytes) -> None:
        """Write a file of it without sdeval."""
        Path("shared", key).write_bytes(content)

    def remove(self, *keys: str) -> None:
        """Delete files of it without sdeval."""
        for key in keys:
            Path("shared", key).unlink()


def large(run: Run) -> Run:
    """The run with images that baselines keep as thumbnails, another one for every score."""
    samples = (
        replace(sample, sha256=hash_with(float(sample.scores["clip_score"] or 0), size=SIZE)) for sample in run.samples
    )
    return replace(run, samples=tuple(samples))


def session(name: str, shift: float = 0.0, suites: Sequence[str] = SUITES) -> Path:
    """A session with a run of each suite; all suites have the same images."""
    for suite in suites:
        run = replace(large(make_run(SCORES + shift)), suite=suite)
        on_disk(run, Path("reports") / name / suite / "tiny")
    return Path("reports") / name


def digests(shift: float = 0.0) -> set[str]:
    """Hashes of the images of a session."""
    return {hash_with(float(value), size=SIZE) for value in (SCORES + shift).ravel()}


def keys(shift: float = 0.0) -> set[str]:
    """Where these images lie in the bucket."""
    return {f"store/{sha256[:2]}/{sha256}.png" for sha256 in digests(shift)}


def configure(url: str = URL) -> None:
    """Name a store in pyproject.toml; none where empty."""
    store = f'store = "{url}"\n' if url else ""
    Path("pyproject.toml").write_text(f'[tool.sdeval]\n{store}cache = "cache"\n')


def git(*arguments: str) -> str:
    """Run git in the current folder."""
    identity = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false")
    return subprocess.run(["git", *identity, *arguments], check=True, capture_output=True, text=True).stdout


def commit(message: str) -> None:
    """Commit all that git does not ignore."""
    git("add", "-A")
    git("commit", "-qm", message)
