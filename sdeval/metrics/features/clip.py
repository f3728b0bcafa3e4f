"""The CLIP model that metrics share: open_clip, raw features, loaded once for each name and device."""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from sdeval._utils.environment import calm_threads
from sdeval._utils.hub import HubFiles, MissingWeights, cached_file, local_folder
from sdeval._utils.truncation import unread_part
from sdeval._utils.validation import readable
from sdeval.config.case import Case
from sdeval.errors import SdevalError, unknown
from sdeval.metrics.base import Features

if TYPE_CHECKING:
    import torch

WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
TOKENIZER = (("tokenizer*", "vocab*"), ("special_tokens_map.json",), ("merges.txt",), ("*.model",))
"""Files of a tokenizer on the hub: which of them there are depends on its kind."""
BATCH = 32
"""Images or texts encoded at once."""
CLIP_WEIGHTS = "the suite's `clip_model`; by default ViT-B-32 of OpenAI, 605 MB, from the hub"
CLIP_LICENCE = "MIT (open_clip); weights of OpenAI: MIT; those of another `clip_model` have their own"


@lru_cache(maxsize=4)
def load_clip(name: str, device: str) -> Clip:
    """The CLIP of a suite: `shapes`, `MODEL/WEIGHTS`, `local-dir:PATH` or `hf-hub:ORG/NAME`.

    Raises:
        SdevalError: there is no such model, or no such weights.
        NotAvailable: the weights are not on this machine.
    """
    calm_threads()
    import open_clip

    located = _locate(name)
    try:
        model, _, preprocess = open_clip.create_model_and_transforms(
            located.model,
            pretrained=located.weights,
            device=device,
            load_weights=True,
            force_quick_gelu=located.quick_gelu,
        )
        tokenizer = open_clip.get_tokenizer(located.model)
    except (RuntimeError, OSError, ValueError, FileNotFoundError) as error:
        raise SdevalError(f"clip_model {name}: does not load: {str(error).splitlines()[0]}") from error
    preprocessing = model.visual.preprocess_cfg
    edge = "x".join(map(str, preprocessing["size"]))
    resize = f"{preprocessing['interpolation']} {edge} {preprocessing['resize_mode']}"
    return Clip(model, preprocess, tokenizer, version=located.version, resize=resize, device=device)


class Clip:
    """Image and text features of one model, not normalised, in float32.

    Args:
        model: has `encode_image` and `encode_text`, as models of open_clip have.
        preprocess: turns an image into a tensor.
        tokenizer: turns texts into a tensor of tokens, a row each.
        version: changes whenever the features of the same image can change.
        resize: how images are resized, in words.
        device: where the model is.
    """

    name = "clip"

    def __init__(
        self,
        model: Any,
        preprocess: Callable[[Image.Image], torch.Tensor],
        tokenizer: Callable[[list[str]], torch.Tensor],
        *,
        version: str,
        resize: str,
        device: str,
    ) -> None:
        self._model = model.eval()
        self._preprocess = preprocess
        self._tokenizer = tokenizer
        self.version = version
        self.resize = resize
        self._device = device
        self._texts: dict[str, Any] = {}
        self._last: tuple[weakref.ref[Image.Image], ...] = ()
        """The images that were encoded last, as long as anybody has them."""
        self._last_features: Features = np.zeros((0, 0), np.float32)

    def images(self, images: Sequence[Image.Image]) -> Features:
        """Features of images, `[n, d]`; metrics that ask for the same ones in turn share them."""
        if (
            self._last
            and len(images) == len(self._last)
            and all(last() is image for last, image in zip(self._last, images, strict=True))
        ):
            return self._last_features
        features = self._features(images)
        self._last, self._last_features = tuple(map(weakref.ref, images)), features
        return features

    def _features(self, images: Sequence[Image.Image]) -> Features:
        import torch

        parts = []
        for start in range(0, len(images), BATCH):
            batch = torch.stack([self._preprocess(image.convert("RGB")) for image in images[start : start + BATCH]])
            parts.append(self._encode(self._model.encode_image, batch))
        return np.concatenate(parts)

    def texts(self, texts: Sequence[str]) -> Features:
        """Features of texts, `[n, d]`; each distinct text is encoded once."""
        new = [text for text in dict.fromkeys(texts) if text not in self._texts]
        for start in range(0, len(new), BATCH):
            batch = new[start : start + BATCH]
            encoded = self._encode(self._model.encode_text, self._tokenizer(batch))
            self._texts.update(zip(batch, encoded, strict=True))
        return np.stack([self._texts[text] for text in texts])

    def unread(self, text: str) -> str:
        """The end of a text that is beyond the context of the model; empty where all of it is read."""
        return unread_part(text, lambda beginning: self._tokenizer([beginning])[0].tolist())

    def _encode(self, encoder: Any, batch: torch.Tensor) -> Features:
        import torch

        with torch.inference_mode():
            return np.asarray(encoder(batch.to(self._device)).float().cpu().numpy(), dtype=np.float32)


class WithClip:
    """Base class of metrics that score with a CLIP model: the model, and a version that changes with it."""

    def __init__(self, clip: Clip) -> None:
        self._clip = clip

    @property
    def version(self) -> str:
        """Formula and weights."""
        return f"1 {self._clip.version}"

    def unread(self, case: Case) -> str:
        """What the model does not read of the texts of a case; empty where it reads all."""
        return " … ".join(filter(None, map(self._clip.unread, self.texts_of(case))))

    def texts_of(self, case: Case) -> Sequence[str]:
        """The texts of a case that the model reads; none for metrics of images alone."""
        return ()


@dataclass(frozen=True, slots=True)
class _Located:
    """Model and weights as open_clip names them, and a version that changes with the weights."""

    model: str
    weights: str | None
    version: str
    quick_gelu: bool = False
    """Whether the weights were trained with QuickGELU: those of OpenAI give other features without it."""


def _locate(name: str) -> _Located:
    if name == "shapes":
        from sdeval.shapes import clip_folder

        return _folder(clip_folder(), "shapes")
    if name.startswith("local-dir:"):
        folder = local_folder(name.removeprefix("local-dir:"))
        if folder is None:
            raise SdevalError(f"clip_model: no such folder: {readable(name.removeprefix('local-dir:'))}")
        return _folder(folder, name)
    if name.startswith("hf-hub:"):
        _must_be_cached(name.removeprefix("hf-hub:"), "open_clip_config.json", with_configuration=True)
        return _Located(name, None, name)
    return _pretrained(name)


def _folder(folder: Path, name: str) -> _Located:
    weights = folder / "open_clip_model.safetensors"
    if not weights.is_file():
        raise SdevalError(f"clip_model {name}: no {weights.name} in {folder}")
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()[:12]
    return _Located(f"local-dir:{folder}", None, f"{name if name == 'shapes' else 'local-dir'} {digest}")


def _pretrained(name: str) -> _Located:
    import open_clip

    model, slash, tag = name.partition("/")
    if model not in open_clip.list_models():
        raise SdevalError(f"clip_model: {unknown('open_clip model', model, open_clip.list_models())}")
    tags = open_clip.list_pretrained_tags_by_model(model)
    # Without weights open_clip only logs a warning and scores with random numbers.
    if not slash or tag not in tags:
        raise SdevalError(f"clip_model {name}: {unknown('weights', tag, tags)}; write it as {model}/WEIGHTS")
    published = open_clip.get_pretrained_cfg(model, tag) or {}
    hub = published.get("hf_hub", "").rstrip("/")
    if hub:
        _must_be_cached(hub, *WEIGHTS)
    tokenizer = (open_clip.get_model_config(model) or {}).get("text_cfg", {}).get("hf_tokenizer_name")
    if tokenizer and cached_file(tokenizer, "tokenizer_config.json") is None:
        advice = f"get it with: hf download {tokenizer}"
        message = f"the tokenizer {tokenizer} of CLIP {name} is not on this machine; {advice}"
        raise MissingWeights(message, HubFiles(tokenizer, TOKENIZER))
    # open_clip itself only warns, and computes other features than the weights were trained for.
    quick_gelu = bool(published.get("quick_gelu"))
    return _Located(model, tag, f"{name} quickgelu" if quick_gelu else name, quick_gelu)


def _must_be_cached(repository: str, *files: str, with_configuration: bool = False) -> None:
    if any(cached_file(repository, file) for file in files):
        return
    further = (("open_clip_config.json",), *TOKENIZER) if with_configuration else ()
    raise MissingWeights(
        f"CLIP weights {repository} are not on this machine; get them with: hf download {repository}",
        HubFiles(repository, (WEIGHTS, *further)),
    )
