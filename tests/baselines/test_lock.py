"""The lock of a baselines folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from sdeval import SdevalError
from sdeval.baselines.lock import HOLDER, IGNORED, PLACE, locked


def test_who_holds_the_lock_is_written_beside_it_and_forgotten_afterwards(tmp_path: Path) -> None:
    with locked(tmp_path / "deep" / "baselines", 0):
        place = tmp_path / "deep" / "baselines" / PLACE
        assert json.loads((place / HOLDER).read_text())["pid"] == os.getpid()
        assert (place / IGNORED).read_text() == "*\n"
    assert not (place / HOLDER).exists()


def test_the_lock_is_free_again_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), locked(tmp_path, 0):
        raise RuntimeError("of whoever held it")
    with locked(tmp_path, 0):
        assert (tmp_path / PLACE / HOLDER).exists()


@pytest.mark.parametrize("content", [None, "{", "{}"])
def test_a_holder_that_cannot_be_read_is_another_process(tmp_path: Path, content: str | None) -> None:
    with locked(tmp_path, 0):
        path = tmp_path / PLACE / HOLDER
        path.unlink() if content is None else path.write_text(content)
        with pytest.raises(SdevalError, match="is being changed by another process; try again"), locked(tmp_path, 0):
            pass


def test_a_holder_that_another_process_removed_is_no_error(tmp_path: Path) -> None:
    with locked(tmp_path, 0):
        (tmp_path / PLACE / HOLDER).unlink()
