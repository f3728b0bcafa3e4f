"""What the tests of the plugin share."""

from __future__ import annotations

import pytest

from tests.plugin.project import SUITE


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal in which no note takes two lines."""
    monkeypatch.setenv("COLUMNS", "1000")


@pytest.fixture
def suites(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(test_suite=SUITE.format(task="text2img", name="few"))
    return pytester
