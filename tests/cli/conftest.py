"""Commands print to a terminal of a fixed width."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wide enough that no sentence is wrapped."""
    monkeypatch.setenv("COLUMNS", "400")
