"""Edits by an instruction, from the suite to the verdict: a small InstructPix2Pix, and a program of one's own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

import sdeval.cli
from sdeval.shapes import world
from tests.families import save
from tests.plugin.project import QUIET, accept, verdicts

SUITE = """
from pathlib import Path

from sdeval import Suite, load_cases

test_edit = Suite(
    name="edits",
    task="edit",
    cases=load_cases(Path(__file__).parent / "cases.yaml"),
    seeds=(0,),
    settings={settings},
    metrics=("clip_score", "clip_i", "directional_clip", "sharpness", "input_ssim"),
    metric_options={{"clip_model": "shapes"}},
    targets=("{target}",),
)
"""
OWN = """
import numpy as np
from PIL import Image


def edit(case, seed, swatch=1):
    images = [np.array(Image.open(path).convert("RGB")) for path in case.inputs]
    scene = images[0]
    thing = np.abs(scene.astype(int) - scene[0, 0]).sum(axis=-1) > 60
    scene[thing] = images[swatch][0, 0]
    return scene
"""
"""Paints the shape in the first image with the colour of another one."""
COLOURS = ("red", "green", "blue", "yellow")


def cases(folder: Path, *, several: bool) -> list[dict[str, Any]]:
    """Shapes that shall have another colour; where there are several input images, the second one shows it."""
    (folder / "images").mkdir()
    rng, written = np.random.default_rng(0), []
    for colour in COLOURS:
        Image.new("RGB", (24, 16), world.COLOURS[colour]).save(folder / f"images/{colour}.png")
    for kind in ("circle", "square", "cross", "triangle"):
        for old, new in pairwise(COLOURS):
            name, words = f"{old}-{kind}", f"a large {{}} {kind} on a purple background"
            world.render(world.parse(words.format(old)), rng).save(folder / f"images/{name}.png")
            images = [f"images/{name}.png", *([f"images/{new}.png"] if several else [])]
            written.append(
                {
                    "id": name,
                    "prompt": f"make the {kind} {new}",
                    **({"images": images} if several else {"image": images[0]}),
                    "image_prompt": words.format(old),
                    "edited_prompt": words.format(new),
                }
            )
    return written


@pytest.fixture
def project(pytester: pytest.Pytester) -> Callable[..., pytest.Pytester]:
    """Writes a project of twelve edits for a target."""

    def write(target: str, table: str, *, several: bool = False, settings: str = "{}") -> pytest.Pytester:
        fields = cases(pytester.path, several=several)
        # Of one, nobody said what it shall show.
        del fields[-1]["edited_prompt"]
        (pytester.path / "cases.yaml").write_text(yaml.safe_dump(fields), encoding="utf-8")
        pytester.makepyfile(test_edit=SUITE.format(target=target, settings=settings), engine=OWN)
        pytester.makepyprojecttoml(f"[tool.pytest.ini_options]\n[tool.sdeval.targets.{target}]\n{table}\n")
        return pytester

    return write


def of_metric(pytester: pytest.Pytester, metric: str) -> dict[str, Any]:
    return next(verdict for verdict in verdicts(pytester) if verdict["metric"] == metric and not verdict["case"])


def test_instruct_pix2pix_passes_again_and_fails_once_it_is_worse(project: Callable[..., pytest.Pytester]) -> None:
    pytester = project("tiny", 'model = "./pix2pix"\ndevice = "cpu"', settings='{"num_inference_steps": 2}')
    save("instruct-pix2pix", pytester.path / "pix2pix")
    accept(pytester)
    assert pytester.runpytest_inprocess(*QUIET).ret == 0
    assert {of_metric(pytester, name)["verdict"] for name in ("clip_score", "clip_i", "directional_clip")} == {"passed"}
    kept = of_metric(pytester, "input_ssim")
    assert (kept["verdict"], kept["reason"], kept["change"]) == ("informational", "reported only", 0.0)
    assert kept["baseline"] == kept["current"]
    assert pytester.runpytest_inprocess(*QUIET, "--sdeval-set", "num_inference_steps=1").ret == 1
    assert of_metric(pytester, "sharpness")["verdict"] == "regressed"


def test_a_program_of_ones_own_gets_all_input_images(
    project: Callable[..., pytest.Pytester], capsys: pytest.CaptureFixture[str]
) -> None:
    pytester = project("own", 'model = "python:engine.py:edit"', several=True)
    accept(pytester)
    assert pytester.runpytest_inprocess(*QUIET).ret == 0
    assert of_metric(pytester, "clip_score")["verdict"] == "passed"
    # It paints with the colour that the shape has already.
    assert pytester.runpytest_inprocess(*QUIET, "--sdeval-set", "swatch=0").ret == 1
    assert of_metric(pytester, "clip_score")["verdict"] == "regressed"
    assert "11 of 12 cases have edited_prompt" in of_metric(pytester, "directional_clip")["reason"]
    capsys.readouterr()
    assert sdeval.cli.main(["show", "red-circle@0"]) == 0
    shown = capsys.readouterr().out
    session = pytester.path / "reports" / "latest"
    records = [json.loads(line) for line in (session / "edits/own/cases.jsonl").read_text().splitlines()]
    first, second = next(record["images"] for record in records if record["case"] == "red-circle")
    assert f"input image 1    reports/latest/edits/own/{first}" in shown
    assert f"input image 2    reports/latest/edits/own/{second}" in shown
    (facts,) = re.findall(
        r'<script type="application/json" id="samples">(.*?)</script>', (session / "index.html").read_text()
    )
    (run,) = json.loads(facts).values()
    assert run["cases"]["red-circle"]["inputs"] == [
        {"label": "input image 1", "source": f"edits/own/{first}"},
        {"label": "input image 2", "source": f"edits/own/{second}"},
    ]


def test_a_pipeline_that_takes_one_input_image_is_given_no_more(project: Callable[..., pytest.Pytester]) -> None:
    pytester = project("tiny", 'model = "./pix2pix"\ndevice = "cpu"', several=True)
    save("instruct-pix2pix", pytester.path / "pix2pix")
    result = pytester.runpytest_inprocess(*QUIET)
    message = "cases.yaml:1: images: a StableDiffusionInstructPix2PixPipeline takes one input image, got 2"
    assert result.ret != 0
    assert message in "\n".join((*result.outlines, *result.errlines))
    assert not list((pytester.path / "reports").rglob("*@0.png"))
