"""Hashes by which accepted baselines, journals and histories are recognised: what they are of keeps them for ever.

What is hashed is named by keys; whoever renames a field of the code finds here that the key in the hash stays.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from sdeval.baselines.variability import samples_hash
from sdeval.config.case import Case, Sample, fingerprint
from sdeval.config.target import Target
from sdeval.config.target_registry import shipped_targets
from sdeval.imaging.io import pixel_hash
from sdeval.results.journal import Journal

TARGETS = {
    "shapes": "c0c75575dea03990",
    "sd15": "ba5f24dd67ceea7d",
    "sd15-lcm": "794177cd99bcc1b4",
    "sdxl": "4e79365b8b72b865",
    "sdxl-unipc": "1125eef934e9bb38",
    "sd3.5": "18ef3e51bf5472e5",
    "flux-schnell": "3cf88ea8b00a57a6",
    "kandinsky22": "1ab4027c19fdb0da",
    "kandinsky22-inpaint": "afb687a154a484eb",
}


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_keeps_its_fingerprint(name: str) -> None:
    assert shipped_targets()[name].fingerprint == TARGETS[name]


def test_a_target_with_every_field_keeps_its_fingerprint() -> None:
    target = Target(
        name="all",
        model="org/model",
        revision="main",
        variant="fp16",
        dtype="bfloat16",
        scheduler="EulerDiscreteScheduler",
        scheduler_config={"use_karras_sigmas": True},
        loras={"org/lora": 0.5},
        vae="org/vae",
        prior="org/prior",
        device="cuda",
        needs="cuda",
        cpu_offload="model",
        attention="xformers",
        vae_slicing=True,
        vae_tiling=True,
        channels_last=True,
        compile=True,
        quantization={"backend": "bitsandbytes_4bit"},
        safety_checker=False,
        batch_size=4,
        settings={"guidance_scale": 7.5},
    )
    assert target.fingerprint == "be7e53ec7d5f8353"


def test_a_case_with_a_prompt_keeps_its_fingerprint() -> None:
    assert fingerprint(Sample(Case(id="cat", prompt="a cat"), 3), None, None) == "11cb42fa43c3fa51"


def test_a_case_with_every_field_keeps_its_fingerprint(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), (10, 20, 30)).save(tmp_path / "image.png")
    Image.new("L", (8, 8), 255).save(tmp_path / "mask.png")
    case = Case(
        id="cat",
        prompt="a cat",
        negative_prompt="blurred",
        image=tmp_path / "image.png",
        mask=tmp_path / "mask.png",
        strength=0.5,
        region_prompt="a head",
        image_prompt="a dog",
        tags=("animal",),
    )
    assert fingerprint(Sample(case, 7), 8, 8) == "d1a89ceaea98cf13"


def test_pixels_keep_their_hash() -> None:
    assert (
        pixel_hash(Image.new("RGB", (2, 1), (1, 2, 3)))
        == "47aa0678a8209a65ad985875edcda9500c0571c0cbd8d721b2f785663a958d44"
    )


def test_a_journal_keeps_the_hash_of_its_facts(tmp_path: Path) -> None:
    Journal(tmp_path, {"target": {"model": "m"}, "settings": {"steps": 2}}).recall({})
    (path,) = tmp_path.iterdir()
    assert path.read_text() == '{"facts": "953a483fcbd138b48be0ce22d144ce40d3bd13895c035387b3c055e38c8a7434"}\n'


def test_samples_keep_the_hash_that_calibration_is_tied_to() -> None:
    assert samples_hash(["b", "a"]) == "1eb7c54d52831bbf"


def test_an_edit_of_several_images_keeps_its_fingerprint(tmp_path: Path) -> None:
    paths = (tmp_path / "cat.png", tmp_path / "hat.png")
    for path, colour in zip(paths, ((10, 20, 30), (200, 20, 30)), strict=True):
        Image.new("RGB", (8, 8), colour).save(path)
    case = Case(id="cat", prompt="add the hat", images=paths, image_prompt="a cat", edited_prompt="a cat with a hat")
    assert fingerprint(Sample(case, 7), 8, 8) == "a82a4ee072b5e186"
