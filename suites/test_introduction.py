"""The three examples of Hugging Face's introduction to Stable Diffusion, on the models that it runs. They need a GPU.

https://huggingface.co/learn/computer-vision-course/unit5/generative-models/introduction/introduction
"""

from pathlib import Path

from sdeval import Suite, load_cases

HERE = Path(__file__).parent / "introduction"

# Stable Diffusion v1-5 in half precision, with the seed of the introduction.
test_text2img = Suite(
    name="introduction-text2img",
    task="text2img",
    cases=load_cases(HERE / "text2img.yaml"),
    seeds=(31,),
    settings={"num_inference_steps": 50, "guidance_scale": 7.5, "width": 512, "height": 512},
    metrics=("clip_score", "sharpness", "noise"),
    targets=("sd15",),
)

# Kandinsky 2.2 with offload to the processor.
test_img2img = Suite(
    name="introduction-img2img",
    task="img2img",
    cases=load_cases(HERE / "img2img.yaml"),
    seeds=(31,),
    settings={"strength": 0.3},
    metrics=("clip_score", "init_similarity", "sharpness", "noise"),
    targets=("kandinsky22",),
)

# The same with a mask and a negative prompt.
test_inpainting = Suite(
    name="introduction-inpainting",
    task="inpainting",
    cases=load_cases(HERE / "inpainting.yaml"),
    seeds=(31,),
    metrics=("clip_score", "outside_change", "seam"),
    targets=("kandinsky22-inpaint",),
)
