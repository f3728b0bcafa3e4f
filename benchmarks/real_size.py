"""The cost of the harness, and what switches bring, on models of real size with random weights.

python benchmarks/real_size.py sd15 --steps 50
python benchmarks/real_size.py sdxl --steps 20 --switches

The same pictures are drawn by the harness (drawn, examined, hashed, written, scored) and by a bare diffusers loop that
saves them, in turns; the ratio is taken round by round. Memory is told for few pictures and for four times as many.
With `--switches`, offload, attention and compilation are timed one by one. `tiny` is for trying the script itself.
"""

from __future__ import annotations

import argparse
import gc
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from sdeval import Case, NotAvailable, SdevalError, Suite, Target
from sdeval._utils.environment import calm_threads, describe
from sdeval.evaluation.plan import Plan, make_plan

SWITCHES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "channels last": {"channels_last": True},
    "attention sliced": {"attention": "sliced"},
    "attention xformers": {"attention": "xformers"},
    "VAE slicing": {"vae_slicing": True},
    "compile": {"compile": True},
    "cpu_offload model": {"cpu_offload": "model"},
    "cpu_offload sequential": {"cpu_offload": "sequential"},
}


def text_model(width: int, layers: int, *, projected: bool = False) -> Any:
    """A CLIP text encoder."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    from sdeval.shapes import tokenizer

    words = tokenizer.build()
    config = CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=max(1, width // 64),
        projection_dim=width,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config)


def autoencoder(channels: tuple[int, ...]) -> Any:
    """The autoencoder of Stable Diffusion."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=channels,
        down_block_types=("DownEncoderBlock2D",) * len(channels),
        up_block_types=("UpDecoderBlock2D",) * len(channels),
        layers_per_block=2,
        norm_num_groups=min(32, channels[0]),
        latent_channels=4,
    )


def stable_diffusion(*, tiny: bool) -> Any:
    """Stable Diffusion 1.5: 860 million parameters in its U-Net."""
    from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel

    from sdeval.shapes import tokenizer

    small = {"block_out_channels": (32, 64, 64, 64)} if tiny else {}
    width = 64 if tiny else 768
    return StableDiffusionPipeline(
        vae=autoencoder((32, 32, 32, 32) if tiny else (128, 256, 512, 512)),
        text_encoder=text_model(width, 2 if tiny else 12),
        tokenizer=tokenizer.build(),
        unet=UNet2DConditionModel(sample_size=64, cross_attention_dim=width, **small),
        scheduler=DDIMScheduler(beta_schedule="scaled_linear", clip_sample=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def stable_diffusion_xl() -> Any:
    """Stable Diffusion XL: 2.6 billion parameters in its U-Net."""
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel

    from sdeval.shapes import tokenizer

    unet = UNet2DConditionModel(
        sample_size=128,
        block_out_channels=(320, 640, 1280),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=[1, 2, 10],
        attention_head_dim=[5, 10, 20],
        cross_attention_dim=2048,
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=256,
        projection_class_embeddings_input_dim=1280 + 6 * 256,
    )
    return StableDiffusionXLPipeline(
        vae=autoencoder((128, 256, 512, 512)),
        text_encoder=text_model(768, 12),
        text_encoder_2=text_model(1280, 32, projected=True),
        tokenizer=tokenizer.build(),
        tokenizer_2=tokenizer.build(),
        unet=unet,
        scheduler=EulerDiscreteScheduler(beta_schedule="scaled_linear", steps_offset=1, timestep_spacing="leading"),
    )


FAMILIES: dict[str, tuple[Callable[[], Any], int]] = {
    "tiny": (lambda: stable_diffusion(tiny=True), 64),
    "sd15": (lambda: stable_diffusion(tiny=False), 512),
    "sdxl": (stable_diffusion_xl, 1024),
}
"""How each is built, and the edge of its pictures."""


def plan_of(target: Target, edge: int, steps: int, pictures: int) -> Plan:
    """One picture a case."""
    cases = tuple(Case(id=f"case-{each}", prompt=f"a large red circle, picture {each}") for each in range(pictures))
    suite = Suite(
        name="real-size",
        task="text2img",
        cases=cases,
        seeds=(0,),
        settings={"num_inference_steps": steps, "width": edge, "height": edge},
        metrics=("clip_score", "sharpness", "noise"),
        metric_options={"clip_model": "shapes"},
    )
    return replace(make_plan(suite, target), self_check=False)


def synchronized() -> float:
    """The time, once the accelerator is done."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def bare(plan: Plan, loaded: Any, folder: Path) -> float:
    """Seconds of a diffusers loop that saves its pictures."""
    import torch

    pipeline, started = loaded.pipeline("text2img"), synchronized()
    for batch in plan.batches(loaded.batch_size):
        generators = [torch.Generator("cpu").manual_seed(each.seed) for each in batch]
        prompts = [each.case.prompt for each in batch]
        with torch.inference_mode():
            pictures = pipeline(prompt=prompts, generator=generators, **plan.settings).images
        for each, picture in zip(batch, pictures, strict=True):
            picture.save(folder / f"{each.name}.png")
    return synchronized() - started


def harness(plan: Plan, loaded: Any, folder: Path) -> float:
    """Seconds of the same pictures, examined, hashed and scored besides."""
    from sdeval.evaluation.evaluate import evaluate

    started = synchronized()
    evaluate(plan, loaded, folder)
    return synchronized() - started


def peak_mib() -> float:
    """Of the accelerator since it was last asked to forget, or of this process."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def cost(target: Target, given: argparse.Namespace, edge: int, folder: Path) -> None:
    """Both in turns, and memory beside the number of pictures."""
    from sdeval.engines.diffusers_engine import LoadedTarget

    loaded = LoadedTarget(target)
    plan = plan_of(target, edge, given.steps, given.pictures)
    few = plan_of(target, edge, given.steps, max(1, given.pictures // 4))
    harness(few, loaded, folder / "few")
    bare(few, loaded, folder)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rounds = [(harness(plan, loaded, folder / str(each)), bare(plan, loaded, folder)) for each in range(given.rounds)]
    ratios = sorted(mine / other for mine, other in rounds)
    print(f"harness {given.pictures / median(a for a, _ in rounds):.3g} pictures a second, ", end="")
    print(f"bare loop {given.pictures / median(b for _, b in rounds):.3g}")
    print(f"ratio: median {median(ratios):.3f}, {ratios[0]:.3f} to {ratios[-1]:.3f} (n={len(ratios)})")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"main memory: {memory:.0f} MiB after {len(few.samples)} pictures, {grown:.0f} MiB after {given.pictures}")


def switches(target: Target, given: argparse.Namespace, edge: int) -> None:
    """Seconds and memory with each switch alone."""
    import torch

    from sdeval.engines.diffusers_engine import LoadedTarget
    from sdeval.evaluation.generate import time_calls

    print("\n| switch | s a picture, median | pictures a second | MiB at peak | first call, s |\n|---|---|---|---|---|")
    for name, changes in SWITCHES.items():
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        try:
            changed = replace(target, **changes)
            plan = plan_of(changed, edge, given.steps, given.pictures)
            timings = time_calls(plan, LoadedTarget(changed), calls=6)
        except (SdevalError, NotAvailable) as error:
            print(f"| {name} | {error} | | | |")
            continue
        warm = [each.seconds for each in timings.values() if not each.warming]
        first = [each.seconds for each in timings.values() if each.warming]
        print(f"| {name} | {median(warm):.3g} | {1 / median(warm):.3g} | {peak_mib():.0f} | {sum(first):.3g} |")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family", choices=FAMILIES)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--pictures", type=int, default=32)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--switches", action="store_true", help="time the switches instead")
    given = parser.parse_args()
    calm_threads()
    import torch

    build, edge = FAMILIES[given.family]
    with TemporaryDirectory() as text:
        folder = Path(text)
        half = torch.cuda.is_available()
        build().to(torch.float16 if half else torch.float32).save_pretrained(folder / "model")
        dtype: Any = "float16" if half else "float32"
        target = Target(name="real-size", model=str(folder / "model"), dtype=dtype, batch_size=given.batch)
        facts = describe()
        versions = ", ".join(f"{name} {facts['packages'][name]}" for name in ("torch", "diffusers"))
        print(f"{given.family}, {edge}x{edge}, {given.steps} steps, {dtype}, batches of {given.batch}")
        print(f"{facts['hardware']}, {versions}")
        if given.switches:
            switches(target, given, edge)
        else:
            cost(target, given, edge, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
