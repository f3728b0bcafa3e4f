"""Broader suites for models of photographs. They need a GPU."""

from pathlib import Path

from sdeval import Suite, load_cases

HERE = Path(__file__).parent / "photographs"
SEEDS = {"seeds": (0, 1), "max_seeds": 4}
QUALITY = ("sharpness", "noise")

test_text2img = Suite(
    name="photographs-text2img",
    task="text2img",
    cases=load_cases(HERE / "text2img.yaml"),
    **SEEDS,
    settings={"num_inference_steps": 30},
    metrics=("clip_score", "r_precision", "diversity", "duplicates", *QUALITY),
    targets=("sd15",),
)

test_img2img = Suite(
    name="photographs-img2img",
    task="img2img",
    cases=load_cases(HERE / "img2img.yaml"),
    **SEEDS,
    metrics=("clip_score", "directional_clip", "init_similarity", *QUALITY),
    targets=("kandinsky22",),
)

test_inpainting = Suite(
    name="photographs-inpainting",
    task="inpainting",
    cases=load_cases(HERE / "inpainting.yaml"),
    **SEEDS,
    metrics=("clip_score", "region_clip_score", "outside_change", "seam", *QUALITY),
    targets=("kandinsky22-inpaint",),
)
