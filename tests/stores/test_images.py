"""Images by the hash of their pixels: verified, fetched once, and kept on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from sdeval.config.image_store import StoreOptions
from sdeval.errors import CannotWrite, SdevalError
from sdeval.imaging.io import open_rgb, pixel_hash, png_bytes
from sdeval.stores.failures import NoSuchObject, StoreFailed, WrongContent
from sdeval.stores.images import ImageStore, name_of, open_store
from tests.conftest import image_with
from tests.stores.s3 import Fault, Server

IMAGES = [image_with(number) for number in range(4)]
HASHES = [pixel_hash(image) for image in IMAGES]
URL = "s3://images/store"


@pytest.fixture
def opened(s3: Server, tmp_path: Path) -> ImageStore:
    """A store on S3 with one image in it."""
    store = open_store(StoreOptions(url=URL, cache=tmp_path / "cache"), tmp_path / "baselines")
    store.put(HASHES[0], png_bytes(IMAGES[0]))
    s3.requests.clear()
    return store


def again(tmp_path: Path) -> ImageStore:
    """The same store in another session."""
    return open_store(StoreOptions(url=URL, cache=tmp_path / "cache"), tmp_path / "baselines")


def local(tmp_path: Path) -> ImageStore:
    """The store of a project that names none."""
    return open_store(StoreOptions(), tmp_path / "baselines")


def test_an_image_is_fetched_with_one_request_and_then_kept(opened: ImageStore, s3: Server, tmp_path: Path) -> None:
    path = opened.get(HASHES[0])
    assert open_rgb(path).tobytes() == IMAGES[0].tobytes()
    assert s3.requests == [("GET", f"/images/store/{name_of(HASHES[0])}")]
    assert opened.get(HASHES[0]) == again(tmp_path).get(HASHES[0]) == path
    assert len(s3.requests) == 1
    assert path == tmp_path / "cache" / "images" / name_of(HASHES[0])


def test_an_image_of_the_folder_beside_the_baselines_is_not_fetched(
    opened: ImageStore, s3: Server, tmp_path: Path
) -> None:
    local(tmp_path).put(HASHES[0], png_bytes(IMAGES[0]))
    assert opened.get(HASHES[0]).is_relative_to(tmp_path / "baselines")
    assert s3.requests == []


def test_a_file_of_the_cache_that_is_corrupt_is_fetched_again(opened: ImageStore, s3: Server, tmp_path: Path) -> None:
    path = opened.get(HASHES[0])
    for content in (b"", path.read_bytes()[:-40], png_bytes(IMAGES[1])):
        path.write_bytes(content)
        assert open_rgb(again(tmp_path).get(HASHES[0])).tobytes() == IMAGES[0].tobytes()
    assert s3.count("GET") == 4


def test_an_image_that_is_not_there_is_one_line(opened: ImageStore) -> None:
    with pytest.raises(NoSuchObject) as failure:
        opened.get(HASHES[1])
    assert str(failure.value) == f"{URL}/{name_of(HASHES[1])}: there is no such object"


@pytest.mark.parametrize("content", [b"", b"<html>sign in</html>", png_bytes(IMAGES[1]), png_bytes(IMAGES[0])[:-40]])
def test_wrong_bytes_are_neither_given_nor_kept(opened: ImageStore, s3: Server, content: bytes, tmp_path: Path) -> None:
    s3.put(f"store/{name_of(HASHES[0])}", content)
    with pytest.raises(WrongContent, match=rf"^{URL}/{name_of(HASHES[0])}: (holds another|is no) image"):
        opened.get(HASHES[0])
    assert not (tmp_path / "cache").exists()


def test_bytes_that_were_wrong_by_chance_are_read_again(opened: ImageStore, s3: Server) -> None:
    s3.faults.append(Fault("wrong", "GET", times=1))
    assert opened.get(HASHES[0]).is_file()
    assert s3.count("GET") == 2


def test_a_store_that_is_not_reached_is_not_waited_for_thousands_of_times(opened: ImageStore, s3: Server) -> None:
    s3.faults.append(Fault("status", status=403))
    for sha256 in HASHES * 100:
        with pytest.raises(StoreFailed):
            opened.get(sha256)
    assert len(s3.requests) == 2


def test_what_is_in_the_cache_needs_no_network(opened: ImageStore, s3: Server, tmp_path: Path) -> None:
    path = opened.get(HASHES[0])
    s3.faults.append(Fault("status", status=403))
    assert again(tmp_path).get(HASHES[0]) == path


def test_a_cache_that_cannot_be_written_is_one_line(opened: ImageStore, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(CannotWrite, match=r"^cannot write to .*cache/images/"):
        opened.get(HASHES[0])


def test_without_credentials_an_image_is_read(
    opened: ImageStore, s3: Server, tmp_path: Path, no_credentials: None
) -> None:
    s3.put(f"store/{name_of(HASHES[1])}", png_bytes(IMAGES[1]))
    assert again(tmp_path).get(HASHES[1]).is_file()


def test_another_image_is_not_put(opened: ImageStore, s3: Server) -> None:
    with pytest.raises(WrongContent, match="holds another image"):
        opened.put(HASHES[1], png_bytes(IMAGES[0]))
    assert len(s3.stored()) == 1


def test_images_are_listed_by_the_beginnings_of_their_names(opened: ImageStore, s3: Server) -> None:
    s3.put(f"store/{name_of(HASHES[1])}", b"")
    assert set(opened.list(HASHES)) == {HASHES[0]}
    folders = {sha256[:2] for sha256 in HASHES}
    assert len(s3.requests) <= 3 * len(folders)


def test_a_digest_that_is_none_asks_nobody(opened: ImageStore, s3: Server) -> None:
    for text in ("", "../../etc/passwd", "A" * 64, "0" * 63):
        with pytest.raises(SdevalError, match="is no SHA-256 of an image"):
            opened.get(text)
    assert s3.requests == []


def test_a_folder_beside_the_baselines_gives_its_own_files(tmp_path: Path) -> None:
    store = local(tmp_path)
    store.put(HASHES[0], png_bytes(IMAGES[0]))
    assert store.get(HASHES[0]) == tmp_path / "baselines" / ".images" / name_of(HASHES[0])
    assert store.is_beside_baselines


def test_an_image_that_another_machine_accepted_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoSuchObject, match=r"only the machine that accepted it has it; .*store: \[tool.sdeval\]"):
        local(tmp_path).get(HASHES[0])


def test_a_corrupt_file_of_a_folder_says_what_to_do(tmp_path: Path) -> None:
    store = local(tmp_path)
    store.put(HASHES[0], png_bytes(IMAGES[0]))
    store.get(HASHES[0]).write_bytes(png_bytes(IMAGES[1]))
    with pytest.raises(WrongContent, match="is corrupt, or holds another image; delete it, and accept its run again"):
        local(tmp_path).get(HASHES[0])


def test_a_folder_can_be_the_store_of_a_project(tmp_path: Path) -> None:
    options = StoreOptions(url=str(tmp_path / "shared"))
    store = open_store(options, tmp_path / "baselines")
    store.put(HASHES[0], png_bytes(IMAGES[0]))
    assert store.get(HASHES[0]) == tmp_path / "shared" / name_of(HASHES[0])
    assert not store.is_beside_baselines
    with pytest.raises(NoSuchObject, match=r"no such file; `sdeval store check` lists all that are missing$"):
        store.get(HASHES[1])


def test_an_image_that_is_deleted_from_the_cache_is_fetched_again(opened: ImageStore, s3: Server) -> None:
    opened.get(HASHES[0]).unlink()
    assert opened.get(HASHES[0]).is_file()
    assert s3.count("GET") == 2


def test_an_image_that_is_gone_from_the_store_stays_in_the_cache(opened: ImageStore, s3: Server) -> None:
    path = opened.get(HASHES[0])
    s3.remove(f"store/{name_of(HASHES[0])}")
    assert opened.get(HASHES[0]) == path


def test_an_image_is_an_image(opened: ImageStore) -> None:
    with Image.open(opened.get(HASHES[0])) as image:
        assert (image.format, image.info) == ("PNG", {})
