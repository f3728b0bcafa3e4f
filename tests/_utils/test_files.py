"""Files of others: regular ones of a bounded size, and one line for everything else."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sdeval._utils.files import NoSuchFile, exists, link_or_copy, read_bytes, read_json, read_toml
from sdeval.errors import MOST_LETTERS, SdevalError


def test_what_a_file_holds_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert read_bytes(tmp_path / "a") == b"abc"


def test_nothing_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFile):
        read_bytes(tmp_path / "a")
    assert not exists(tmp_path / "a")


def test_a_larger_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(2**20 + 1))
    with pytest.raises(SdevalError, match="is too large: more than 1 MiB"):
        read_bytes(tmp_path / "a", 2**20)


def make(path: Path, kind: str) -> Path:
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "loop":
            path.symlink_to(path)
        case "long":
            return path.with_name("a" * 5000)
        case "null":
            return path.with_name("a\0")
        case "surrogate":
            return path.with_name("a\ud800")
    return path


@pytest.mark.parametrize("kind", ["folder", "pipe", "device", "loop", "long", "null", "surrogate"])
def test_what_is_no_file_is_refused_in_one_line(tmp_path: Path, kind: str) -> None:
    with pytest.raises(SdevalError, match="cannot be read") as error:
        read_bytes(make(tmp_path / "a", kind))
    message = str(error.value)
    assert len(message) < MOST_LETTERS + 100
    assert len(message.splitlines()) == 1
    assert message.encode()


@pytest.mark.parametrize("kind", ["loop", "long", "null"])
def test_whether_there_is_something_is_answered_or_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(SdevalError, match="cannot be read"):
        exists(make(tmp_path / "a", kind))


@pytest.fixture
def without_rights() -> Iterator[None]:
    """As a user for whom closed folders are closed."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)


@pytest.mark.parametrize("read", [exists, read_bytes])
def test_a_folder_without_rights_is_named(
    tmp_path: Path, request: pytest.FixtureRequest, read: Callable[[Path], object]
) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    request.getfixturevalue("without_rights")
    with pytest.raises(SdevalError, match="cannot be read: Permission denied"):
        read(tmp_path / "closed" / "a")


def test_a_name_that_is_there_twice_in_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": [{"b": 1, "c": 2, "b": 3}]}')
    with pytest.raises(SdevalError, match="is corrupt: 'b' is there twice in one object"):
        read_json(tmp_path / "a.json", "")


@pytest.mark.parametrize("key", ["a." * 50_000 + "a", '"a".' * 100 + "a", "a . " * 100 + "a", "'a'." * 100 + "a"])
@pytest.mark.parametrize("text", ["{} = 1", "[{}]", "x = {{ {} = 1 }}"])
def test_a_key_of_many_parts_is_refused_before_it_is_read(tmp_path: Path, key: str, text: str) -> None:
    (tmp_path / "a.toml").write_text(text.format(key))
    with pytest.raises(SdevalError, match="not TOML: a key has more than 32 parts"):
        read_toml(tmp_path / "a.toml")


def test_values_with_dots_are_no_keys(tmp_path: Path) -> None:
    text = 'a.b.c = "x"\nversion = "1.2.3.4"\nlong = "' + "word " * 1000 + '."\n'
    (tmp_path / "a.toml").write_text(text)
    assert read_toml(tmp_path / "a.toml")["a"] == {"b": {"c": "x"}}


def test_a_message_keeps_its_end_and_spells_control_characters() -> None:
    message = str(SdevalError("x" * 10_000 + "\x1b[31m\nfix it"))
    assert len(message) < MOST_LETTERS + 100
    assert message.endswith(r"\x1b[31m\nfix it")


def test_a_linked_file_replaces_what_was_there_and_takes_no_room(tmp_path: Path) -> None:
    source, path = tmp_path / "source", tmp_path / "folder" / "path"
    source.write_bytes(b"new")
    path.parent.mkdir()
    path.write_bytes(b"old")
    link_or_copy(source, path)
    link_or_copy(source, path)
    assert path.read_bytes() == b"new"
    assert path.samefile(source)
    assert [file.name for file in path.parent.iterdir()] == ["path"]


def test_where_there_are_no_links_a_file_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    source, path = tmp_path / "source", tmp_path / "path"
    source.write_bytes(b"content")
    link_or_copy(source, path)
    assert path.read_bytes() == b"content"
    assert not path.samefile(source)
