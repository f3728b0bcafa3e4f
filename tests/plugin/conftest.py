"""What the tests of the plugin share."""

from __future__ import annotations

import pytest

from tests.plugin.project import SUITE


@pytest.fixture
def suites(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.delenv("CI", raising=False)
    pytester.makepyfile(test_suite=SUITE.format(task="text2img", name="few"))
    return pytester
