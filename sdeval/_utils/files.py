"""Files that appear whole or not at all: written aside, then renamed; and that are read within bounds.

Whatever sdeval reads of others goes through `open_file`: regular files of a bounded size, and one line for all else.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from sdeval.errors import CannotWrite, SdevalError

LARGEST_TEXT = 256 * 2**20
"""Bytes of a text file that is read: 300,000 samples take about 200 MB."""
LARGEST_TOML = 2**20
"""Bytes of a TOML file that is read."""
DEEPEST_KEY = 32
"""Parts of a TOML key; the time to read one grows with the square of their number."""
_DEEP_KEY = rf"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{DEEPEST_KEY}}}"""
"""Compiled where it is used: Python 3.10, which a worker may run on, knows no such quantifiers."""

FLUSHED_AT_ONCE = 16
"""Files that wait for the disk at the same time."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say in one line what cannot be written, and why.

    Raises:
        CannotWrite: the system refused to write within the context.
    """
    try:
        yield
    except OSError as error:
        raise CannotWrite(f"cannot write to {path}: {error.strerror or error}") from None


def write_bytes(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Write `content`; a reader, or a process that is stopped half-way, sees the old file or the new one.

    Args:
        path: of the file; folders that it lies in are made.
        content: all of it.
        durable: return once file and name are on disk, so that a machine that loses its power keeps them, too.

    Raises:
        CannotWrite: the disk is full, a right is missing, or a folder is gone.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Nobody can put a link there beforehand, and a long name stays within what the file system allows.
        aside = path.with_name(f".{secrets.token_hex(8)}.part")
        try:
            with aside.open("xb") as file:
                file.write(content)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
        if durable:
            flush(path.parent)


def link_or_copy(source: Path, path: Path) -> None:
    """Make `path` the same file as `source`, or a copy where the file system cannot: for files that never change.

    Raises:
        CannotWrite: the disk is full, a right is missing, or a folder is gone.
        SdevalError: `source` cannot be read.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{secrets.token_hex(8)}.part")
        try:
            os.link(source, aside, follow_symlinks=False)
        except OSError:
            # Another file system, one without links, or too many links of one file.
            write_bytes(path, read_bytes(source))
            return
        try:
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)


def write_text(path: Path, content: str) -> None:
    """`write_bytes` for text in UTF-8."""
    write_bytes(path, content.encode("utf-8"))


class NoSuchFile(SdevalError):
    """There is nothing at a path."""


class DuplicateName(ValueError):
    """A name is there twice in one JSON object."""


def exists(path: Path) -> bool:
    """Whether there is anything at a path; a link to nothing is nothing.

    Raises:
        SdevalError: it cannot be found out: a folder on the way may not be read, or the name is too long.
    """
    with _reading(path):
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True


def resolved(path: Path) -> Path:
    """Where a path leads; `Path.resolve` would raise where a link leads to itself."""
    return Path(os.path.realpath(path))


def check_name(path: Path) -> None:
    """Refuse a path that is not UTF-8: pages, verdicts and messages could not name it.

    Raises:
        SdevalError: it is not.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise SdevalError(f"{path}: this name of a file or folder is not UTF-8; rename it") from None


@contextmanager
def open_file(path: Path, largest: int = LARGEST_TEXT) -> Iterator[BinaryIO]:
    """A regular file of at most `largest` bytes, open for reading; FIFOs and devices never block.

    Raises:
        NoSuchFile: there is none.
        SdevalError: it is no regular file, is larger, or cannot be read.
    """
    with _reading(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        _refuse_irregular(os.fstat(descriptor), path, largest)
        with open(descriptor, "rb", closefd=False) as file:
            yield file
    finally:
        os.close(descriptor)


def flush(path: Path) -> None:
    """Return once a file, or the names in a folder, are on disk."""
    # Windows cannot open folders, and keeps their names by itself.
    if path.is_dir() and os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_bytes(path: Path, largest: int = LARGEST_TEXT) -> bytes:
    """What a regular file of at most `largest` bytes holds.

    Raises:
        NoSuchFile: there is none.
        SdevalError: it is no regular file, is larger, or cannot be read.
    """
    with open_file(path, largest) as file, _reading(path):
        content = _read(file, largest + 1)
    # Files of a file system such as /proc say that they have no bytes.
    if len(content) > largest:
        raise _too_large(path, largest)
    return content


def _read(file: BinaryIO, most: int) -> bytes:
    """Up to so many bytes, in as much memory as there are: `file.read(most)` would take all of it beforehand."""
    parts, size, expected = [], 0, os.fstat(file.fileno()).st_size + 1
    while size < most and (part := file.read(min(max(expected, 2**16), most - size))):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def read_text(path: Path, largest: int = LARGEST_TEXT) -> str:
    """`read_bytes` for text in UTF-8.

    Raises:
        NoSuchFile: there is none.
        SdevalError: it cannot be read, or is not UTF-8.
    """
    try:
        return read_bytes(path, largest).decode("utf-8")
    except UnicodeDecodeError as error:
        raise SdevalError(f"{path}: cannot be read: {error}") from None


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Say in one line why a file cannot be read."""
    try:
        yield
    except FileNotFoundError:
        raise NoSuchFile(f"{path}: no such file") from None
    except OSError as error:
        raise SdevalError(f"{path}: cannot be read: {error.strerror}") from None
    # A null byte, or text that no name of a file can hold.
    except ValueError as error:
        raise SdevalError(f"{path}: cannot be read: {error}") from None


def _refuse_irregular(status: os.stat_result, path: Path, largest: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a device, a pipe or a socket"
        raise SdevalError(f"{path}: cannot be read: is {kind}, and no file")
    if status.st_size > largest:
        raise _too_large(path, largest)


def _too_large(path: Path, largest: int) -> SdevalError:
    return SdevalError(f"{path}: is too large: more than {largest // 2**20} MiB, which is the most that is read")


def parse_json(text: str | bytes) -> Any:
    """What JSON holds; two equal names in one object are a mistake, whichever counts.

    Raises:
        ValueError: it is no JSON, not UTF-8, has a number of thousands of digits, or a name is there twice.
        RecursionError: it is nested too deeply.
    """
    return json.loads(text, object_pairs_hook=_distinct)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in content if names.count(name) > 1)
        raise DuplicateName(f"{twice!r:.60} is there twice in one object")
    return content


def flush_tree(folder: Path) -> None:
    """Return once a folder, and all that is in it, is on disk."""
    # The disk writes many at once, where it is asked for many at once: 200 files took 0.08 s instead of 0.58 s.
    with ThreadPoolExecutor(FLUSHED_AT_ONCE) as pool:
        for parent, _, names in os.walk(folder):
            for _ in pool.map(flush, (Path(parent, name) for name in names)):
                pass
            flush(Path(parent))


def discard(path: Path) -> None:
    """Remove a file or a folder, also one without the right to be written to; what cannot be removed stays."""
    if path.is_dir() and not path.is_symlink():
        _make_removable(path)
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _make_removable(folder: Path) -> None:
    """Give the owner all rights to a folder and those in it: without them, nothing in it can be removed."""
    with suppress(OSError):
        folder.chmod(stat.S_IRWXU)
    for parent, names, _ in os.walk(folder):
        # What is given rights here is entered only afterwards.
        for inner in (Path(parent, name) for name in names):
            with suppress(OSError):
                if not inner.is_symlink():
                    inner.chmod(stat.S_IRWXU)


def read_json(path: Path, missing: str) -> Any:
    """What a JSON file holds.

    Args:
        path: of the file.
        missing: what is said where there is none.

    Raises:
        SdevalError: there is no such file, or it is corrupt.
    """
    try:
        return parse_json(read_bytes(path).decode("utf-8"))
    except NoSuchFile:
        raise SdevalError(missing) from None
    # What is not UTF-8, and numbers of thousands of digits, are ValueErrors too.
    except (ValueError, RecursionError) as error:
        raise SdevalError(f"{path}: is corrupt: {error}") from None


def nothing_in(folder: Path, what: str, file: str) -> str:
    """Message for a folder that is not there, or lacks the file that would make it one of a session or a run.

    Example:
        >>> nothing_in(Path("nowhere"), "session", "verdicts.json")
        'nowhere: no such folder'
    """
    return f"{folder}: no {what} in it: {file} is missing" if folder.is_dir() else f"{folder}: no such folder"


def read_toml(path: Path) -> Mapping[str, Any]:
    """What a TOML file holds; nothing where there is none.

    Raises:
        SdevalError: it cannot be read, or is no TOML.
    """
    import tomllib

    try:
        text = read_bytes(path, LARGEST_TOML).decode("utf-8")
        if re.search(_DEEP_KEY, text, re.ASCII):
            raise ValueError(f"a key has more than {DEEPEST_KEY} parts")
        return tomllib.loads(text)
    except NoSuchFile:
        return {}
    # What is not UTF-8, and numbers of thousands of digits, are ValueErrors too.
    except (ValueError, RecursionError) as error:
        raise SdevalError(f"{path}: not TOML: {error}") from None


def short(path: Path) -> Path:
    """A path as seen from here, where it lies below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def dump_json(value: Any) -> str:
    """JSON as files of this project hold it: sorted keys, indented, no NaN, a line break at the end."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def dump_line(value: Any) -> str:
    """One JSON object on one line, keys in the order given."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n"
