"""Sessions share files of identical images; each is still whole by itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from sdeval.cli import main
from sdeval.config.options import IMAGE_POOL
from sdeval.results.image_pool import pool_files
from sdeval.results.session_names import sessions
from tests.plugin.project import QUIET


def images(session: Path) -> list[Path]:
    return sorted(session.glob("*/*/images/*.png"))


@pytest.fixture
def two_sessions(suites: pytest.Pytester) -> list[Path]:
    for _ in range(2):
        suites.runpytest_inprocess(*QUIET)
    return sessions(suites.path / "reports")


def test_the_same_images_of_two_sessions_are_the_same_files(two_sessions: list[Path]) -> None:
    first, second = map(images, two_sessions)
    assert first
    assert all(one.samefile(other) for one, other in zip(first, second, strict=True))
    assert len(list(pool_files(two_sessions[0].parent / IMAGE_POOL))) == len(first)


def test_another_image_is_another_file(suites: pytest.Pytester) -> None:
    suites.runpytest_inprocess(*QUIET)
    suites.runpytest_inprocess(*QUIET, "--sdeval-set", "num_inference_steps=3")
    first, second = map(images, sessions(suites.path / "reports"))
    assert not any(one.samefile(other) for one, other in zip(first, second, strict=True))


def test_a_session_that_was_moved_is_whole(two_sessions: list[Path], tmp_path_factory: pytest.TempPathFactory) -> None:
    moved = tmp_path_factory.mktemp("elsewhere") / "session"
    shutil.copytree(two_sessions[0], moved)
    shutil.rmtree(two_sessions[0].parent)
    assert main(["report", str(moved)]) == 0
    assert all(Image.open(path).size == (64, 64) for path in images(moved))


def test_after_one_session_was_removed_the_other_is_whole(two_sessions: list[Path]) -> None:
    assert main(["prune", "--keep-last", "1"]) == 0
    assert sessions(two_sessions[0].parent) == [two_sessions[1]]
    for path in images(two_sessions[1]):
        Image.open(path).load()
