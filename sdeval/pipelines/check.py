"""What can be known of a model before its weights are read: is it there, is it safe, does it fit the task."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sdeval.errors import NotAvailable, SdevalError
from sdeval.shapes import pipeline_folder
from sdeval.suite import Task
from sdeval.target import EMBEDDED, Target

_PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl")


def find_model(target: Target) -> Path:
    """The folder that holds the model: the one named, or the hub's cached copy.

    Raises:
        SdevalError: the folder is no diffusers checkpoint, or holds pickles instead of safetensors.
        NotAvailable: a hub model whose files are not on this machine.
    """
    folder = pipeline_folder() if target.model == EMBEDDED else Path(target.model).expanduser()
    if not folder.is_dir():
        folder = _cached(target)
    index = folder / "model_index.json"
    if not index.is_file():
        raise SdevalError(
            f"target {target.name}: no model_index.json in {folder}; is it a diffusers checkpoint folder?"
        )
    for part in sorted(each for each in folder.iterdir() if each.is_dir()):
        endings = {file.suffix for file in part.iterdir()}
        if endings.intersection(_PICKLES) and ".safetensors" not in endings:
            raise SdevalError(
                f"target {target.name}: {part} holds pickled weights, which can run code when they are opened; "
                "convert them to .safetensors"
            )
    return folder


def _cached(target: Target) -> Path:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(target.model, "model_index.json", revision=target.revision)
    if not isinstance(found, str):
        revision = f" --revision {target.revision}" if target.revision else ""
        raise NotAvailable(
            f"weights of {target.model} are not on this machine; get them with: hf download {target.model}{revision}"
        )
    return Path(found).parent


def check_task(target: Target, folder: Path, task: Task) -> None:
    """Refuse a checkpoint that loads for a task and then fails, or draws nonsense, when it is called.

    Raises:
        SdevalError: an inpainting checkpoint (9 latent channels) for another task.
    """
    index = _json(target, folder / "model_index.json")
    unet = folder / "unet" / "config.json"
    if "unet" not in index or not unet.is_file():
        return
    channels = _json(target, unet).get("in_channels")
    if channels == 9 and task != "inpainting":
        raise SdevalError(f"target {target.name}: {target.model} is an inpainting checkpoint and cannot do {task}")


def _json(target: Target, path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SdevalError(f"target {target.name}: {path} cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise SdevalError(f"target {target.name}: {path} is not a JSON object")
    return content
