"""What `sdeval accept` is asked for: which runs, which parts of them, and why."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sdeval.baselines.acceptance import Part, parts_by_name, parts_by_words, read_approvals
from sdeval.errors import SdevalError
from sdeval.results import run_folder
from sdeval.results.session_folder import run_folders

if TYPE_CHECKING:
    from sdeval.baselines.acceptance import Part
    from sdeval.results.run import Run

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Parts of runs, and why they are accepted."""

    parts: list[tuple[Path, list[Part]]]
    reason: str


def wanted(given: argparse.Namespace) -> Wanted:
    """What is to be accepted, by the command line or by an `approvals.json`.

    Raises:
        SdevalError: there is no run, or nothing that is chosen is in one.
    """
    if given.folder is not None and (given.folder.suffix == ".json" or given.folder.is_file()):
        return _approved(given, given.folder)
    if given.session:
        raise SdevalError("--from: is for an approvals.json; name the session by itself: sdeval accept SESSION")
    return Wanted(_request(given), given.reason or "")


def _request(given: argparse.Namespace) -> list[tuple[Path, list[Part]]]:
    folders = _folders(given.folder or given.output / "latest")
    if not given.words and not given.metrics:
        return [(folder, [Part()]) for folder in folders]
    found = _read(folders)
    chosen = parts_by_words({key: run for key, (run, _) in found.items()}, given.words, given.metrics)
    return [(found[key][1], [part]) for key, part in chosen.items()]


def _approved(given: argparse.Namespace, path: Path) -> Wanted:
    if given.words or given.metrics:
        raise SdevalError(f"{path}: says itself what is accepted; leave out -k and --metric")
    approvals = read_approvals(path)
    found = _read(_folders(given.session or _session_of(path, approvals.session, given.output)))
    parts = parts_by_name(approvals, {key: run for key, (run, _) in found.items()}, path)
    reason = approvals.reason if given.reason is None else given.reason
    return Wanted([(found[key][1], mine) for key, mine in parts.items()], reason)


def _session_of(path: Path, name: str, output: Path) -> Path:
    """The session that a file was made for: among the others, beside the file, or around it."""
    places = (output / name, path.parent / name, path.parent)
    found = next((each for each in places if each.resolve().name == name and each.is_dir()), None)
    if found is None:
        raise SdevalError(f"{path}: session: {name} is neither in {output} nor beside the file; say where: --from DIR")
    return found


def _folders(session: Path) -> list[Path]:
    folders = run_folders(session)
    if not folders:
        raise SdevalError(f"{session}: no run in it; `pytest suites` makes one")
    return folders


def _read(folders: list[Path]) -> dict[Key, tuple[Run, Path]]:
    """Runs and their folders, by suite and target."""
    found: dict[Key, tuple[Run, Path]] = {}
    for folder in folders:
        run = run_folder.read(folder)
        key = (run.suite, run.target)
        if key in found:
            raise SdevalError(f"{folder}: is a run of {run.suite} on {run.target}, as {found[key][1]} is; name one")
        found[key] = (run, folder)
    return found
