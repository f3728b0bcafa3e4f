"""A vision-language model of transformers that answers yes or no on this machine."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image

from sdeval._utils.environment import calm_threads
from sdeval._utils.hub import cached_file, local_folder
from sdeval.errors import NotAvailable, SdevalError, first_line

WORDS = {"yes": ("yes", "Yes", " yes", " Yes"), "no": ("no", "No", " no", " No")}

READ = (".safetensors", ".json", ".jinja", ".txt", ".model")
"""Endings of the files that transformers reads."""


class LocalVisionModel:
    """A model in transformers format that takes an image and text, such as Qwen2.5-VL or SmolVLM.

    Raises:
        NotAvailable: the model is not on this machine.
        SdevalError: the folder holds no such model.
    """

    def __init__(self, model: str, device: str) -> None:
        calm_threads()
        folder = _find(model)
        self.version = f"{Path(model).name} {_digest(folder)}"
        self._processor, network = _load(folder, model)
        self._model = network.to(device).eval()
        self._device = device
        self._tokens = _answer_tokens(self._processor.tokenizer, model)

    def yes(self, image: Image.Image, question: str) -> float:
        """The chance of a yes, by the logits of the first token of the answer."""
        import torch

        content = [{"type": "image", "image": image}, {"type": "text", "text": question}]
        inputs = self._processor.apply_chat_template(
            [{"role": "user", "content": content}],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        ).to(self._device)
        with torch.inference_mode():
            logits = self._model(**inputs).logits[0, -1].float()
        yes, no = (torch.logsumexp(logits[self._tokens[word]], 0) for word in ("yes", "no"))
        return float(torch.sigmoid(yes - no))


def _answer_tokens(tokenizer: Any, model: str) -> dict[str, list[int]]:
    """The first token of each spelling of yes and no; one that both begin with, such as a blank, tells nothing."""
    first = {
        word: {tokenizer.encode(spelling, add_special_tokens=False)[0] for spelling in spellings}
        for word, spellings in WORDS.items()
    }
    tokens = {"yes": sorted(first["yes"] - first["no"]), "no": sorted(first["no"] - first["yes"])}
    if not all(tokens.values()):
        raise SdevalError(f"checklist_model {model}: its tokenizer begins yes and no with the same token")
    return tokens


def _load(folder: Path, model: str) -> tuple[Any, Any]:
    from transformers import AutoModelForImageTextToText, AutoProcessor

    try:
        processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
        network, report = AutoModelForImageTextToText.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype="auto", output_loading_info=True
        )
    except Exception as error:
        raise SdevalError(f"checklist_model {model}: does not load: {first_line(error)}") from error
    # transformers initialises missing weights with random numbers.
    if report["missing_keys"]:
        missing = ", ".join(sorted(report["missing_keys"])[:3])
        raise SdevalError(f"checklist_model {model}: weights are missing in it: {missing}")
    if not getattr(processor, "chat_template", None):
        raise SdevalError(f"checklist_model {model}: has no chat template; take one that was trained to answer")
    return processor, network


def _digest(folder: Path) -> str:
    """Of all files that an answer depends on: weights, configurations, tokenizer and chat template."""
    files = [path for path in sorted(folder.iterdir()) if path.suffix in READ and path.is_file()]
    return hashlib.sha256("\n".join(f"{path.name} {_of_file(path)}" for path in files).encode()).hexdigest()[:12]


def _of_file(path: Path) -> str:
    """The SHA-256 of a file; the cache of the hub names files of weights by it, which may be of many gigabytes."""
    name = path.resolve().name
    if path.is_symlink() and re.fullmatch("[0-9a-f]{64}", name):
        return name
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _find(model: str) -> Path:
    folder = local_folder(model)
    if folder is not None:
        if not (folder / "config.json").is_file():
            raise SdevalError(f"checklist_model {model}: no config.json in it")
        return folder
    config = cached_file(model, "config.json")
    if config is None:
        advice = "or name an endpoint that has it with checklist_url"
        raise NotAvailable(
            f"checklist_model {model} is not on this machine; get it with: hf download {model}; {advice}"
        )
    return config.parent


@lru_cache(maxsize=1)
def load_vision_model(model: str, device: str) -> LocalVisionModel:
    """The model of a suite."""
    return LocalVisionModel(model, device)
