"""Digests of what images are made with."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from sdeval.config.target import Target
from sdeval.engines.digests import file_digest, model_digests
from sdeval.shapes import pipeline_folder

SHA = "ab" * 32


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return Path(shutil.copytree(pipeline_folder(), tmp_path / "model"))


def digests(folder: Path) -> dict[str, str]:
    return model_digests(Target(name="mine", model=str(folder)))


def test_the_same_files_in_another_folder_are_the_same_model(model: Path, tmp_path: Path) -> None:
    before = digests(model)
    assert digests(Path(shutil.move(model, tmp_path / "moved"))) == before


def test_weights_that_were_overwritten_are_others(model: Path) -> None:
    before = digests(model)
    path = next(model.rglob("*.safetensors"))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    after = digests(model)
    assert after["weights"] != before["weights"]
    assert after["configuration"] == before["configuration"]


def test_another_configuration_is_named_apart_from_the_weights(model: Path) -> None:
    before = digests(model)
    path = model / "scheduler" / "scheduler_config.json"
    path.write_text(path.read_text().replace("{", "{ ", 1))
    after = digests(model)
    assert after["weights"] == before["weights"]
    assert after["configuration"] != before["configuration"]


def test_a_vae_of_its_own_belongs_to_the_weights(model: Path) -> None:
    target = Target(name="mine", model=str(model))
    assert model_digests(target) != model_digests(replace(target, vae=str(model / "vae")))


def test_the_cache_of_a_hub_says_its_digests_by_name(tmp_path: Path) -> None:
    (tmp_path / SHA).write_bytes(b"weights")
    link = tmp_path / "model.safetensors"
    link.symlink_to(tmp_path / SHA)
    assert file_digest(link) == SHA
