"""What `--junitxml` holds besides pytest's own: names are those of `verdicts.json` and `run.json`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sdeval.plugin.state import State
    from sdeval.results.verdict import Verdict

FIELDS = (
    "suite",
    "target",
    "metric",
    "case",
    "verdict",
    "baseline",
    "current",
    "change",
    "tolerance",
    "p_value",
    "n",
)
"""Of a verdict: those that say something of it alone."""


def properties(verdict: Verdict, task: str) -> list[tuple[str, object]]:
    """Of one item; what there is nothing to say of is left out."""
    told = {name: getattr(verdict, name) for name in FIELDS}
    told["task"] = task
    return [(name, value) for name, value in told.items() if value not in (None, "")]


class Junit:
    """Puts session, versions and hardware above all items; under pytest-xdist only the controller has one."""

    def __init__(self, state: State) -> None:
        self._state = state

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Before pytest writes the file, where there is to be one."""
        # The fixture that pytest offers for it runs on the workers of pytest-xdist, which write no file.
        from _pytest.junitxml import xml_key

        xml = self._state.config.stash.get(xml_key, None)
        if xml is None or not self._state.verdicts:
            return
        folder = self._state.session.folder
        told = {"session": folder.name, "strict": self._state.settings.strict, **_environment(folder)}
        for name, value in told.items():
            xml.add_global_property(name, str(value))


def _environment(folder: Path) -> dict[str, str]:
    """What the runs of a session say of machine and versions; all of it where they differ."""
    from sdeval.results.session_folder import read_run, run_folders

    found: dict[str, list[str]] = {}
    for each in run_folders(folder):
        for name, value in _flat(read_run(each).environment).items():
            found.setdefault(name, []).append(value)
    return {name: "; ".join(dict.fromkeys(values)) for name, values in found.items()}


def _flat(environment: Mapping[str, Any]) -> dict[str, str]:
    names = ("hardware", "python", "platform", "cuda")
    told = {**{name: environment.get(name) for name in names}, **environment.get("packages", {})}
    return {name: str(value) for name, value in told.items() if value}
