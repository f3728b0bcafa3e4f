"""A small project with a suite on the embedded model at two steps, and what its sessions write."""

from __future__ import annotations

import json

import pytest

import sdeval.cli
from sdeval.config.target_registry import shipped_targets
from sdeval.engines.diffusers_engine import LoadedTarget
from sdeval.metrics.features.clip import load_clip

SUITE = """
from sdeval import Case, Suite

test_{task} = Suite(
    name="{name}",
    task="text2img",
    cases=(
        Case(id="circle", prompt="a large red circle on a blue background", tags=("round",)),
        Case(id="square", prompt="a large white square on a red background"),
        Case(id="cross", prompt="a large green cross on a white background"),
    ),
    seeds=(0,),
    settings={{"num_inference_steps": 2, "width": 64, "height": 64}},
    metrics=("clip_score",),
    metric_options={{"clip_model": "shapes"}},
)
"""
# pytester forgets modules that were imported while it ran; these cannot be imported twice.
LoadedTarget(shipped_targets()["shapes"]).pipeline("text2img")
load_clip("shapes", "cpu")

QUIET = ("-p", "no:cacheprovider", "--sdeval-no-strict")


def accept(pytester: pytest.Pytester) -> None:
    pytester.runpytest_inprocess(*QUIET)
    assert sdeval.cli.main(["accept"]) == 0


def verdicts(pytester: pytest.Pytester) -> list[dict[str, object]]:
    content = json.loads((pytester.path / "reports" / "latest" / "verdicts.json").read_text())
    found: list[dict[str, object]] = content["verdicts"]
    return found
