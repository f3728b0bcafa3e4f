"""Objects by name: what a store is below its images and drafts, and the folder as the simplest one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from sdeval._utils.files import NoSuchFile, discard, read_bytes, write_bytes, writing
from sdeval.errors import SdevalError
from sdeval.stores.failures import NoSuchObject, WrongContent

IGNORED = ".gitignore"


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object in a listing."""

    name: str
    """Such as `ab/abcd….png`."""
    size: int
    """Bytes."""
    modified: datetime | None
    """When it was written; None where the store does not say."""


class Objects(Protocol):
    """Files by name, each written whole and never changed afterwards."""

    @property
    def place(self) -> str:
        """What messages call it."""
        ...

    def read(self, name: str) -> bytes:
        """What an object holds.

        Raises:
            NoSuchObject: there is none of that name.
            SdevalError: it cannot be read; says why.
        """
        ...

    def write(self, name: str, content: bytes) -> None:
        """Write an object, and return once it is certain that it is there and holds these bytes.

        Raises:
            SdevalError: it cannot be written; says why.
        """
        ...

    def list(self, folder: str) -> list[ObjectInfo]:
        """All objects below a folder; none where there is no such folder.

        Raises:
            SdevalError: it cannot be read; says why.
        """
        ...

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects.

        Raises:
            SdevalError: one cannot be deleted; says why.
        """
        ...


class Folder:
    """Objects as files below a folder of this machine.

    Args:
        folder: made when the first object is written.
        ignored: whether git ignores all that is in it.
    """

    def __init__(self, folder: Path, *, ignored: bool = False) -> None:
        self.folder = folder
        self._ignored = ignored

    @property
    def place(self) -> str:
        """The path of the folder."""
        return str(self.folder)

    def path(self, name: str) -> Path:
        """The file of an object, whether or not there is one."""
        return self.folder / name

    def read(self, name: str) -> bytes:
        """What a file holds."""
        try:
            return read_bytes(self.path(name))
        except NoSuchFile:
            raise NoSuchObject(f"{self.path(name)}: no such file") from None

    def write(self, name: str, content: bytes) -> None:
        """Write a file, and look at it."""
        if self._ignored and not (self.folder / IGNORED).exists():
            write_bytes(self.folder / IGNORED, b"*\n")
        path = self.path(name)
        write_bytes(path, content, durable=True)
        if read_bytes(path) != content:
            raise WrongContent(f"{path}: does not hold what was written to it; see to the disk")

    def list(self, folder: str) -> list[ObjectInfo]:
        """All files below a folder, but for those that are just being written."""
        paths = [path for path in (self.folder / folder).rglob("*") if path.is_file() and path.suffix != ".part"]
        try:
            return [self._info(path) for path in sorted(paths) if path.name != IGNORED]
        except OSError as error:
            raise SdevalError(f"{self.folder / folder}: cannot be read: {error.strerror}") from None

    def _info(self, path: Path) -> ObjectInfo:
        status = path.stat()
        name = path.relative_to(self.folder).as_posix()
        return ObjectInfo(name, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))

    def delete(self, names: Iterable[str]) -> None:
        """Remove files, and folders that are empty then."""
        for name in names:
            path = self.path(name)
            with writing(path):
                path.unlink(missing_ok=True)
            for parent in path.relative_to(self.folder).parents[:-1]:
                if (self.folder / parent).is_dir() and not any((self.folder / parent).iterdir()):
                    discard(self.folder / parent)
