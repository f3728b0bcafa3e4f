"""Builds wheel and sdist, and shows that they can be published: exits with 1 where something is wrong.

    python -m tools.check_release                                # build twice, compare, check
    python -m tools.check_release --output dist --tag v0.2.0     # the same for a tag, and keep the files
    python -m tools.check_release --python python3.11 --python python3.13    # and begin with the wheel in each Python

Built twice from the tracked files, in two folders, with other times and rights of files, both must be the same to the
last byte. twine and check-wheel-contents check them. `--python` installs the wheel into a new environment, and takes
the steps of `tools.newcomer` outside the repository.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from tools.newcomer import StepFailed, begin, report

ROOT = Path(__file__).parent.parent


class ReleaseError(Exception):
    """Something that must not be published."""


def stated_versions(root: Path) -> dict[str, str]:
    """The version by each file that states it."""
    content = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    changelog = re.search(r"^## (?!Unreleased)(\S+)", (root / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    citation = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    return {
        "pyproject.toml": content["project"]["version"],
        "CHANGELOG.md": changelog[1] if changelog else "none",
        "CITATION.cff": str(citation["version"]),
    }


def check_versions(versions: dict[str, str], tag: str | None) -> str:
    """The one version of all files and of the tag."""
    by_source = versions | ({"the tag": tag.removeprefix("v")} if tag else {})
    if len(set(by_source.values())) > 1:
        raise ReleaseError("versions differ: " + ", ".join(f"{source} {text}" for source, text in by_source.items()))
    return versions["pyproject.toml"]


def git(*arguments: str) -> str:
    """What git prints."""
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def copy_tracked_files(folder: Path, *, private: bool) -> None:
    """As somebody else has them checked out: at another place and time, and maybe readable for the owner alone."""
    for name in git("ls-files", "-z").split("\0"):
        source, target = ROOT / name, folder / name
        if name and source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            executable = os.access(source, os.X_OK)
            target.chmod((0o700 if executable else 0o600) if private else (0o755 if executable else 0o644))


def build(folder: Path, output: Path) -> None:
    """An sdist of the folder, and a wheel of that sdist."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": git("log", "-1", "--format=%ct").strip()}
    command = [sys.executable, "-m", "build", "--outdir", str(output), str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"cannot be built:\n{done.stdout}\n{done.stderr}")


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of each file by its name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def build_twice(place: Path) -> Path:
    """The folder of what was built; raises ReleaseError where it depends on when and where it is built."""
    outputs = []
    for name, private in (("first", False), ("another-name", True)):
        copy_tracked_files(place / name, private=private)
        outputs.append(place / f"{name}-dist")
        build(place / name, outputs[-1])
    first, second = map(digests, outputs)
    differing = sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))
    if differing:
        raise ReleaseError(f"not reproducible: {', '.join(differing)}")
    return outputs[0]


def check_files(folder: Path) -> None:
    """What an index, and whoever installs it, needs of them."""
    files = [str(path) for path in sorted(folder.iterdir())]
    wheels = [file for file in files if file.endswith(".whl")]
    twine = [sys.executable, "-m", "twine", "check", "--strict", *files]
    contents = [sys.executable, "-m", "check_wheel_contents", *wheels]
    for command in (twine, contents):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ReleaseError(f"{command[2]}:\n{done.stdout}\n{done.stderr}")


def checks(place: Path, arguments: argparse.Namespace) -> Iterator[str]:
    """A line for each thing that is right; raises an error for the first that is not."""
    version = check_versions(stated_versions(ROOT), arguments.tag)
    yield f"version {version} everywhere"
    folder = build_twice(place)
    for name, digest in digests(folder).items():
        size = (folder / name).stat().st_size / 1e6
        yield f"reproducible: {name}, {size:.1f} MB, sha256 {digest}"
    check_files(folder)
    yield "twine check --strict and check-wheel-contents pass"
    if arguments.output:
        shutil.copytree(folder, arguments.output, dirs_exist_ok=True)
        yield f"written to {arguments.output}"
    for python in arguments.python:
        minutes = report(begin(next(folder.glob("*.whl")), python)) / 60
        yield f"{python}: installed and used outside the repository in {minutes:.1f} minutes"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what is right, and what is not."""
    parser = argparse.ArgumentParser(prog="python -m tools.check_release", description="Can this be published?")
    parser.add_argument("--tag", help="the tag of the release, such as v0.2.0: versions must agree with it")
    parser.add_argument("--output", type=Path, metavar="DIR", help="keep wheel and sdist there")
    parser.add_argument("--python", action="append", default=[], help="install and use the wheel there; repeatable")
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="release-") as place:
        try:
            for line in checks(Path(place), args):
                print(line, flush=True)
        except (ReleaseError, StepFailed) as error:
            print(error)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
