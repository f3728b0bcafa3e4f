"""Scorers in an environment of their own, where nothing of sdeval is installed and numpy is another one."""

from __future__ import annotations

import os
import sysconfig
import venv
from pathlib import Path

import numpy
import pytest
from PIL import Image

from sdeval import Case, NotAvailable, SdevalError, metrics
from sdeval.cli import main
from sdeval.config import scorers
from sdeval.errors import CallFailed
from sdeval.evaluation.scoring.attempts import NoValue, attempt_each
from sdeval.metrics import GeneratedImage, MetricOptions, SampleMetric
from tests.conftest import ROOT

PACKAGE = """
import os, sys, time
import numpy

if numpy.__version__ != "0.9":
    raise ImportError("needs numpy 0.9")

class Reward:
    def __init__(self, offset=0.0):
        self.offset = offset
        self.version = "reward-1.2 numpy-" + numpy.__version__

    def score(self, images):
        print("noise on standard output")
        return [self._score(**image) for image in images]

    def _score(self, image, prompt, **_):
        if prompt == "die":
            os._exit(3)
        if prompt == "fail":
            raise ValueError("no such reward")
        if prompt == "nan":
            return float("nan")
        if prompt == "slow":
            time.sleep(30)
        with open(image, "rb") as file:
            width = int.from_bytes(file.read(24)[16:20], "big")
        return width + len(prompt) + self.offset

class Few(Reward):
    def score(self, images):
        return [1.0]
"""
PROGRAM = """
import random
from PIL import Image

def generate(case, seed, width=64):
    picker = random.Random(f"{case.id} {seed}")
    image = Image.new("RGB", (8, 8))
    image.putdata([tuple(picker.randrange(20, 240) for _ in "rgb") for _ in range(64)])
    return image.resize((width, 64), Image.Resampling.BICUBIC)
"""
SUITE = """
from sdeval import Case, Suite

test_reward = Suite(
    name="rewarded",
    task="text2img",
    cases=[Case(id=f"case-{number}", prompt="a" * number) for number in range(1, 9)],
    metrics=("reward",),
    targets=("python:program.py:generate",),
)
"""
TABLE = """
[tool.sdeval.scorers.reward]
python = ".venvs/reward/bin/python"
scorer = "reward_example:Reward"
tolerance = 0.5
title = "Reward"
options = {offset = 0.25}
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with packages of its own: a numpy that sdeval could not work with."""
    folder = tmp_path_factory.mktemp("project") / ".venvs" / "reward"
    venv.create(folder, symlinks=True)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)}))
    (site / "numpy.py").write_text('__version__ = "0.9"\n', encoding="utf-8")
    (site / "reward_example.py").write_text(PACKAGE, encoding="utf-8")
    return folder.parent.parent


@pytest.fixture
def project(environment: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(environment)
    # What sdeval runs with must not reach the other environment.
    paths = [str(ROOT), str(Path(numpy.__file__).parent.parent)]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    (environment / "pyproject.toml").write_text(TABLE, encoding="utf-8")
    monkeypatch.setattr(scorers, "_project", [environment])
    return environment


def table(project: Path, **changes: str) -> None:
    text = TABLE
    for edit in changes.values():
        old, new = edit.split(" => ")
        assert old in text
        text = text.replace(old, new)
    (project / "pyproject.toml").write_text(text, encoding="utf-8")


def scorer() -> SampleMetric:
    metric = metrics.create("reward", MetricOptions())
    assert isinstance(metric, SampleMetric)
    return metric


def image(prompt: str, width: int = 40) -> GeneratedImage:
    return GeneratedImage(Image.new("RGB", (width, 24)), Case(id="a", prompt=prompt))


def test_a_scorer_is_a_metric_of_the_project_and_needs_no_process_to_be_described(project: Path) -> None:
    table(project, python="reward/bin => nowhere/bin")
    info = metrics.info("reward")
    assert (info.title, info.tolerance, info.higher_is_better) == ("Reward", 0.5, True)
    assert "reward" in metrics.metric_names()


def test_images_are_scored_there(project: Path) -> None:
    assert scorer().score([image("cat"), image("a dog", 64)]) == [43.25, 69.25]
    assert scorer().version == "reward_example:Reward reward-1.2 numpy-0.9"


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [("fail", "ValueError: no such reward"), ("die", "ended with exit code 3"), ("nan", "Out of range float values")],
)
def test_one_image_that_fails_takes_no_other_with_it(project: Path, prompt: str, reason: str) -> None:
    table(project, fresh=f"0.25 => {0.25 + len(prompt) / 8}")
    metric = scorer()
    failed, scored = attempt_each(metric.score, [image(prompt), image("cat")], "scores")
    assert isinstance(failed, NoValue)
    assert reason in failed.reason
    assert "[tool.sdeval.scorers.reward]" in failed.reason
    assert scored == 43 + 0.25 + len(prompt) / 8


def test_a_scorer_that_ends_each_time_is_not_started_for_ever(project: Path) -> None:
    table(project, fresh="0.25 => 0.125")
    metric = scorer()
    for _ in range(4):
        with pytest.raises(SdevalError, match="ended with exit code 3"):
            metric.score([image("die")])
    with pytest.raises(CallFailed, match="was started 4 times and ended each time; no more"):
        metric.score([image("cat")])


def test_a_scorer_that_is_late_is_ended(project: Path) -> None:
    table(project, slow='title = "Reward" => timeout = 2')
    with pytest.raises(SdevalError, match="took more than 2 seconds for scoring"):
        scorer().score([image("slow")])


def test_another_number_of_scores_is_none(project: Path) -> None:
    table(project, other='Reward" => Few"')
    with pytest.raises(CallFailed, match="gave 1 scores for 2 images"):
        scorer().score([image("a"), image("b")])


@pytest.mark.parametrize(
    ("edit", "error", "message"),
    [
        ("reward/bin => nowhere/bin", NotAvailable, "there is no such interpreter; make this environment first"),
        ("example:Reward => example:Nothing", SdevalError, "has no attribute 'Nothing'"),
        ("reward_example => no_example", SdevalError, "No module named 'no_example'"),
        ("offset => offsets", SdevalError, "unexpected keyword argument 'offsets'"),
        ("tolerance = 0.5 => tolerance = 0", SdevalError, "tolerance: must be above 0, got 0"),
        ("example:Reward => example", SdevalError, "scorer: must be module:Class, got 'reward_example'"),
        ("title => titel", SdevalError, "titel"),
        ('.reward] => ."re ward"]', SdevalError, "the name of a metric must be letters, digits and underscores"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_generated(
    project: Path, edit: str, error: type[SdevalError], message: str
) -> None:
    table(project, edit=edit)
    with pytest.raises(error) as raised:
        scorer()
    assert message in str(raised.value)
    assert "scorers." in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.skipif(os.name != "posix", reason="scripts are executable on POSIX only")
def test_a_program_that_is_no_python_is_named(project: Path) -> None:
    path = project / "python"
    path.write_text("#!/bin/sh\nexit 7\n")
    path.chmod(0o755)
    table(project, python=".venvs/reward/bin/python => python")
    with pytest.raises(SdevalError, match=r"ended with exit code 7 while starting.*Python 3\.8 or later"):
        scorer()


@pytest.mark.slow
def test_a_session_judges_by_a_scorer(
    project: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = project / ".venvs" / "reward" / "bin" / "python"
    files = {
        "pyproject.toml": TABLE.replace(".venvs/reward/bin/python", str(python)),
        "program.py": PROGRAM,
        "test_suite.py": SUITE,
    }
    for name, text in files.items():
        (pytester.path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(pytester.path)
    options = ("-p", "no:cacheprovider")
    assert pytester.runpytest_subprocess(*options).ret == 0
    assert main(["accept"]) == 0
    assert pytester.runpytest_subprocess(*options).ret == 0
    worse = pytester.runpytest_subprocess(*options, "--sdeval-set", "width=32")
    assert worse.ret == 1
    assert "reward" in worse.stdout.str()
