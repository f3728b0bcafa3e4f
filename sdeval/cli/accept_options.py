"""What `sdeval accept` is asked for: which runs, which parts of them, and why."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sdeval._utils.files import nothing_in, resolved
from sdeval.baselines.acceptance import Part, parts_by_name, parts_by_words, read_approvals
from sdeval.errors import SdevalError, escaped
from sdeval.results import run_folder
from sdeval.results.session_folder import run_folders

if TYPE_CHECKING:
    from sdeval.baselines.acceptance import Part
    from sdeval.results.run import Run

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Selection:
    """Parts of runs, and why they are accepted."""

    parts: list[tuple[Path, list[Part]]]
    reason: str


def selection_of(args: argparse.Namespace) -> Selection:
    """The selection made on the command line or in an `approvals.json`.

    Raises:
        SdevalError: there is no run, or no run holds what was selected.
    """
    if args.reason is not None and escaped(args.reason) != args.reason:
        raise SdevalError(f"--reason: must be text without control characters, got {args.reason!r}")
    if args.folder is not None and (args.folder.suffix == ".json" or args.folder.is_file()):
        return _selection_from_approvals(args, args.folder)
    if args.session:
        raise SdevalError("--from: is for an approvals.json; name the session by itself: sdeval accept SESSION")
    return Selection(_parts_of_runs(args), args.reason or "")


def _parts_of_runs(args: argparse.Namespace) -> list[tuple[Path, list[Part]]]:
    folders = _folders(args.folder or args.output / "latest")
    if not args.words and not args.metrics:
        return [(folder, [Part()]) for folder in folders]
    runs = _read(folders)
    parts = parts_by_words({key: run for key, (run, _) in runs.items()}, args.words, args.metrics)
    return [(runs[key][1], [part]) for key, part in parts.items()]


def _selection_from_approvals(args: argparse.Namespace, path: Path) -> Selection:
    if args.words or args.metrics:
        raise SdevalError(f"{path}: says itself what is accepted; leave out -k and --metric")
    approvals = read_approvals(path)
    runs = _read(_folders(args.session or _session_of(path, approvals.session, args.output)))
    parts = parts_by_name(approvals, {key: run for key, (run, _) in runs.items()}, path)
    reason = approvals.reason if args.reason is None else args.reason
    return Selection([(runs[key][1], run_parts) for key, run_parts in parts.items()], reason)


def _session_of(path: Path, name: str, output: Path) -> Path:
    """The session that a file was made for: in the output folder, in the folder of the file, or that folder itself."""
    places = (output / name, path.parent / name, path.parent)
    session = next((place for place in places if resolved(place).name == name and place.is_dir()), None)
    if session is None:
        raise SdevalError(f"{path}: session: {name} is neither in {output} nor beside the file; say where: --from DIR")
    return session


def _folders(session: Path) -> list[Path]:
    folders = run_folders(session)
    if not folders:
        raise SdevalError(f"{nothing_in(session, 'run', 'run.json')}; `pytest suites` makes a session")
    return folders


def _read(folders: list[Path]) -> dict[Key, tuple[Run, Path]]:
    """Runs and their folders, by suite and target."""
    runs: dict[Key, tuple[Run, Path]] = {}
    for folder in folders:
        run = run_folder.read(folder)
        key = (run.suite, run.target)
        if key in runs:
            raise SdevalError(f"{folder}: is a run of {run.suite} on {run.target}, as {runs[key][1]} is; name one")
        runs[key] = (run, folder)
    return runs
