from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from sdeval._utils.hub import HubCheckpoint, HubFiles, WebFile, cached_file
from sdeval.fetching import files
from sdeval.fetching.files import FetchError
from tests.fetching.fake_hub import CHECKPOINT, FakeHub

MODEL = HubCheckpoint("org/model")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    fake = FakeHub({"org/model": CHECKPOINT}, tmp_path / "cache")
    fake.install(monkeypatch)
    return fake


def names(source: HubCheckpoint | HubFiles) -> set[str]:
    return {file.name for file in files.plan(source).files}


@pytest.mark.usefixtures("hub")
def test_of_a_checkpoint_the_parts_of_its_index_are_needed_as_safetensors() -> None:
    assert names(MODEL) == {
        "model_index.json",
        "README.md",
        "scheduler/scheduler_config.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
    }


@pytest.mark.usefixtures("hub")
def test_of_a_variant_where_there_is_one() -> None:
    weights = {name for name in names(HubCheckpoint("org/model", variant="fp16")) if name.endswith("safetensors")}
    assert weights == {"unet/diffusion_pytorch_model.fp16.safetensors", "vae/diffusion_pytorch_model.safetensors"}


def test_planning_leaves_the_cache_as_it_is(hub: FakeHub) -> None:
    assert files.plan(MODEL).size == sum(len(CHECKPOINT[name]) for name in names(MODEL))
    assert not hub.cache.exists()
    assert cached_file("org/model", "model_index.json") is None


def test_the_index_comes_last_as_a_model_counts_as_present_by_it(hub: FakeHub) -> None:
    files.fetch(files.plan(MODEL))
    assert hub.asked[-1] == "model_index.json"
    assert files.plan(MODEL).files == ()


def test_what_is_there_is_not_fetched_again(hub: FakeHub) -> None:
    files.fetch(files.plan(HubFiles("org/model", (("unet/*.safetensors",),))))
    hub.asked.clear()
    files.fetch(files.plan(MODEL))
    assert "unet/diffusion_pytorch_model.safetensors" not in hub.asked


def test_another_digest_than_the_published_one_is_refused(hub: FakeHub) -> None:
    hub.corrupt.add("vae/diffusion_pytorch_model.safetensors")
    with pytest.raises(FetchError, match=r"is not what was published: its SHA-256 is .*; delete it"):
        files.fetch(files.plan(MODEL))
    assert "model_index.json" not in hub.asked


def test_pickles_alone_are_refused(hub: FakeHub) -> None:
    pickled = {name: content for name, content in CHECKPOINT.items() if not name.endswith(".safetensors")}
    hub.repositories = {"org/model": pickled}
    with pytest.raises(FetchError, match="unet has no safetensors; others can run code"):
        files.plan(MODEL)


def test_what_is_no_pipeline_is_said(hub: FakeHub) -> None:
    hub.repositories = {"org/model": {"config.json": b"{}"}}
    with pytest.raises(FetchError, match=r"org/model has no model_index\.json"):
        files.plan(MODEL)


def test_the_first_pattern_with_a_file_counts(hub: FakeHub) -> None:
    hub.repositories = {"org/clip": {"clip.bin": b"1", "merges.txt": b"2"}}
    patterns = (("clip.safetensors", "clip.bin"), ("merges.txt",), ("*.model",))
    assert names(HubFiles("org/clip", patterns)) == {"clip.bin", "merges.txt"}
    with pytest.raises(FetchError, match=r"has no other\.bin"):
        files.plan(HubFiles("org/clip", (("other.bin",),)))


@pytest.mark.usefixtures("hub")
def test_what_the_hub_does_not_have_is_said_in_one_line() -> None:
    with pytest.raises(FetchError) as error:
        files.plan(HubCheckpoint("org/other"))
    assert str(error.value) == "org/other: cannot be had from the hub: 404 Client Error"


def test_offline_is_said(hub: FakeHub) -> None:
    hub.offline = True
    with pytest.raises(FetchError, match="HF_HUB_OFFLINE is set; unset it"):
        files.plan(MODEL)


def web_file(folder: Path, content: bytes = b"network") -> WebFile:
    source = folder / "published.pth"
    source.write_bytes(content)
    return WebFile(source.as_uri(), folder / "hub" / "published.pth", hashlib.sha256(b"network").hexdigest())


def test_a_file_of_the_web_is_put_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    source = web_file(tmp_path)
    download = files.plan(source)
    assert download.size == len(b"network")
    files.fetch(download)
    assert source.path.read_bytes() == b"network"
    assert list(source.path.parent.iterdir()) == [source.path]


def test_a_wrong_file_of_the_web_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    source = web_file(tmp_path, b"something else")
    with pytest.raises(FetchError, match="is not what was published"):
        files.fetch(files.plan(source))
    assert list(source.path.parent.iterdir()) == []


def test_a_file_of_the_web_is_not_asked_for_offline(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="HF_HUB_OFFLINE is set"):
        files.plan(web_file(tmp_path))
