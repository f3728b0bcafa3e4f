"""CLIP models that were trained on what people prefer: HPS v2 in open_clip's format, PickScore in transformers'."""

from __future__ import annotations

import hashlib
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from sdeval._utils.environment import calm_threads
from sdeval._utils.hub import cached_file, local_folder
from sdeval._utils.validation import readable
from sdeval.errors import NotAvailable, SdevalError, first_line
from sdeval.metrics.features.clip import Clip

if TYPE_CHECKING:
    import torch

ARCHITECTURE = "ViT-H-14"
"""Of both, as open_clip names it; its tokenizer is part of open_clip."""
HPS_FILE = "HPS_v2.1_compressed.pt"


@lru_cache(maxsize=1)
def load_hps(weights: str, device: str, architecture: str = ARCHITECTURE) -> Clip:
    """The model of HPS v2.1.

    Args:
        weights: a hub id, the published file, or a folder that has it.
        device: where the model runs.
        architecture: as open_clip names it.

    Raises:
        NotAvailable: the weights are not on this machine; says how to get them.
        SdevalError: the file is no such model.
    """
    calm_threads()
    import open_clip
    import torch

    path = _hps_file(weights)
    model = open_clip.create_model(architecture, pretrained=None, device=device)
    try:
        # Files of other formats could run code; this opens tensors only.
        model.load_state_dict(torch.load(path, map_location=device, weights_only=True)["state_dict"])
    except Exception as error:
        raise SdevalError(f"hps_weights {readable(weights)}: does not load: {first_line(error)}") from error
    edge = model.visual.preprocess_cfg["size"][0]
    return Clip(
        model,
        partial(_pad_to_square, edge=edge),
        open_clip.get_tokenizer(architecture),
        version=f"hps v2.1 {_digest(path)}",
        resize=f"bicubic {edge}x{edge} longest, padded",
        device=device,
    )


@lru_cache(maxsize=1)
def load_pickscore(model: str, device: str) -> Clip:
    """The model of PickScore, and the scale that it learnt.

    Args:
        model: a hub id, or a folder in transformers format.
        device: where the model runs.

    Raises:
        NotAvailable: the weights are not on this machine; says how to get them.
        SdevalError: the folder holds no such model.
    """
    calm_threads()
    import open_clip
    from open_clip.transform import PreprocessCfg, image_transform_v2
    from transformers import CLIPModel

    folder = _pickscore_folder(model)
    try:
        network, report = CLIPModel.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
    except Exception as error:
        raise SdevalError(f"pickscore_model {readable(model)}: does not load: {first_line(error)}") from error
    # transformers initialises missing weights with random numbers.
    if report["missing_keys"]:
        missing = ", ".join(sorted(report["missing_keys"])[:3])
        raise SdevalError(f"pickscore_model {readable(model)}: weights are missing in it: {missing}")
    edge = network.config.vision_config.image_size
    return Clip(
        ScaledClip(network.to(device)),
        image_transform_v2(PreprocessCfg(size=edge), is_train=False),
        open_clip.get_tokenizer(ARCHITECTURE, context_length=network.config.text_config.max_position_embeddings),
        version=f"pickscore {_digest(folder / 'model.safetensors')}",
        resize=f"bicubic {edge}x{edge} shortest",
        device=device,
    )


class ScaledClip:
    """A CLIP of transformers with the two methods of open_clip; its image features have the length that it learnt.

    The cosine with a text times that length is the score of the model.
    """

    def __init__(self, network: Any) -> None:
        self._network = network

    def eval(self) -> ScaledClip:
        """Switch off what belongs to training."""
        self._network.eval()
        return self

    def encode_image(self, batch: torch.Tensor) -> torch.Tensor:
        """Features `[n, d]`, of the learnt length."""
        features = _tensor(self._network.get_image_features(pixel_values=batch))
        directions = features / features.norm(dim=-1, keepdim=True)
        scaled: torch.Tensor = self._network.logit_scale.exp() * directions
        return scaled

    def encode_text(self, tokens: torch.Tensor) -> torch.Tensor:
        """Features `[n, d]`."""
        return _tensor(self._network.get_text_features(input_ids=tokens))


def _tensor(output: Any) -> torch.Tensor:
    """The features; transformers 5 wraps them."""
    features: torch.Tensor = getattr(output, "pooler_output", output)
    return features


def _pad_to_square(image: Image.Image, edge: int) -> torch.Tensor:
    """As HPS v2 sees images: the longest side has the model's size, and the rest is black.

    It resizes tensors of values in 0..1, which may leave this range at sharp edges, and not images of whole levels.
    """
    from torchvision.transforms import functional

    tensor = functional.to_tensor(image.convert("RGB"))
    height, width = tensor.shape[1:]
    scale = edge / max(height, width)
    if scale != 1:
        size = [max(1, round(height * scale)), max(1, round(width * scale))]
        tensor = functional.resize(tensor, size, functional.InterpolationMode.BICUBIC, antialias=True)
        down, across = edge - size[0], edge - size[1]
        tensor = functional.pad(tensor, [across // 2, down // 2, across - across // 2, down - down // 2])
    normalised: torch.Tensor = functional.normalize(tensor, list(MEAN), list(DEVIATION))
    return normalised


MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
"""Of the images that OpenAI trained CLIP on."""


def _hps_file(weights: str) -> Path:
    folder = local_folder(weights)
    path = folder / HPS_FILE if folder else Path(weights).expanduser()
    if path.suffix == ".pt":
        if not path.is_file():
            raise NotAvailable(f"hps_weights: no such file: {readable(str(path))}")
        return path
    cached = cached_file(weights, HPS_FILE)
    if cached is None:
        raise NotAvailable(
            f"HPS weights {readable(weights)} are not on this machine; get them with: hf download {weights} {HPS_FILE}"
        )
    return cached


def _pickscore_folder(model: str) -> Path:
    folder = local_folder(model)
    if folder is not None:
        # The other format of such folders is a pickle, which could run code.
        if not (folder / "model.safetensors").is_file():
            raise SdevalError(f"pickscore_model {readable(model)}: no model.safetensors in it; others are not opened")
        return folder
    weights, config = cached_file(model, "model.safetensors"), cached_file(model, "config.json")
    if weights is None or config is None:
        raise NotAvailable(
            f"PickScore weights {readable(model)} are not on this machine; get them with: "
            f"hf download {model} config.json model.safetensors"
        )
    return weights.parent


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]
