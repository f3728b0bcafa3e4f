"""What `--junitxml` holds besides pytest's own: property names are those of `verdicts.json` and `run.json`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

from sdeval.errors import SdevalError

if TYPE_CHECKING:
    from sdeval.plugin.state import State
    from sdeval.report.pairs import Pair
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
        with suppress(SdevalError, OSError):
            self._attach_pairs(xml)

    def _attach_pairs(self, xml: Any) -> None:
        """Add the worst images of each failed test, beside the accepted ones, as CI services show them."""
        from sdeval.plugin.session_end import join_image_checks
        from sdeval.report.pairs import worst_pairs

        join_image_checks(self._state)
        folder, strict = self._state.session.folder, self._state.settings.strict
        pairs = [pair for pair in worst_pairs(folder, self._state.verdicts, strict=strict) if pair.failed]
        for reporter in xml.node_reporters_ordered if pairs else ():
            element = reporter.to_xml()
            values = {child.get("name"): child.get("value") for child in element.iter("property")}
            for pair in pairs:
                if _is_of(pair, values):
                    _attach(element, pair.path)


def _is_of(pair: Pair, values: Mapping[str | None, str | None]) -> bool:
    """Whether a pair belongs to the test with these properties: an item of a suite, or an ordinary test."""
    key = (pair.suite, pair.target)
    if (values.get("suite"), values.get("target")) == key:
        return pair.judged == (values.get("case") or values.get("metric"))
    return (values.get(f"{pair.case}.suite"), values.get(f"{pair.case}.target")) == key


def _attach(element: ElementTree.Element, path: Path) -> None:
    """Name a file in the output of a test, in the way that Jenkins, GitLab and others know."""
    output = element.find("system-out")
    if output is None:
        output = ElementTree.SubElement(element, "system-out")
    lines = filter(None, [output.text, f"[[ATTACHMENT|{_seen(path, os.environ)}]]"])
    output.text = "\n".join(lines)


def _seen(path: Path, environment: Mapping[str, str]) -> str:
    """A file as the CI service finds it: GitLab among the artifacts of the job, others on the disk."""
    root = environment.get("CI_PROJECT_DIR")
    if environment.get("GITLAB_CI") and root and path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    return str(path.resolve())


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
