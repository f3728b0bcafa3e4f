"""Metrics that compare each image with the baseline's, where the baseline keeps thumbnails only."""

from __future__ import annotations

import shutil

import pytest

import sdeval.cli
from tests.plugin.project import verdicts

ENGINE = """
import numpy as np
from PIL import Image

def generate(case, seed, version=0):
    cells = np.random.default_rng([len(case.prompt), seed]).integers(0, 240, (8, 8, 3), dtype=np.uint8)
    version = version if case.id == "square" else 0
    return Image.fromarray(cells + np.uint8(version)).resize((160, 160), Image.Resampling.NEAREST)
"""
SUITE = """
from sdeval import Case, Suite

test_one = Suite(
    name="one",
    task="text2img",
    cases=[Case(id=name, prompt=f"a {name}") for name in ("circle", "square", "hexagon")],
    metrics=("sharpness", "psnr"),
    targets=("mosaic",),
)
"""
SETTINGS = """
[tool.pytest.ini_options]
[tool.sdeval.targets.mosaic]
model = "python:engine.py:generate"
"""
QUIET = ("-p", "no:cacheprovider", "-p", "no:xdist", "-rsf")
REASON = "2 of 6 samples: cannot be compared at full size: baselines/.images/*.png: no such file: only the machine*"


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A suite with an accepted baseline."""
    pytester.makepyfile(engine=ENGINE, test_one=SUITE)
    pytester.path.joinpath("pyproject.toml").write_text(SETTINGS)
    assert pytester.runpytest_inprocess(*QUIET, "--sdeval-no-strict").ret == 0
    assert sdeval.cli.main(["accept"]) == 0
    return pytester


def test_unchanged_images_need_no_image_of_the_baseline(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess(*QUIET, "--sdeval-strict")
    assert result.ret == 0
    result.stdout.no_fnmatch_line("*full-size*")


def test_with_full_size_images_a_distance_has_a_value(project: pytest.Pytester) -> None:
    assert project.runpytest_inprocess(*QUIET, "--sdeval-set", "version=2", "--sdeval-strict").ret == 0
    (psnr,) = [verdict for verdict in verdicts(project) if verdict["metric"] == "psnr"]
    # Two levels in one of three cases: 42.1 dB there, and 100 where nothing changed.
    assert psnr["current"] == pytest.approx((42.11 + 2 * 100) / 3, abs=0.01)


def test_without_full_size_images_a_distance_is_skipped_with_the_reason(project: pytest.Pytester) -> None:
    shutil.rmtree(project.path / "baselines" / ".images")
    result = project.runpytest_inprocess(*QUIET, "--sdeval-set", "version=2")
    assert result.ret == 0
    result.stdout.fnmatch_lines([f"SKIPPED*{REASON}"])


def test_a_strict_session_fails_on_it_and_judges_all_else(project: pytest.Pytester) -> None:
    shutil.rmtree(project.path / "baselines" / ".images")
    result = project.runpytest_inprocess(*QUIET, "--sdeval-set", "version=2", "--sdeval-strict")
    assert result.ret == 1
    result.assert_outcomes(failed=1, passed=7)
    result.stdout.fnmatch_lines([f"unscored: psnr: {REASON}"])
