"""Sessions share files of identical images, and none depends on that."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from threading import Thread

import pytest

from sdeval import SdevalError
from sdeval.results.image_pool import pool_files, write_shared


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    return tmp_path / ".images"


def links(path: Path) -> int:
    return path.stat().st_nlink


def test_the_same_bytes_are_one_file(tmp_path: Path, pool: Path) -> None:
    for name in ("a", "b", "c"):
        write_shared(tmp_path / name / "images" / "x@0.png", b"image", pool)
    assert links(tmp_path / "a" / "images" / "x@0.png") == 4
    (shared,) = pool_files(pool)
    assert shared.read_bytes() == b"image"


def test_other_bytes_are_another_file(tmp_path: Path, pool: Path) -> None:
    write_shared(tmp_path / "a.png", b"image", pool)
    write_shared(tmp_path / "b.png", b"other", pool)
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()
    assert len(list(pool_files(pool))) == 2


def test_without_a_pool_nothing_is_shared(tmp_path: Path) -> None:
    write_shared(tmp_path / "a.png", b"image", None)
    assert links(tmp_path / "a.png") == 1


def test_writing_again_leaves_other_sessions_their_image(tmp_path: Path, pool: Path) -> None:
    for name in ("a.png", "b.png"):
        write_shared(tmp_path / name, b"image", pool)
    write_shared(tmp_path / "a.png", b"other", pool)
    assert (tmp_path / "b.png").read_bytes() == b"image"


def test_writing_the_same_again_leaves_nothing_aside(tmp_path: Path, pool: Path) -> None:
    for _ in range(2):
        write_shared(tmp_path / "a.png", b"image", pool)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["a.png"]
    assert links(tmp_path / "a.png") == 2


def test_a_shared_file_that_somebody_changed_is_not_used(tmp_path: Path, pool: Path) -> None:
    write_shared(tmp_path / "a.png", b"image", pool)
    with (tmp_path / "a.png").open("r+b") as file:
        file.write(b"paint")
    write_shared(tmp_path / "b.png", b"image", pool)
    write_shared(tmp_path / "c.png", b"image", pool)
    assert (tmp_path / "b.png").read_bytes() == b"image"
    assert (tmp_path / "b.png").samefile(tmp_path / "c.png")


def test_a_link_in_the_pool_is_not_followed(tmp_path: Path, pool: Path) -> None:
    write_shared(tmp_path / "a.png", b"image", pool)
    (shared,) = pool_files(pool)
    shared.unlink()
    (tmp_path / "elsewhere").write_bytes(b"image")
    shared.symlink_to(tmp_path / "elsewhere")
    write_shared(tmp_path / "b.png", b"image", pool)
    assert not (tmp_path / "b.png").is_symlink()
    assert not (tmp_path / "b.png").samefile(tmp_path / "elsewhere")


@pytest.mark.parametrize("reason", [errno.EPERM, errno.EMLINK, errno.EXDEV, errno.ENOTSUP])
def test_where_there_are_no_hard_links_images_are_written(
    tmp_path: Path, pool: Path, monkeypatch: pytest.MonkeyPatch, reason: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(reason, os.strerror(reason))

    write_shared(tmp_path / "a.png", b"image", pool)
    monkeypatch.setattr(os, "link", refuse)
    write_shared(tmp_path / "b.png", b"image", pool)
    assert (tmp_path / "b.png").read_bytes() == b"image"
    assert links(tmp_path / "b.png") == 1


def test_a_pool_that_is_no_folder_only_shares_nothing(tmp_path: Path, pool: Path) -> None:
    pool.write_text("something else")
    write_shared(tmp_path / "a.png", b"image", pool)
    assert (tmp_path / "a.png").read_bytes() == b"image"
    assert pool.read_text() == "something else"


def test_an_image_that_cannot_be_written_is_reported(tmp_path: Path, pool: Path) -> None:
    (tmp_path / "images").write_text("no folder")
    with pytest.raises(SdevalError, match="cannot write to"):
        write_shared(tmp_path / "images" / "a.png", b"image", pool)


def test_many_at_once_all_have_their_image(tmp_path: Path, pool: Path) -> None:
    def write(number: int) -> None:
        for image in range(20):
            write_shared(tmp_path / str(number) / f"{image}.png", b"image %d" % image, pool)

    threads = [Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    contents = {(path.name, path.read_bytes()) for path in tmp_path.glob("*/*.png")}
    assert contents == {(f"{image}.png", b"image %d" % image) for image in range(20)}
    assert not list(tmp_path.rglob("*.part"))
