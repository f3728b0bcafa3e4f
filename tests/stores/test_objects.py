"""A folder as the simplest store."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdeval.errors import CannotWrite
from sdeval.stores.failures import NoSuchObject
from sdeval.stores.objects import Folder


def test_what_is_written_is_read_listed_and_deleted(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "images")
    assert folder.list("") == []
    for name in ("ab/first.png", "ab/second.png", "cd/third.png"):
        folder.write(name, name.encode())
    assert folder.read("ab/first.png") == b"ab/first.png"
    assert [(info.name, info.size) for info in folder.list("ab")] == [("ab/first.png", 12), ("ab/second.png", 13)]
    assert all(info.modified and info.modified.tzinfo for info in folder.list(""))
    folder.delete(["ab/first.png", "cd/third.png", "ef/never.png"])
    assert [info.name for info in folder.list("")] == ["ab/second.png"]
    assert not (tmp_path / "images" / "cd").exists()


def test_what_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(NoSuchObject, match="no such file"):
        Folder(tmp_path).read("ab/none.png")


def test_git_ignores_a_folder_that_is_to_be_ignored(tmp_path: Path) -> None:
    folder = Folder(tmp_path / ".images", ignored=True)
    folder.write("ab/first.png", b"1")
    assert (tmp_path / ".images" / ".gitignore").read_text() == "*\n"
    assert [info.name for info in folder.list("")] == ["ab/first.png"]


def test_what_is_just_being_written_is_no_object(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write("ab/first.png", b"1")
    (tmp_path / "ab" / ".0123.part").write_bytes(b"half")
    assert [info.name for info in folder.list("ab")] == ["ab/first.png"]


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "images").write_text("a file")
    with pytest.raises(CannotWrite, match=r"^cannot write to .*images/ab/first.png: "):
        Folder(tmp_path / "images").write("ab/first.png", b"1")
