"""The suites of the embedded model: every task in about a minute, on any machine."""

from pathlib import Path

from sdeval import Suite, load_cases

HERE = Path(__file__).parent / "shapes"
STEPS = {"num_inference_steps": 20, "guidance_scale": 4.0}
CLIP = {"clip_model": "shapes"}
# On the embedded CLIP's scale an image with one wrong colour or shape loses 10 points and more, so that one point of
# the mean is one such image in ten or twenty.
TOLERATED = {"clip_score": 1.0, "frechet_distance": 0.15}

# Two seeds decide most changes; up to four are generated while a metric is inconclusive.
SEEDS = {"seeds": (10, 11), "max_seeds": 4}
# What every image is asked besides: whether it is as sharp and as clean as before, and how far from the baseline's.
LOOKS = ("sharpness", "noise", "psnr")

test_text2img = Suite(
    name="shapes-text2img",
    task="text2img",
    cases=load_cases(HERE / "text2img.yaml"),
    **SEEDS,
    settings={**STEPS, "width": 64, "height": 64},
    metrics=("clip_score", "diversity", *LOOKS, "frechet_distance"),
    metric_options=CLIP,
    tolerances=TOLERATED,
    references=HERE / "references" / "text2img",
)

test_img2img = Suite(
    name="shapes-img2img",
    task="img2img",
    cases=load_cases(HERE / "img2img.yaml"),
    **SEEDS,
    settings=STEPS,
    metrics=("clip_score", "directional_clip", "init_similarity", *LOOKS, "frechet_distance"),
    metric_options=CLIP,
    tolerances=TOLERATED,
    references=HERE / "references" / "img2img",
)

test_inpainting = Suite(
    name="shapes-inpainting",
    task="inpainting",
    cases=load_cases(HERE / "inpainting.yaml"),
    **SEEDS,
    # What was painted over must come out of the prompt alone: less guidance leaves more images right.
    settings={**STEPS, "guidance_scale": 2.0, "strength": 1.0},
    metrics=("clip_score", "region_clip_score", "outside_change", "seam", *LOOKS, "frechet_distance"),
    metric_options=CLIP,
    tolerances={**TOLERATED, "region_clip_score": 2.0},
    references=HERE / "references" / "inpainting",
)
