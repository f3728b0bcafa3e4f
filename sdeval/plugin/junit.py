"""What `--junitxml` holds besides pytest's own: property names are those of `verdicts.json` and `run.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sdeval.errors import SdevalError

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
"""Fields of a verdict that are written as properties of its item."""


def properties(verdict: Verdict, task: str) -> list[tuple[str, object]]:
    """Properties of one item; empty values are left out."""
    values = {name: getattr(verdict, name) for name in FIELDS}
    values["task"] = task
    return [(name, value) for name, value in values.items() if value not in (None, "")]


def image_properties(verdicts: Sequence[Verdict]) -> list[tuple[str, object]]:
    """Properties of an ordinary test: those of each of its images, with the case in front."""
    return [
        (f"{verdict.case}.{name}", value)
        for verdict in verdicts
        for name, value in properties(verdict, "")
        if name != "case"
    ]


class Junit:
    """Puts session, versions and hardware above all items; under pytest-xdist only the controller has one."""

    def __init__(self, state: State) -> None:
        self._state = state

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Add the properties before pytest writes the file, if it writes one."""
        # The fixture that pytest offers for it runs on the workers of pytest-xdist, which write no file.
        from _pytest.junitxml import xml_key

        xml = self._state.config.stash.get(xml_key, None)
        if xml is None or not self._state.verdicts:
            return
        folder = self._state.session.folder
        values: dict[str, object] = {"session": folder.name, "strict": self._state.settings.strict}
        # What cannot be read any more is said where the session is published.
        with suppress(SdevalError, OSError):
            values |= _environment(folder)
        for name, value in values.items():
            xml.add_global_property(name, str(value))


def _environment(folder: Path) -> dict[str, str]:
    """Machine and versions recorded in the runs of a session; every value where they differ."""
    from sdeval.results.session_folder import read_run, run_folders

    values_by_name: dict[str, list[str]] = {}
    for path in run_folders(folder):
        for name, value in _flat(read_run(path).environment).items():
            values_by_name.setdefault(name, []).append(value)
    return {name: "; ".join(dict.fromkeys(values)) for name, values in values_by_name.items()}


def _flat(environment: Mapping[str, Any]) -> dict[str, str]:
    names = ("hardware", "python", "platform", "cuda")
    values = {**{name: environment.get(name) for name in names}, **environment.get("packages", {})}
    return {name: str(value) for name, value in values.items() if value}
