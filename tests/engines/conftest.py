"""Small models of every family with random weights, built and saved when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.families import save

Checkpoint = Callable[[str], Path]


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """A folder with a checkpoint of a family, made when it is first asked for."""
    made: dict[str, Path] = {}

    def find(name: str) -> Path:
        if name not in made:
            made[name] = save(name, tmp_path_factory.mktemp(name) / name)
        return made[name]

    return find


@pytest.fixture(scope="session")
def tiny(checkpoint: Checkpoint) -> Path:
    return checkpoint("sd1")


@pytest.fixture(scope="session")
def tiny_inpainting(checkpoint: Checkpoint) -> Path:
    return checkpoint("sd-inpainting")
