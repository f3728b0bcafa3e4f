"""The CLIP of the shapes world: an ordinary open_clip model, small, with its own vocabulary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from open_clip.model import CLIP
from torch import nn
from torch.nn import functional
from transformers import CLIPTokenizer

from sdeval.shapes import tokenizer, world
from tools.train_shapes import attributes, data
from tools.train_shapes.loop import Outcome, Recipe, train

RECIPE = Recipe(steps=4000, batch=48, rate=1e-3, average=0.998, weight_decay=0.05, betas=(0.9, 0.98), warm_up=300)
WRONG = 3
"""Wrong captions rendered for each image, each with one attribute changed."""

MEAN, DEVIATION = 0.5, 0.5
READING_SCALE = 10.0
"""Features have length 1; a linear reading of them needs more room than that."""


def configuration(vocabulary: int) -> dict[str, Any]:
    """What `open_clip_config.json` says of the model."""
    return {
        "embed_dim": 128,
        "vision_cfg": {"image_size": 64, "layers": 4, "width": 128, "head_width": 32, "patch_size": 8},
        "text_cfg": {
            "context_length": tokenizer.CONTEXT,
            "vocab_size": vocabulary,
            "width": 128,
            "heads": 4,
            "layers": 2,
            # Read from the model's own folder (open_clip, `local-dir:`).
            "hf_tokenizer_name": "shapes",
        },
    }


def new_model(vocabulary: int) -> CLIP:
    """The architecture with fresh weights."""
    config = configuration(vocabulary)
    text = {key: value for key, value in config["text_cfg"].items() if key != "hf_tokenizer_name"}
    return CLIP(config["embed_dim"], config["vision_cfg"], text)


class Training(nn.Module):
    """What is optimised: the model, and a reading of every attribute off its features that is thrown away afterwards.

    The same linear layer predicts attributes from images and from texts. The contrastive loss alone does not learn
    which of two things is on the left; the prediction makes both towers encode it in the same way.
    """

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.clip = new_model(vocabulary)
        self.read = nn.Linear(configuration(vocabulary)["embed_dim"], sum(attributes.SIZES))

    def loss(
        self, images: torch.Tensor, tokens: torch.Tensor, of_images: torch.Tensor, of_texts: torch.Tensor
    ) -> torch.Tensor:
        """Contrast plus reading.

        Args:
            images: `[b, 3, 64, 64]` in 0..1.
            tokens: `[b + b * WRONG, 77]`, the right captions first.
            of_images: `[b, attributes]` of the images.
            of_texts: `[b + b * WRONG, attributes]` of the texts.
        """
        image = functional.normalize(self.clip.encode_image((images - MEAN) / DEVIATION), dim=-1)
        distinct, back = torch.unique(tokens, dim=0, return_inverse=True)
        text = functional.normalize(encode_short_text(self.clip, distinct), dim=-1)[back]
        scale = self.clip.logit_scale.exp().clamp(max=100)
        reading = self._reading(image, of_images) + self._reading(text, of_texts)
        return contrast(scale * image @ text.T, tokens[: len(images)]) + reading

    def _reading(self, features: torch.Tensor, correct: torch.Tensor) -> torch.Tensor:
        parts = self.read(READING_SCALE * features).split(attributes.SIZES, dim=1)
        losses = [functional.cross_entropy(part, correct[:, index]) for index, part in enumerate(parts)]
        return torch.stack(losses).mean()


def train_clip(seed: int, checkpoint: Path, recipe: Recipe = RECIPE) -> tuple[CLIP, Outcome]:
    """Train from `seed` with images against the captions of the batch and against wrong captions of their own."""
    torch.manual_seed(seed)
    words = tokenizer.build()
    model = Training(len(words))

    def loss_of_step(rng: np.random.Generator, noise: torch.Generator) -> torch.Tensor:
        scenes = [data.scene(rng) for _ in range(recipe.batch)]
        images = _smudge(data.images(scenes, rng), rng, noise)
        text_scenes = [scene.mirror() if rng.random() < 0.5 else scene for scene in scenes]
        text_scenes += [data.hard_wrong_scene(scene, rng) for scene in scenes for _ in range(WRONG)]
        tokens = _tokens(words, [world.caption(scene) for scene in text_scenes])
        return model.loss(images, tokens, attributes.table(scenes), attributes.table(text_scenes))

    outcome = train(model, loss_of_step, recipe, seed, checkpoint)
    return model.clip.eval(), outcome


def _tokens(words: CLIPTokenizer, texts: list[str]) -> torch.Tensor:
    return torch.as_tensor(words(texts, padding="max_length", truncation=True, return_tensors="pt").input_ids)


def contrast(logits: torch.Tensor, captions: torch.Tensor) -> torch.Tensor:
    """Images against the captions of the batch and their own wrong ones, captions against images.

    Args:
        logits: `[b, b + b * WRONG]`.
        captions: `[b, 77]`, tokens of the right captions; duplicates do not count as wrong captions.
    """
    batch = len(captions)
    duplicates = (captions[:, None] == captions[None]).all(dim=-1) & ~torch.eye(batch, dtype=torch.bool)
    square = logits[:, :batch].masked_fill(duplicates, -torch.inf)
    target = torch.arange(batch)
    own_wrong = logits[:, batch:].view(batch, batch, WRONG)[target, target]
    to_text = functional.cross_entropy(torch.cat([square, own_wrong], dim=1), target)
    return 0.5 * (to_text + functional.cross_entropy(square.T, target))


def encode_short_text(model: CLIP, tokens: torch.Tensor) -> torch.Tensor:
    """`model.encode_text(tokens)` without the padding that all texts share; attention is causal, so it is the same."""
    end = tokens.argmax(dim=-1)
    length = int(end.max()) + 1
    hidden = model.token_embedding(tokens[:, :length]) + model.positional_embedding[:length]
    hidden = model.ln_final(model.transformer(hidden, attn_mask=model.attn_mask[:length, :length]))
    return torch.as_tensor(hidden[torch.arange(len(tokens)), end] @ model.text_projection)


def _smudge(images: torch.Tensor, rng: np.random.Generator, noise: torch.Generator) -> torch.Tensor:
    """Blur and grain some images a little, so that scores do not hang on the last pixel of an edge."""
    if rng.random() < 0.3:
        soft = functional.avg_pool2d(functional.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
        images = torch.lerp(images, soft, float(rng.uniform(0.2, 1.0)))
    if rng.random() < 0.3:
        images = images + float(rng.uniform(0, 0.05)) * torch.randn(images.shape, generator=noise)
    return images.clamp(0, 1)
