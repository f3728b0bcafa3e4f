"""Allure: the worst image of a failed test beside the accepted one, where `--alluredir` asks for its results."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sdeval.errors import SdevalError

if TYPE_CHECKING:
    from sdeval.plugin.state import State
    from sdeval.results.verdict import Verdict

PLUGIN = "allure_listener"
"""What allure-pytest registers where it writes results."""


def attach_pair(config: pytest.Config, state: State, verdict: Verdict) -> None:
    """Attach a pair to the test that runs now; nothing that goes wrong with it changes the verdict."""
    if not config.pluginmanager.hasplugin(PLUGIN):
        return
    with suppress(SdevalError, OSError, ImportError):
        import allure

        path = _pair(state, verdict)
        if path is not None:
            allure.attach.file(str(path), name=path.stem, attachment_type=allure.attachment_type.PNG)


def _pair(state: State, verdict: Verdict) -> Path | None:
    from sdeval.report.pairs import pair_of, path_of, write_pair

    session = state.session.folder
    # An image of an ordinary test lies in no run before the session ends.
    pair = state.image_checks.pair(verdict.suite, verdict.target, verdict.case)
    if pair is None:
        suite_pair = pair_of(session, verdict)
        return suite_pair.path if suite_pair else None
    sample, image, baseline = pair
    path = path_of(session, verdict.suite, verdict.target, sample)
    write_pair(baseline, image, path)
    return path
