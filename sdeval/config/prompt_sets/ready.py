"""Suites that are ready to run: samples of the sets whose licences allow it, which are part of sdeval."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sdeval.config.prompt_sets.catalogue import PromptSet
from sdeval.config.prompt_sets.writing import dump
from sdeval.errors import SdevalError, unknown

FOLDER = Path(__file__).parent / "samples"
"""The samples, and a NOTICE with their sources and licences."""
MOST = 64


@dataclass(frozen=True, slots=True)
class Size:
    """How much a ready suite generates."""

    prompts: int
    seeds: int


SIZES: Mapping[str, Size] = {
    "smoke": Size(16, 1),
    "pull-request": Size(64, 2),
    "nightly": Size(256, 4),
    "mlperf": Size(5000, 1),
}
"""By name; the last two are more than is part of sdeval, and take the published file. `mlperf` is for `mlperf-coco`."""

MLPERF = "mlperf"
"""The size of the set `mlperf-coco` that is MLPerf's set-up."""
MLPERF_SUITE = "mlperf-sdxl"
MLPERF_SETTINGS: Mapping[str, Any] = {
    "width": 1024,
    "height": 1024,
    "num_inference_steps": 20,
    "guidance_scale": 8.0,
}
MLPERF_NEGATIVE = "normal quality, low quality, worst quality, low res, blurry, nsfw, nude"
_MLPERF_MODULE = '''"""MLPerf Inference, Stable Diffusion XL: {count} captions of COCO 2014, on {target}.

Its windows, valid for exactly its set-up, are stated in a note of each whole run. For the Fréchet distance, put the
images of COCO's val2014 as PNG into the folder val2014 beside this file.
"""

from pathlib import Path

from sdeval import Suite, load_cases

HERE = Path(__file__).parent
REFERENCES = HERE / "val2014"

test_mlperf_sdxl = Suite(
    name="{name}",
    task="text2img",
    cases=load_cases(HERE / "{cases}"),
    # One seed is one noise for all captions.
    seeds=(0,),
    settings={settings},
    metrics=("clip_score", "frechet_distance") if REFERENCES.is_dir() else ("clip_score",),
    metric_options={{"clip_model": "ViT-B-32/openai", "extractor": "inception"}},
    references=REFERENCES if REFERENCES.is_dir() else None,
    targets=("{target}",),
)
'''

_WRITING = ("text_accuracy", "text_word_recall", "spurious_text")
_METRICS: Mapping[str, tuple[str, ...]] = {
    "flow-grpo-ocr": _WRITING,
    "longtext-bench": _WRITING,
    "geneval": ("objects", "clip_score"),
}
_SUITE = '''"""{title}: {count} prompts, {seeds} each, on {target}. {citation}."""

from pathlib import Path

from sdeval import Suite, load_cases

{variable} = Suite(
    name="{name}",
    task="text2img",
    cases=load_cases(Path(__file__).parent / "{cases}"),
    seeds={seed_numbers},
    metrics={metrics},
    targets=("{target}",),
)
'''


def ready_cases(prompt_set: PromptSet, size: str) -> str:
    """The case file of a ready suite.

    Raises:
        SdevalError: no sample of the set is part of sdeval, or none as large.
    """
    file = FOLDER / f"{prompt_set.name}.yaml"
    if not file.is_file():
        raise SdevalError(f"--ready: {unknown('ready set', prompt_set.name, ready_sets())}")
    count = SIZES[size].prompts
    if count > MOST:
        advice = f"get {prompt_set.file_names} and name it: sdeval import {prompt_set.name} FILE --ready {size}"
        raise SdevalError(f"--ready {size}: has {count} prompts, of which {MOST} are part of sdeval; {advice}")
    header, _, cases = file.read_text(encoding="utf-8").partition("\n\n")
    chosen: list[Any] = yaml.safe_load(cases)[:count]
    header = re.sub(r"(?m)^(#\s+selection: )\d+ of", rf"\g<1>{len(chosen)} of", header)
    return f"{header}\n\n{dump(chosen)}"


def ready_sets() -> tuple[str, ...]:
    """Names of the sets of which a sample is part of sdeval."""
    return tuple(sorted(file.stem for file in FOLDER.glob("*.yaml")))


def suite_module(prompt_set: PromptSet, size: str, count: int, cases: str, target: str) -> str:
    """The Python module of a ready suite.

    Args:
        prompt_set: its prompts.
        size: one of `SIZES`.
        count: prompts of the case file.
        cases: name of the case file, beside the module.
        target: which generates.
    """
    name = f"{prompt_set.name}-{size}"
    if size == MLPERF:
        settings = json.dumps(dict(MLPERF_SETTINGS))
        return _MLPERF_MODULE.format(count=count, cases=cases, target=target, settings=settings, name=MLPERF_SUITE)
    seeds = SIZES[size].seeds
    numbers = ", ".join(map(str, range(seeds)))
    metrics = "".join(f'"{metric}", ' for metric in _METRICS.get(prompt_set.name, ("clip_score",)))
    return _SUITE.format(
        title=prompt_set.title,
        count=count,
        seeds="1 seed" if seeds == 1 else f"{seeds} seeds",
        target=target,
        citation=prompt_set.citation.split(":")[0],
        variable=f"test_{name.replace('-', '_')}",
        name=name,
        cases=cases,
        seed_numbers=f"({numbers},)" if seeds == 1 else f"({numbers})",
        metrics=f"[{metrics.removesuffix(', ')}]",
    )
