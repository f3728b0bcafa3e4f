"""Changes of the baselines folder, made together or not at all, whatever stops them half-way.

    .sdeval/<id>/new/…          what the baselines will be, complete and on disk before anything is replaced
    .sdeval/<id>/commit.json    from now on the change is made: what stops after this is finished by the next start
    .sdeval/<id>/old/…          what the baselines were, until everything is in its place

Before `commit.json` is there, a stopped change is undone by removing its folder; afterwards it is finished by renaming
what is still in `new`.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from sdeval._utils.files import discard, dump_json, flush, flush_tree, write_bytes
from sdeval._utils.holder import Holder
from sdeval._utils.validation import Checked, from_json, preview
from sdeval.baselines.lock import PLACE, locked
from sdeval.errors import SdevalError

COMMIT, NEW, OLD = "commit.json", "new", "old"
WAIT_SECONDS = 60.0
"""How long a change waits for another one to end."""

INSIDE = re.compile(r"[a-z0-9][a-z0-9.-]*/[a-z0-9][a-z0-9.-]*")
"""What a change may replace: `animals/tiny`, `animals/tiny.speed.json`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit(Checked):
    """What `commit.json` holds."""

    schema: Literal[1]
    holder: Holder
    paths: tuple[str, ...]
    """Of the files and folders that are replaced, in the baselines folder."""


class Transaction:
    """A change of the baselines folder; made by `changing`, which holds the lock.

    Args:
        baselines: the folder.
        folder: where the change is prepared; in the baselines folder, unless it is never committed.
    """

    def __init__(self, baselines: Path, folder: Path | None = None) -> None:
        self.baselines = baselines
        self._holder = Holder.this_process()
        self._folder = folder or baselines / PLACE / f"{os.getpid()}-{secrets.token_hex(4)}"
        self._paths: list[str] = []

    def put(self, path: Path, fill: Callable[[Path], None], besides: Collection[str] = ()) -> None:
        """Write what a file or a folder of the baselines will be; nothing is replaced yet.

        Args:
            path: in the baselines folder, such as `animals/tiny`.
            fill: writes it to the path that it is given.
            besides: files of a folder that do not count: where all others are as they were, the folder stays.

        Raises:
            SdevalError: it was put already.
        """
        staged = self._folder / NEW / path
        if path.as_posix() in self._paths:
            raise SdevalError(f"{self.baselines / path}: two runs would become this baseline; accept one of them")
        staged.parent.mkdir(parents=True, exist_ok=True)
        fill(staged)
        if _is_same(staged, self.baselines / path, besides):
            discard(staged)
        else:
            self._paths.append(path.as_posix())

    @property
    def staged(self) -> dict[str, Path]:
        """What was put and differs from what is there: where it lies, by its path in the baselines folder."""
        return {path: self._folder / NEW / path for path in self._paths}

    def commit(self) -> None:
        """Replace everything that was put, and return once it is on disk.

        Raises:
            SdevalError: something cannot be replaced; then everything is as it was.
            OSError: the same.
        """
        if not self._paths:
            return
        for path in self._paths:
            self._require_replaceable(self.baselines / path)
        flush_tree(self._folder)
        for folder in (self._folder.parent, self.baselines):
            flush(folder)
        commit = Commit(schema=1, holder=self._holder, paths=tuple(self._paths))
        try:
            write_bytes(self._folder / COMMIT, dump_json(asdict(commit)).encode(), durable=True)
            _replace_all(self.baselines, self._folder, self._paths)
        except BaseException:
            _restore_all(self.baselines, self._folder, self._paths)
            raise
        _clean(self._folder)

    def _require_replaceable(self, live: Path) -> None:
        for folder in (self.baselines, live.parent):
            if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
                raise SdevalError(f"{folder}: cannot be written to; nothing was accepted")
        if live.parent.exists() and live.parent.stat().st_dev != self._folder.stat().st_dev:
            raise SdevalError(f"{live.parent}: lies on another file system than {self.baselines}; nothing was accepted")

    def undo(self) -> None:
        """Remove what was put and not committed."""
        if not (self._folder / COMMIT).exists():
            _clean(self._folder)


@contextmanager
def changing(baselines: Path) -> Iterator[Transaction]:
    """A change of baselines while nobody else changes them; what is not committed in it is undone.

    Raises:
        SdevalError: somebody else is changing them, or an earlier change that was stopped cannot be finished.
    """
    with locked(baselines, WAIT_SECONDS):
        _recover_all(baselines)
        transaction = Transaction(baselines)
        try:
            yield transaction
        finally:
            transaction.undo()


def check_folder(baselines: Path, *, required: bool = False) -> None:
    """Refuse a place where no baselines can lie, which would read as having none.

    Args:
        baselines: where accepted runs are kept.
        required: whether a folder must be there.

    Raises:
        SdevalError: it is a file, cannot be read, or is not there although it must be.
    """
    try:
        if baselines.is_dir():
            next(baselines.iterdir(), None)
        elif baselines.exists():
            raise SdevalError(f"{baselines}: is a file; baselines must name the folder that accepted runs are kept in")
        elif required:
            raise SdevalError(f"{baselines}: no such folder of baselines; to begin one: mkdir {baselines}")
    except OSError as error:
        raise SdevalError(f"{baselines}: baselines cannot be read: {error.strerror}; see to its permissions") from None


def recover(baselines: Path) -> list[str]:
    """Finish or undo changes that were stopped half-way, and wait for one that is just being made.

    Returns:
        What was done, a line for each change.

    Raises:
        SdevalError: a change cannot be finished, so that no baseline can be relied upon.
    """
    stopped = _changes(baselines)
    if not stopped:
        return []
    is_committed = any((folder / COMMIT).exists() for folder in stopped)
    try:
        # What is not committed changes nothing yet: neither a living process nor a folder without rights matters.
        with locked(baselines, WAIT_SECONDS if is_committed else 0):
            return _recover_all(baselines)
    except (SdevalError, OSError) as error:
        if not any((folder / COMMIT).exists() for folder in stopped):
            return []
        advice = f"see to that, or remove {baselines / PLACE}; then: git status {baselines}"
        raise SdevalError(f"{baselines}: an accept was stopped and cannot be finished: {error}; {advice}") from None


def is_changing(baselines: Path) -> bool:
    """Whether a committed change has not put everything in its place yet."""
    return any((folder / COMMIT).exists() for folder in _changes(baselines))


def _changes(baselines: Path) -> list[Path]:
    """Folders of changes, whoever makes them."""
    try:
        paths = sorted((baselines / PLACE).iterdir())
    except OSError:
        return []
    return [path for path in paths if path.is_dir() and not path.is_symlink()]


def _recover_all(baselines: Path) -> list[str]:
    lines = [_recover(baselines, folder) for folder in _changes(baselines)]
    return [line for line in lines if line]


def _recover(baselines: Path, folder: Path) -> str:
    if (folder / COMMIT).exists():
        commit = _read_commit(folder / COMMIT)
        _replace_all(baselines, folder, commit.paths)
        _clean(folder)
        return f"{baselines}: finished {commit.holder}, which had been stopped: accepted {', '.join(commit.paths)}"
    unfinished = (folder / NEW).exists()
    _clean(folder)
    return f"{baselines}: undid an accept that had been stopped; every baseline is as it was" if unfinished else ""


def _read_commit(path: Path) -> Commit:
    commit = from_json(Commit, path.read_bytes(), f"{path}: is corrupt")
    for name in commit.paths:
        if not INSIDE.fullmatch(name):
            raise SdevalError(f"{path}: is corrupt: {preview(name)} is no baseline")
    return commit


def _replace_all(baselines: Path, folder: Path, paths: Collection[str]) -> None:
    """Put what is in `new` in its place; what is not there any more is in its place already."""
    for path in paths:
        staged, live, old = folder / NEW / path, baselines / path, folder / OLD / path
        if not os.path.lexists(staged):
            continue
        live.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(live):
            _move(live, old)
        staged.rename(live)
    _flush_parents(baselines, paths)


def _restore_all(baselines: Path, folder: Path, paths: Collection[str]) -> None:
    """Put what is in `old` back in its place, and forget the change."""
    for path in paths:
        staged, live, old = folder / NEW / path, baselines / path, folder / OLD / path
        if not os.path.lexists(staged) and os.path.lexists(live):
            _move(live, staged)
        if os.path.lexists(old):
            old.rename(live)
    _flush_parents(baselines, paths)
    (folder / COMMIT).unlink(missing_ok=True)


def _move(path: Path, place: Path) -> None:
    """Rename a file or a folder, and a folder without the right to be written to as well."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(place):
        discard(place)
    if path.is_dir() and not path.is_symlink() and not os.access(path, os.W_OK):
        # A folder holds the name of the one that it lies in.
        path.chmod(path.stat().st_mode | 0o700)
    path.rename(place)


def _clean(folder: Path) -> None:
    """Remove the folder of a change; `commit.json` last, so that a stop in between is one after the change."""
    discard(folder / NEW)
    discard(folder / OLD)
    (folder / COMMIT).unlink(missing_ok=True)
    discard(folder)


def _flush_parents(baselines: Path, paths: Collection[str]) -> None:
    for folder in {baselines, *((baselines / path).parent for path in paths)}:
        if folder.is_dir():
            flush(folder)


def _is_same(one: Path, other: Path, besides: Collection[str]) -> bool:
    """Whether two files, or all files of two folders, hold the same; one file of each is in memory at a time."""
    files, others = _files(one, besides), _files(other, besides)
    return files.keys() == others.keys() and all(
        path.read_bytes() == others[name].read_bytes() for name, path in files.items()
    )


def _files(path: Path, besides: Collection[str]) -> dict[str, Path]:
    """Every file of a folder, or the one file, but for some names."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    named = {file.relative_to(path).as_posix(): file for file in files}
    return {name: file for name, file in named.items() if name not in besides}
