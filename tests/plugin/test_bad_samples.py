"""Whatever becomes of one image: its case fails with the reason, and all others are generated, scored and judged."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import sdeval.cli
from sdeval.config.target_registry import shipped_targets
from sdeval.engines.diffusers_engine import LoadedTarget

# pytester forgets modules that were imported while it ran; these cannot be imported twice.
LoadedTarget(shipped_targets()["shapes"]).pipeline("text2img")

ENGINE = """
import os, sys, time
from dataclasses import replace
import numpy as np
from PIL import Image

HERE = os.path.dirname(__file__)

def healthy(case, seed):
    rng = np.random.default_rng(seed + 100 * len(case.prompt))
    noise = rng.integers(0, 80, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((64, 64), Image.Resampling.BICUBIC)

def truncated():
    path = os.path.join(HERE, "truncated.png")
    healthy_image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    healthy_image.save(path)
    with open(path, "r+b") as file:
        file.truncate(2000)
    return Image.open(path)

def closed():
    image = Image.new("RGB", (64, 64))
    image.close()
    return image

def fail(error):
    raise error

def skip():
    import pytest
    pytest.skip("no server")

def fail_test():
    import pytest
    pytest.fail("no server")

def out_of_memory():
    import torch
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

def recurse():
    return recurse()

def elsewhere():
    os.chdir("/")
    raise ValueError("boom")

FAULTS = {
    "exception": lambda: fail(ValueError("boom\\nsecond line")),
    "none": lambda: None,
    "text": lambda: "an image",
    "array": lambda: np.zeros((64, 64)),
    "closed": closed,
    "truncated": truncated,
    "memory": lambda: fail(MemoryError()),
    "torch": out_of_memory,
    "recursion": recurse,
    "exit": lambda: sys.exit(0),
    "base": lambda: fail(BaseException("gone")),
    "skip": skip,
    "fail": fail_test,
    "surrogate": lambda: fail(ValueError("half \\ud800 of a pair")),
    "control": lambda: fail(ValueError("\\x1b[31mred\\x07")),
    "long": lambda: fail(ValueError("x" * 25_000_000)),
    "directory": elsewhere,
    "huge": lambda: Image.new("RGB", (9000, 9000)),
    "hang": lambda: time.sleep(60),
}

def draw(case, seed, fault="exception"):
    if (case.id, seed) == ("square", 1) and os.path.exists(os.path.join(HERE, "broken")):
        return FAULTS[fault]()
    return healthy(case, seed)
"""

SUITE = """
from pathlib import Path
from sdeval import Suite, load_cases

test_one = Suite(
    name="one", task="text2img", cases=load_cases(Path(__file__).with_name("cases.yaml")), seeds=(0, 1),
    metrics=("sharpness",), targets={targets},
)
"""
REASONS = {
    "exception": "ValueError: boom second line",
    "none": "must give a PIL image, or an array",
    "text": "must give a PIL image, or an array",
    "array": r"got ndarray \(64, 64\) of float64",
    "closed": "ValueError: Operation on closed image",
    "truncated": "OSError: ",
    "memory": "MemoryError",
    "torch": "OutOfMemoryError: CUDA out of memory",
    "recursion": "RecursionError: maximum recursion depth",
    "exit": "SystemExit: 0",
    "base": "BaseException: gone",
    "skip": "Skipped: no server",
    "fail": "Failed: no server",
    "surrogate": r"ValueError: half \\ud800 of a pair",
    "control": r"ValueError: \\x1b\[31mred\\x07",
    "long": "ValueError: xxx.*…",
    "directory": "ValueError: boom",
    "huge": "the image has 9000x9000 pixels; at most 67108864 are allowed",
    "hang": "took longer than the timeout of 3 seconds",
}
CASES = "\n".join(
    f"- id: {name}\n  prompt: a {name}"
    for name in ("circle", "hexagon", "square", "triangle", "rhomboid", "star-shape")
)
QUIET = ("-p", "no:cacheprovider", "-p", "no:xdist")


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A suite of six cases on a target for each fault, with an accepted baseline; the faults begin afterwards."""
    pytester.makepyfile(engine=ENGINE, test_suite=SUITE.format(targets=tuple(REASONS)))
    pytester.path.joinpath("cases.yaml").write_text(CASES)
    tables = (
        f"""[tool.sdeval.targets.{fault}]
model = "python:engine.py:draw"
timeout = 3
settings = {{ fault = "{fault}" }}
"""
        for fault in REASONS
    )
    pytester.path.joinpath("pyproject.toml").write_text("[tool.pytest.ini_options]\n" + "".join(tables))
    assert pytester.runpytest_inprocess(*QUIET, "--sdeval-no-strict").ret == 0
    assert sdeval.cli.main(["accept"]) == 0
    pytester.path.joinpath("broken").touch()
    return pytester


def verdicts(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """What the last session said, by target and by case or metric."""
    content = json.loads((folder / "reports" / "latest" / "verdicts.json").read_text())
    return {(entry["target"], entry["case"] or entry["metric"]): entry for entry in content["verdicts"]}


def test_one_bad_sample_costs_one_case(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess(*QUIET)
    assert result.ret == 1
    result.assert_outcomes(passed=9 * len(REASONS), failed=len(REASONS))
    found = verdicts(project.path)
    assert {key for key, entry in found.items() if entry["verdict"] not in ("passed", "informational")} == {
        (fault, "square") for fault in REASONS
    }
    for fault, reason in REASONS.items():
        entry = found[fault, "square"]
        assert entry["verdict"] == "unscored"
        assert re.search(rf"^seed 1 has no image: .*{reason}.* \(cases\.yaml:5\)$", entry["reason"])
        assert len(entry["reason"]) < 400
        assert "without 1 case of which an image or a score is missing" in found[fault, "sharpness"]["reason"]
    page = project.path / "reports" / "latest" / "index.html"
    assert "seed 1, without an image" in page.read_text()
    page.unlink()
    assert sdeval.cli.main(["report"]) == 0
    assert page.is_file()
    # Nothing of that run can be accepted but cases that are whole.
    assert sdeval.cli.main(["accept", "reports/latest/one/exception"]) == 2
    assert sdeval.cli.main(["accept", "reports/latest/one/exception", "-k", "circle", "--reason", "test"]) == 0


def test_a_metric_that_is_judged_alone_hides_no_missing_image(project: pytest.Pytester) -> None:
    project.runpytest_inprocess(*QUIET, "-k", "exception and sharpness").assert_outcomes(failed=1, deselected=189)
    entry = verdicts(project.path)["exception", "sharpness"]
    assert entry["verdict"] == "unscored"
    assert entry["reason"].startswith(
        "of 1 case an image or a score is missing; square@1: no image: ValueError: boom second line (cases.yaml:5)"
    )


def test_an_image_that_is_missing_on_the_other_side_costs_its_case(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        engine=ENGINE + "\ndef rival(case, seed):\n    return draw(case, seed)\n",
        test_suite="""
        from sdeval import Case, Suite
        test_one = Suite(
            name="one", task="text2img", seeds=(0, 1), metrics=("sharpness", "duplicates"),
            targets=("python:engine.py:healthy",),
            cases=tuple(Case(id=name, prompt=f"a {name}") for name in ("box", "square", "hexagon", "star-shape")),
        )
        """,
    )
    pytester.path.joinpath("broken").touch()
    pytester.runpytest_inprocess(*QUIET, "--sdeval-compare-to", "python:engine.py:rival")
    found = {name: entry for (_, name), entry in verdicts(pytester.path).items()}
    assert found["square"]["verdict"] == "unscored"
    assert found["square"]["reason"] == "seed 1 has no image on the other side: ValueError: boom second line"
    assert {found[name]["verdict"] for name in ("box", "hexagon", "star-shape", "sharpness")} == {"passed"}
    assert found["duplicates"]["verdict"] == "unscored"
    assert found["duplicates"]["reason"].startswith("it looks at all images together, and of 1 case an image")


def test_a_suite_of_which_nothing_can_be_generated_says_why(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        engine="def draw(case, seed):\n    raise ConnectionError('no server')",
        test_suite="""
        from sdeval import Case, Suite
        test_one = Suite(
            name="one", task="text2img", seeds=(0, 1), metrics=("sharpness",), targets=("python:engine.py:draw",),
            cases=tuple(Case(id=f"case-{number}", prompt="a shape") for number in range(6)),
        )
        """,
    )
    assert pytester.runpytest_inprocess(*QUIET).ret == 1
    found = verdicts(pytester.path)
    assert {entry["verdict"] for (_, name), entry in found.items() if name.startswith("case-")} == {"unscored"}
    assert found["engine-draw", "case-0"]["reason"] == "seed 0 has no image: ConnectionError: no server"
    assert "was not tried, as 8 samples before it failed: ConnectionError" in found["engine-draw", "case-5"]["reason"]
    assert found["engine-draw", "sharpness"]["verdict"] == "unscored"


def test_a_negative_prompt_without_effect_ends_the_session_before_it_begins(pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("cases.yaml").write_text(
        "- id: circle\n  prompt: a red circle\n- id: cross\n  prompt: a blue cross\n  negative_prompt: red\n"
    )
    pytester.makepyfile(
        test_suite="""
        from pathlib import Path
        from sdeval import Suite, load_cases
        test_one = Suite(
            name="one", task="text2img", cases=load_cases(Path(__file__).with_name("cases.yaml")),
            metrics=("sharpness",), settings={"guidance_scale": 1.0, "num_inference_steps": 2},
        )
        """
    )
    result = pytester.runpytest_inprocess(*QUIET)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "cases.yaml:3: negative_prompt: has no effect with guidance_scale=1.0; set it above 1" in result.stderr.str()
    # As a trial it may be turned off.
    result = pytester.runpytest_inprocess(*QUIET, "--sdeval-set", "guidance_scale=0.5", "--sdeval-no-strict")
    result.stdout.fnmatch_lines(["note: shapes: the negative prompts of 1 case have no effect with guidance_scale=0.5"])
