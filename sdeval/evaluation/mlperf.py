"""The windows of MLPerf Inference for Stable Diffusion XL, and how far a run is the set-up that they hold for.

They were measured on one set-up and say nothing of another one: 5,000 captions of COCO 2014, Euler with 20 steps, one
latent for all images, OpenCLIP ViT-B/32 of OpenAI, and the Fréchet distance from the statistics of COCO's val2014.
Published in `submission_checker/constants.py` of github.com/mlcommons/inference.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from sdeval.config.prompt_sets.ready import MLPERF_NEGATIVE, MLPERF_SETTINGS, MLPERF_SUITE
from sdeval.results.run import Run

CAPTIONS = 5000
CAPTIONS_SHA256 = "635b5177356209894f672f272f62632d67099a015e483bb19e8af97d5050fa34"
"""Of the captions, sorted, a line each."""
MODEL = "stabilityai/stable-diffusion-xl-base-1.0"
SCHEDULER = "EulerDiscreteScheduler"
WINDOWS = {"clip_score": (31.68631873, 31.81331801), "frechet_distance": (23.01085758, 23.95007626)}
"""Lowest and highest valid value; a value that is too good is as wrong."""


def mlperf_notes(run: Run) -> list[str]:
    """What the windows say of a run of the MLPerf suite, and how it differs from their set-up; nothing of others."""
    if run.suite != MLPERF_SUITE or not run.complete:
        return []
    values = {name: value for name in WINDOWS if name in run.metrics and (value := _value(run, name)) is not None}
    places = [_place(name, value) for name, value in values.items()]
    differences = list(_differences(run))
    return (
        [
            f"{run.suite}: {'; '.join(places)}; these windows hold for MLPerf's set-up alone, and this run differs in "
            f"{', '.join(differences)}"
        ]
        if places
        else []
    )


def _place(name: str, value: float) -> str:
    low, high = WINDOWS[name]
    place = "below" if value < low else "above" if value > high else "inside"
    return f"{name} {value:.5f} is {place} MLPerf's window of {low:.8f} to {high:.8f}"


def _value(run: Run, name: str) -> float | None:
    if run.metrics[name].scope == "set":
        return run.set_scores[name].value
    scores = [sample.scores.get(name) for sample in run.samples]
    known = [score for score in scores if score is not None]
    return float(np.mean(known)) if len(known) == len(scores) else None


def _differences(run: Run) -> Iterator[str]:
    """How a run differs from the set-up; it always does in the noise that its images begin with."""
    prompts = sorted(sample.prompt for sample in run.samples)
    if hashlib.sha256("\n".join(prompts).encode()).hexdigest() != CAPTIONS_SHA256:
        yield f"its prompts ({len(prompts)}, not the {CAPTIONS:,} captions once each)"
    if any(case.negative_prompt != MLPERF_NEGATIVE for case in run.cases.values()):
        yield "its negative prompts"
    settings = run.request.get("settings", {})
    for name, value in MLPERF_SETTINGS.items():
        if settings.get(name) != value:
            yield f"{name} ({settings.get(name)} instead of {value})"
    for name, value in {"model": MODEL, "scheduler": SCHEDULER}.items():
        if run.generated_by.get(name) != value:
            yield f"{name} ({run.generated_by.get(name)} instead of {value})"
    if "frechet_distance" in run.set_scores and run.set_scores["frechet_distance"].extractor != "inception":
        yield "the features of frechet_distance"
    yield "the noise that images begin with (MLPerf: latents.pt; here: of the seed)"
