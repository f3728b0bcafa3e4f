"""What a node of a cluster does, without a cluster."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

# Before any test runs inside pytester, which forgets what is first imported there.
import sdeval.engines.engine  # noqa: F401
from sdeval.engines.worker_protocol import VERSION
from sdeval.executors.cluster.actor import Actor

PROGRAM = """
from PIL import Image

def generate(case, seed):
    if case.id == "cross":
        raise ValueError("no crosses")
    return Image.new("RGB", (32, 32), (seed, 0, 0))
"""


@pytest.fixture
def actor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Actor:
    """An actor that has a program open."""
    # It changes into another folder.
    monkeypatch.chdir(tmp_path.parent)
    (tmp_path / "program.py").write_text(PROGRAM)
    actor = Actor(str(tmp_path))
    target = {"name": "own", "model": "python:program.py:generate"}
    line, files = actor.answer(
        1, json.dumps({"open": target, "folder": "/of/the/other/side", "paths": [], "sdeval": "1"})
    )
    assert line.startswith("sdeval-worker answer 1 ")
    assert files == {}
    return actor


def generate(case: str) -> str:
    sample: dict[str, Any] = {"case": {"id": case, "prompt": case}, "seed": 7, "file": "0.png"}
    return json.dumps({"generate": "text2img", "samples": [sample], "settings": {}})


def test_it_says_which_version_it_is(actor: Actor) -> None:
    assert actor.hello()["protocol"] == VERSION


def test_images_are_handed_over_under_their_names_and_digests(actor: Actor, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "question").write_bytes(b"?")
    assert actor.exchange_by(str(tmp_path / "shared"), "question", "ours") == ""
    assert (tmp_path / "shared" / "ours" / "answer").read_bytes() == b"?"
    line, files = actor.answer(2, generate("circle"))
    assert line.startswith("sdeval-worker answer 2 ")
    content = (tmp_path / "shared" / "ours" / "0.png").read_bytes()
    assert files == {"0.png": hashlib.sha256(content).hexdigest()}


def test_a_place_that_it_does_not_see_is_no_place_to_exchange_by(actor: Actor, tmp_path: Path) -> None:
    assert actor.exchange_by(str(tmp_path / "elsewhere"), "question", "ours").endswith("question: no such file")


def test_a_sample_that_fails_comes_back_as_an_error(actor: Actor) -> None:
    line, files = actor.answer(2, generate("cross"))
    assert line.startswith("sdeval-worker error 2 ")
    assert "no crosses" in line
    assert files == {}
