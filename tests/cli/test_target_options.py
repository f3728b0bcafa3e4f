"""Which suites and targets commands take, and with which settings."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from sdeval.cli.target_options import jobs_of

SUITE = """
from sdeval import Case, Suite

test_few = Suite(
    name="few", task="text2img", cases=[Case(id="cat", prompt="a cat")], metrics=("sharpness",), targets=("own",)
)
"""
PROGRAM = """
from PIL import Image

def generate(case, seed, brightness=0):
    return Image.new("RGB", (64, 64), (brightness, 0, 0))
"""
PROJECT = """
[tool.sdeval]
set = {brightness = 100}
compare-to = "other"

[tool.sdeval.targets.own]
model = "python:engine.py:generate"

[tool.sdeval.targets.other]
model = "python:engine.py:generate"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in (("pyproject.toml", PROJECT), ("engine.py", PROGRAM), ("suites/test_few.py", SUITE)):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.mark.parametrize(("words", "brightness"), [([], 100), (["brightness=7"], 7)])
def test_settings_of_the_project_hold_as_in_a_session(project: Path, words: list[str], brightness: int) -> None:
    given = Namespace(
        suite="few", target=None, set=words, root=project, baselines=project / "baselines", output=project / "reports"
    )
    (job,) = jobs_of(given)
    assert job.target.settings["brightness"] == brightness
