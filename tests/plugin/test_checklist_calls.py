"""Questions to an endpoint with a key are announced before the first one is asked, as calls of servers are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sdeval import Case, Suite, metrics
from tests.metrics.vision_fake import VisionFake, serving

PROGRAM = """
from PIL import Image

def generate(case, seed):
    return Image.new("RGB", (32, 32), (200 + seed, 10, 10))
"""
SUITE = """
from sdeval import Case, Suite

test_walls = Suite(
    name="walls",
    task="text2img",
    cases=[
        Case(id="red", prompt="a red wall", questions=("Is it red?", "Is it blue?", "Is it red?")),
        Case(id="plain", prompt="a wall"),
    ],
    seeds=(0, 1),
    metrics=("checklist",),
    metric_options={OPTIONS},
    targets=("python:program.py:generate",),
)
"""


@pytest.fixture
def fake() -> Iterator[VisionFake]:
    with serving(VisionFake()) as server:
        yield server


def project(pytester: pytest.Pytester, url: str, **options: str) -> None:
    pytester.makepyprojecttoml("[tool.pytest.ini_options]\n[tool.sdeval]\n")
    pytester.makepyfile(program=PROGRAM)
    chosen = {"checklist_url": url, "checklist_model": "judge", **options}
    pytester.makepyfile(test_walls=SUITE.replace("{OPTIONS}", repr(chosen)))


def test_paid_questions_are_announced_before_the_first(
    fake: VisionFake, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUDGE_KEY", "s3cret")
    project(pytester, fake.url, checklist_key="JUDGE_KEY")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "--sdeval-no-strict", "-p", "no:xdist")
    result.stdout.fnmatch_lines(
        [
            f"sdeval: walls on *: checklist: up to 6 calls of {fake.url} with the key in JUDGE_KEY: questions about "
            "4 images; those that it fails to answer are asked again"
        ]
    )
    assert 0 < len(fake.requests) <= 6
    assert "s3cret" not in result.stdout.str()


def suite(*names: str, **options: str) -> Suite:
    cases = (Case(id="a", prompt="a", questions=("Is it?", "Was it?")), Case(id="b", prompt="b"))
    return Suite(name="few", task="text2img", cases=cases, seeds=(0, 1), metrics=names, metric_options=options)


def test_questions_are_counted_for_both_sides_that_are_compared() -> None:
    paid = {"checklist_url": "http://judge/v1", "checklist_model": "judge", "checklist_key": "KEY"}
    (once,) = metrics.announcements(suite("checklist", "sharpness", **paid))
    (twice,) = metrics.announcements(suite("checklist", **paid), sides=2)
    assert "up to 6 calls of http://judge/v1 with the key in KEY: questions about 4 images" in once
    assert "up to 12 calls" in twice
    assert "about 8 images" in twice


def test_nothing_is_announced_of_what_is_not_paid() -> None:
    assert metrics.announcements(suite("checklist", checklist_url="http://localhost/v1", checklist_model="judge")) == []
    assert metrics.announcements(suite("checklist", checklist_model="folder", checklist_key="KEY")) == []
    assert metrics.announcements(suite("sharpness", "clip_score")) == []


def test_a_password_in_the_address_is_not_shown() -> None:
    paid = {"checklist_url": "http://user:s3cret@judge/v1", "checklist_model": "judge", "checklist_key": "KEY"}
    (line,) = metrics.announcements(suite("checklist", **paid))
    assert "s3cret" not in line
