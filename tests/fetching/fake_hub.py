"""A hub in memory: what `huggingface_hub` is asked for is answered from it, and put into a cache in a folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub.constants
import pytest
from huggingface_hub.errors import OfflineModeIsEnabled

COMMIT = "0" * 40
INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "scheduler": ["diffusers", "DDIMScheduler"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
    "safety_checker": [None, None],
}
CHECKPOINT = {
    "model_index.json": json.dumps(INDEX).encode(),
    "README.md": b"a card",
    "model.safetensors": b"all in one file",
    "scheduler/scheduler_config.json": b"{}",
    "unet/config.json": b"{}",
    "unet/diffusion_pytorch_model.safetensors": b"weights" * 3,
    "unet/diffusion_pytorch_model.fp16.safetensors": b"half",
    "unet/diffusion_pytorch_model.non_ema.safetensors": b"other weights",
    "unet/diffusion_pytorch_model.bin": b"a pickle",
    "vae/config.json": b"{}",
    "vae/diffusion_pytorch_model.safetensors": b"more weights",
    "vae_1_0/diffusion_pytorch_model.safetensors": b"weights of earlier",
}


class FakeHub:
    """Repositories by name, each with its files."""

    def __init__(self, repositories: Mapping[str, Mapping[str, bytes]], cache: Path) -> None:
        self.repositories = repositories
        self.cache = cache
        self.offline = False
        self.corrupt: set[str] = set()
        self.asked: list[str] = []
        """Files that were downloaded into the cache, in order."""

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Answer in place of the hub."""
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(self.cache))
        monkeypatch.setattr(huggingface_hub.HfApi, "model_info", self._model_info)
        monkeypatch.setattr(huggingface_hub, "hf_hub_download", self._download)

    def _model_info(self, repository: str, **_: Any) -> SimpleNamespace:
        siblings = [
            SimpleNamespace(
                rfilename=name,
                size=len(content),
                lfs=SimpleNamespace(sha256=_digest(content)) if name.endswith(".safetensors") else None,
            )
            for name, content in self._files(repository).items()
        ]
        return SimpleNamespace(siblings=siblings)

    def _download(
        self, repository: str, name: str, *, revision: str | None = None, local_dir: str | None = None
    ) -> str:
        content = b"not it" if name in self.corrupt else self._files(repository)[name]
        if local_dir is None:
            self.asked.append(name)
            folder = self.cache / f"models--{repository.replace('/', '--')}"
            reference = folder / "refs" / (revision or "main")
            reference.parent.mkdir(parents=True, exist_ok=True)
            reference.write_text(COMMIT, encoding="utf-8")
            path = folder / "snapshots" / COMMIT / name
        else:
            path = Path(local_dir) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return str(path)

    def _files(self, repository: str) -> Mapping[str, bytes]:
        if self.offline:
            raise OfflineModeIsEnabled("offline")
        if repository not in self.repositories:
            raise OSError("404 Client Error\nfor a long address")
        return self.repositories[repository]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
