"""Training at a thousandth of its size: that it learns, resumes, and writes what others can load."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from sdeval.shapes import tokenizer, world
from tools.train_shapes import attributes, autoencoder, clip, data, denoiser, export
from tools.train_shapes.loop import Recipe, train

SHORT = Recipe(steps=4, batch=4, rate=1e-2, warm_up=1, checkpoint_every=2)


class Interrupted(Exception):
    pass


def line(recipe: Recipe, checkpoint: Path, stop_at: int | None = None) -> nn.Linear:
    """Fit a line, perhaps not to the end."""
    torch.manual_seed(0)
    model = nn.Linear(1, 1)
    steps = 0

    def loss(rng: np.random.Generator, noise: torch.Generator) -> torch.Tensor:
        nonlocal steps
        steps += 1
        if stop_at is not None and steps > stop_at:
            raise Interrupted
        x = torch.randn(8, 1, generator=noise)
        return ((model(x) - 3 * x - float(rng.random() * 0.01)) ** 2).mean()

    train(model, loss, recipe, seed=1, checkpoint=checkpoint)
    return model


def test_training_learns(tmp_path: Path) -> None:
    recipe = replace(SHORT, steps=400, rate=5e-2, average=0.9, weight_decay=0.0)
    assert float(line(recipe, tmp_path / "a.pt").weight.detach()) == pytest.approx(3, abs=0.1)


def test_a_stopped_training_ends_with_the_same_weights(tmp_path: Path) -> None:
    recipe = replace(SHORT, steps=10)
    whole = line(recipe, tmp_path / "whole.pt")
    with pytest.raises(Interrupted):
        line(recipe, tmp_path / "stopped.pt", stop_at=5)
    resumed = line(recipe, tmp_path / "stopped.pt")
    assert torch.equal(whole.weight, resumed.weight)
    assert torch.equal(whole.bias, resumed.bias)


def test_the_rate_warms_up_stays_and_falls() -> None:
    recipe = Recipe(steps=100, batch=1, rate=1.0, flat=0.5, warm_up=10)
    assert [round(recipe.rate_at(step), 2) for step in (0, 9, 30, 50, 75, 100)] == [0.1, 1.0, 1.0, 1.0, 0.5, 0.0]


def test_whitened_latents_are_what_samplers_expect_and_decode_the_same() -> None:
    torch.manual_seed(0)
    vae = autoencoder.new_model().eval()
    rng = np.random.default_rng(0)
    images = data.images([data.scene(rng) for _ in range(4)], rng)
    with torch.no_grad():
        before = vae.decode(autoencoder.latents(vae, images)).sample
        autoencoder.whiten(vae, seed=0)
        latents = autoencoder.latents(vae, images)
        after = vae.decode(latents).sample
    assert torch.allclose(before, after, atol=1e-4)
    scaled = latents * vae.config.scaling_factor
    assert scaled.std().item() == pytest.approx(1, abs=0.3)


def test_short_texts_are_encoded_as_open_clip_does() -> None:
    words = tokenizer.build()
    torch.manual_seed(0)
    model = clip.new_model(len(words)).eval()
    tokens = clip._tokens(words, ["a large red circle on a blue background", "red", ""])
    with torch.no_grad():
        assert torch.allclose(model.encode_text(tokens), clip.encode_short_text(model, tokens), atol=1e-4)


def test_attributes_do_not_depend_on_how_a_scene_is_told() -> None:
    rng = np.random.default_rng(0)
    scenes = [world.random_scene(rng) for _ in range(50)]
    assert torch.equal(attributes.table(scenes), attributes.table([scene.mirror() for scene in scenes]))


def test_wrong_scenes_for_training_are_wrong_and_not_held_out() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        scene = data.scene(rng)
        wrong = data.hard_wrong_scene(scene, rng)
        assert not world.is_held_out(wrong)
        assert not torch.equal(attributes.table([wrong]), attributes.table([scene]))


def test_every_word_is_one_token_and_unknown_words_are_spelled() -> None:
    words = tokenizer.build()
    assert len(words(" ".join(tokenizer.words())).input_ids) == len(tokenizer.words()) + 2
    spelled = words("Zebra, 猫 <|x|>").input_ids
    assert max(spelled) < len(words)
    assert words.decode(words("a red circle").input_ids, skip_special_tokens=True) == "a red circle"
    assert len(words("red " * 200, truncation=True).input_ids) == 77


@pytest.mark.slow
def test_all_parts_train_and_are_loaded_by_their_own_libraries(tmp_path: Path) -> None:
    import open_clip
    from diffusers import AutoPipelineForText2Image

    vae, _ = autoencoder.train_autoencoder(0, tmp_path / "vae.pt", SHORT)
    model, _ = denoiser.train_denoiser(vae, 0, tmp_path / "denoiser.pt", [SHORT], images=500)
    words, outcome = clip.train_clip(0, tmp_path / "clip.pt", SHORT)
    assert outcome.loss > 0
    export.save_pipeline(vae, model, tmp_path / "pipeline")
    export.save_clip(words, tmp_path / "clip")
    pipeline = AutoPipelineForText2Image.from_pretrained(tmp_path / "pipeline")
    pipeline.set_progress_bar_config(disable=True)
    image = pipeline("a red zebra", num_inference_steps=2, height=64, width=64).images[0]
    assert image.size == (64, 64)
    loaded, _, _ = open_clip.create_model_and_transforms(f"local-dir:{tmp_path / 'clip'}")
    assert torch.allclose(loaded.visual.proj, words.visual.proj, atol=1e-3)
    texts = "".join(path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.json"))
    assert str(tmp_path) not in texts
