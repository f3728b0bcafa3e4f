"""The suites of the embedded model: every task in half a minute, on any machine."""

from pathlib import Path

from sdeval import Suite, load_cases

HERE = Path(__file__).parent / "shapes"
STEPS = {"num_inference_steps": 20, "guidance_scale": 4.0}
CLIP = {"clip_model": "shapes"}

test_text2img = Suite(
    name="shapes-text2img",
    task="text2img",
    cases=load_cases(HERE / "text2img.yaml"),
    settings={**STEPS, "width": 64, "height": 64},
    metrics=("clip_score", "frechet_distance"),
    metric_options=CLIP,
    references=HERE / "references" / "text2img",
)

test_img2img = Suite(
    name="shapes-img2img",
    task="img2img",
    cases=load_cases(HERE / "img2img.yaml"),
    settings=STEPS,
    metrics=("clip_score", "init_similarity", "frechet_distance"),
    metric_options=CLIP,
    references=HERE / "references" / "img2img",
)

test_inpainting = Suite(
    name="shapes-inpainting",
    task="inpainting",
    cases=load_cases(HERE / "inpainting.yaml"),
    settings={**STEPS, "strength": 1.0},
    metrics=("clip_score", "region_clip_score", "outside_change", "frechet_distance"),
    metric_options=CLIP,
    references=HERE / "references" / "inpainting",
)
