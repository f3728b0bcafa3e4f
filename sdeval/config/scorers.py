"""Metrics of the project that run in a Python environment of their own: `[tool.sdeval.scorers.NAME]`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sdeval._utils import validation as typed
from sdeval._utils.validation import Number, Plain
from sdeval.config.root import find_root
from sdeval.errors import SdevalError


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerTable(typed.Checked):
    """What the table says."""

    python: str
    """The interpreter of the environment; seen from the root of the project."""
    scorer: str
    """`module:Class`, importable there, or from the root of the project."""
    tolerance: Number
    """The smallest loss that matters, in the scorer's unit."""
    title: str = ""
    unit: str = ""
    higher_is_better: bool = True
    gating: bool = True
    """Whether a loss fails a session."""
    timeout: Number = 600.0
    """Seconds that the scorer may take to start, and for a batch of images."""
    options: Mapping[str, Plain] = field(default_factory=dict)
    """Arguments of the class."""


@dataclass(frozen=True, slots=True)
class Scorer:
    """A scorer of a project."""

    name: str
    table: ScorerTable
    root: Path
    """Of the project."""

    @property
    def python(self) -> Path:
        """The interpreter. Not resolved: an environment's is a link, and would be another environment's."""
        return self.root / Path(self.table.python).expanduser()

    @property
    def where(self) -> str:
        """How messages begin."""
        return f"[tool.sdeval.scorers.{self.name}]"


_project: list[Path] = []
"""The root of the project that this process works on, once that is known."""


def use_project(root: Path) -> None:
    """From now on scorers are those of this project."""
    _project[:] = [root]


def project_scorers() -> dict[str, Scorer]:
    """The scorers of the project, by name.

    Raises:
        SdevalError: the table is wrong.
    """
    from sdeval.config.options import read_table

    root = _project[0] if _project else find_root([], Path.cwd())
    tables: Mapping[str, Mapping[str, Any]] = read_table(root).get("scorers", {})
    return {name: _scorer(name, values, root) for name, values in tables.items()}


def _scorer(name: str, values: Mapping[str, Any], root: Path) -> Scorer:
    where = f"{root / 'pyproject.toml'}: [tool.sdeval.scorers.{name}]"
    if not name.isidentifier():
        raise SdevalError(f"{where}: the name of a metric must be letters, digits and underscores")
    typed.check_fields(ScorerTable, values, where)
    module, _, attribute = values["scorer"].partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), attribute)):
        raise SdevalError(f"{where}: scorer: must be module:Class, got {typed.preview(values['scorer'])}")
    if not values["tolerance"] > 0:
        raise SdevalError(f"{where}: tolerance: must be above 0, got {values['tolerance']}")
    return Scorer(name, ScorerTable(**values), root)
