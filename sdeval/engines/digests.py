"""Digests of the files that images depend on: weights that were trained on are others, although their names are not."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from sdeval.config.target import Target
from sdeval.engines.checkpoints import find_lora, find_model, find_part, find_prior

WEIGHTS = (".safetensors",)
CONFIGURATION = (".json", ".txt", ".model")
"""Endings of the files that say how the weights are used: configurations, vocabularies and merges of tokenizers."""
LETTERS = 16
"""Letters of a digest that is recorded; its first ones, which tell files apart as well as all of them."""
PART = 2**20
"""Bytes that are read at once."""
_BLOB = re.compile("[0-9a-f]{64}")


def model_digests(target: Target) -> dict[str, str]:
    """Digests of everything that a target's images are made with, whichever folder it lies in.

    Returns:
        `weights` and `configuration`, for the model, its prior, its VAE and its LoRAs together.

    Raises:
        SdevalError: something that the target names is no checkpoint.
        NotAvailable: it is not on this machine.
    """
    folder = find_model(target)
    prior = find_prior(target, folder)
    parts = {"model": folder, **({"prior": prior} if prior else {})}
    if target.vae:
        parts["vae"] = find_part(target, "vae", target.vae, "config.json")
    files = {f"{part}/{path.relative_to(root)}": path for part, root in parts.items() for path in _files(root)}
    files.update({f"loras/{number}": find_lora(target, text) for number, text in enumerate(target.loras)})
    return {
        "weights": _digest_of_all(files, WEIGHTS),
        "configuration": _digest_of_all(files, CONFIGURATION),
    }


def file_digest(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal; computed once for as long as the file stays the same."""
    resolved = path.resolve()
    # The cache of a hub names the files that hold weights by their SHA-256.
    if path.is_symlink() and _BLOB.fullmatch(resolved.name):
        return resolved.name
    stat = resolved.stat()
    return _file_digest(resolved, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=4096)
def _file_digest(path: Path, size: int, modified: int) -> str:
    # `hashlib.file_digest` came with Python 3.11, and a worker may run on 3.10.
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(PART):
            digest.update(part)
    return digest.hexdigest()


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))


def _digest_of_all(files: dict[str, Path], endings: tuple[str, ...]) -> str:
    lines = [f"{name} {file_digest(path)}" for name, path in sorted(files.items()) if path.suffix in endings]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:LETTERS]
