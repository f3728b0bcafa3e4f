"""What a draft was made for."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from sdeval.baselines.acceptance import accept
from sdeval.baselines.drafts import SPEED, current
from tests.baselines.test_store import on_disk
from tests.conftest import make_run


def test_a_baseline_is_known_by_its_digest(tmp_path: Path) -> None:
    assert current(tmp_path, "animals/tiny") == ""
    accept(on_disk(make_run(np.array([[30.0]])), tmp_path / "run"), tmp_path)
    before = current(tmp_path, "animals/tiny")
    accept(on_disk(make_run(np.array([[29.0]])), tmp_path / "other"), tmp_path)
    assert len({"", before, current(tmp_path, "animals/tiny")}) == 3


def test_speeds_are_known_by_the_hash_of_their_file(tmp_path: Path) -> None:
    path = f"animals/tiny{SPEED}"
    assert current(tmp_path, path) == ""
    tmp_path.joinpath(path).parent.mkdir()
    tmp_path.joinpath(path).write_bytes(b"fast")
    assert current(tmp_path, path) == hashlib.sha256(b"fast").hexdigest()
