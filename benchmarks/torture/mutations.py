"""Mutated files: what damage, mistakes and malice do to a file, from a seeded generator of random numbers."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

LONG = 100_000
"""Characters of a part that is repeated."""
PIECES = (
    b"",
    b"\0",
    b"\r",
    b"\n\n",
    b"\t",
    b'"',
    b"'",
    b",",
    b";",
    b":",
    b"*",
    b"&a ",
    b"<<: *a\n",
    b"---\n",
    b"!!python/name:os.system ",
    b"!!binary x",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\\ud800",
    b"\x1b[2J",
    b"NaN",
    b"Infinity",
    b"1e999",
    b"-0",
    b"null",
    b"../../../etc/passwd",
    b"<<<<<<< HEAD\n",
    b"version https://git-lfs.github.com/spec/v1\n",
    b"9" * 5000,
    b"[" * LONG,
    b'{"a":' * (LONG // 5),
    b"a." * (LONG // 2) + b"a = 1\n",
    b"[" + b"a." * (LONG // 2) + b"a]\n",
    b"x" * LONG,
)
"""What is put into a file."""
VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 1.5, 2**64, 10**400, float("nan"), float("inf")),
    *("", "x", "a/b", "../x", "nul", "\0", "\ud800", "\x1b[31m", "x" * LONG),
    *([], {}, [[]], [None], ["x"] * 1000, {"x": {"x": {"x": 1}}}, {"": ""}),
)
"""What is put in the place of a value of JSON."""
ANCHORS = "".join(f"  - &n{depth + 1} [{', '.join([f'*n{depth}'] * 9)}]\n" for depth in range(9))
BOMB = f"- id: a\n  prompt: b\n  tags:\n  - &n0 [lol, lol]\n{ANCHORS}".encode()
"""Nine levels of nine aliases each: a few lines that would be a billion words, written out."""


def mutate(content: bytes, random: Random) -> bytes:
    """The content of a file with up to three mutations."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        content = random.choice(MUTATIONS)(content, random)
    return content


def _flip(content: bytes, random: Random) -> bytes:
    changed = bytearray(content)
    for _ in range(random.choice((1, 4, 64))):
        if changed:
            changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed)


def _cut(content: bytes, random: Random) -> bytes:
    return content[: random.randint(0, len(content))]


def _remove(content: bytes, random: Random) -> bytes:
    start = random.randint(0, len(content))
    return content[:start] + content[start + random.choice((1, 7, 100)) :]


def _repeat(content: bytes, random: Random) -> bytes:
    start = random.randint(0, len(content))
    part = content[start : start + random.choice((1, 20, 500))]
    return content[:start] + part * random.choice((2, 9)) + content[start:]


def _insert(content: bytes, random: Random) -> bytes:
    start = random.randint(0, len(content))
    return content[:start] + random.choice(PIECES) + content[start:]


def _swap_lines(content: bytes, random: Random) -> bytes:
    lines = content.split(b"\n")
    random.shuffle(lines)
    return b"\n".join(lines)


def _re_encode(content: bytes, random: Random) -> bytes:
    text = content.decode("utf-8", errors="replace")
    return text.encode(random.choice(("utf-16", "utf-16-le", "cp1252", "utf-8-sig")), errors="replace")


def _replace(content: bytes, random: Random) -> bytes:
    return random.choice((b"", b"\0" * 100, BOMB, b"[]", b"{}", b"null", b"7", bytes(range(256)), *PIECES))


def _change_value(content: bytes, random: Random) -> bytes:
    """Another value, or a name twice, somewhere in JSON; other content as it is."""
    lines = content.split(b"\n")
    whole = content[:1] == b"{" and len(lines) > 1 and lines[0] == b"{"
    number = 0 if whole else random.randrange(len(lines))
    try:
        value = json.loads(content if whole else lines[number])
    except (ValueError, RecursionError):
        return content
    text = json.dumps(_changed(value, random)).encode()
    if random.random() < 0.1:
        text = text.replace(b'{"', b'{"schema": 1, "schema": 2, "', 1)
    return text if whole else b"\n".join((*lines[:number], text, *lines[number + 1 :]))


def _changed(value: Any, random: Random) -> Any:
    if isinstance(value, dict) and value and random.random() < 0.8:
        name = random.choice(sorted(value))
        if random.random() < 0.1:
            return {key: item for key, item in value.items() if key != name}
        return {**value, name: _changed(value[name], random)}
    if isinstance(value, list) and value and random.random() < 0.8:
        place = random.randrange(len(value))
        return [*value[:place], _changed(value[place], random), *value[place + 1 :]]
    return random.choice(VALUES)


MUTATIONS: Sequence[Callable[[bytes, Random], bytes]] = (
    *(_flip, _cut, _remove, _repeat, _insert, _swap_lines, _re_encode, _replace),
    *(_change_value,) * 4,
)


def put_no_file(path: Path, random: Random) -> None:
    """Something that is no regular file, in the place of one."""
    path.unlink()
    match random.choice(("nothing", "folder", "fifo", "loop", "device", "broken link")):
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "loop":
            path.symlink_to(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "broken link":
            path.symlink_to(path.with_name("gone"))


def remove(path: Path) -> None:
    """Whatever is at a path."""
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
