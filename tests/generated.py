"""A small plan for the embedded model that several tests generate."""

from __future__ import annotations

from dataclasses import replace

from sdeval import Case, Suite
from sdeval.config.target_registry import shipped_targets
from sdeval.evaluation.plan import Plan
from tests.conftest import ROOT

SETTINGS = {"num_inference_steps": 2, "width": 64, "height": 64}


def plan(**changes: object) -> Plan:
    names = ("circle", "square", "cross")
    suite = Suite(
        name="few",
        task="text2img",
        cases=tuple(Case(id=name, prompt=f"a large red {name} on a blue background") for name in names),
        settings=SETTINGS,
        metrics=("clip_score", "frechet_distance"),
        metric_options={"clip_model": "shapes"},
        references=ROOT / "suites" / "shapes" / "references" / "text2img",
    )
    suite = replace(suite, **changes)
    return Plan(suite, shipped_targets()["shapes"], suite.samples, dict(suite.settings))
