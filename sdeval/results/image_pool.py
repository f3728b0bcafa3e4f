"""Files that sessions share: an image that comes out the same in many sessions takes room once.

`reports/.images/<aa>/<sha256 of the file>.png` is a hard link to the file that sessions hold, and nothing depends on
it: where there are no hard links, or somebody removes the pool, every session still holds its images.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

from sdeval._utils.files import read_bytes, write_bytes
from sdeval.errors import SdevalError

_FOLDER = re.compile(r"[0-9a-f]{2}")
_FILE = re.compile(r"[0-9a-f]{64}\.png|\.[0-9a-f]{16}\.part")
"""What lies in the pool, and what a killed process was putting there."""


def write_shared(path: Path, content: bytes, pool: Path | None) -> None:
    """Write a file that never changes; where the pool holds the same bytes, as a link to them.

    Args:
        path: of the file; folders that it lies in are made.
        content: all of it.
        pool: what sessions share; None where they share nothing.

    Raises:
        CannotWrite: the disk is full, a right is missing, or a folder is gone.
    """
    if pool is None:
        write_bytes(path, content)
        return
    digest = hashlib.sha256(content).hexdigest()
    shared = pool / digest[:2] / f"{digest}.png"
    if not (_holds(shared, content) and _link(shared, path)):
        write_bytes(path, content)
        # In the place of one that somebody changed, or that has as many links as the file system allows.
        _link(path, shared)


def _holds(path: Path, content: bytes) -> bool:
    try:
        return not path.is_symlink() and read_bytes(path, len(content)) == content
    except (SdevalError, OSError):
        return False


def _link(source: Path, path: Path) -> bool:
    """Whether `path` is the same file as `source` now; another process may be doing the same, or removing `source`."""
    aside = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(source, aside)
        try:
            aside.replace(path)
        finally:
            # Where both are links to one file already, they stay both.
            aside.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def pool_files(pool: Path) -> Iterator[Path]:
    """Every file of the pool; what does not belong to it is passed over."""
    for folder in sorted(pool.glob("*/")):
        if _FOLDER.fullmatch(folder.name) and not folder.is_symlink():
            for path in sorted(folder.iterdir()):
                if _FILE.fullmatch(path.name) and path.is_file() and not path.is_symlink():
                    yield path
