"""Targets by name: those that ship, those of a project's `suites/targets.toml`, those of its pyproject.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sdeval._utils.files import read_toml
from sdeval._utils.validation import check_value, preview
from sdeval.config.root import TARGETS
from sdeval.config.target import Target
from sdeval.errors import SdevalError, unknown

KEYS = ("extends", *(field.name for field in fields(Target) if field.name != "name"))
"""What a table of a target may hold."""

Tables = Mapping[str, tuple[str, Mapping[str, Any]]]
"""By name: where a table was read, for messages, and what it holds."""


@cache
def shipped_targets() -> Mapping[str, Target]:
    """The targets that come with sdeval."""
    text = (resources.files("sdeval") / "targets.toml").read_text(encoding="utf-8")
    return MappingProxyType(targets_of(_tables_by_name(tomllib.loads(text), "targets.toml of sdeval"), {}))


def of_project(root: Path, table: Mapping[str, Any]) -> dict[str, Target]:
    """Targets that ship, then those of the project's file, then those of `[tool.sdeval.targets]`; the last one counts.

    Args:
        root: of the project.
        table: `[tool.sdeval.targets]`.

    Raises:
        SdevalError: a table has an unknown field, or extends an unknown target.
    """
    path = root / TARGETS
    tables = {**_of_file(path), **_tables_by_name(table, f"{root / 'pyproject.toml'}: [tool.sdeval.targets]")}
    return {**shipped_targets(), **targets_of(tables, shipped_targets())}


def _of_file(path: Path) -> dict[str, tuple[str, Mapping[str, Any]]]:
    return _tables_by_name(read_toml(path), str(path))


def _tables_by_name(content: Mapping[str, Any], where: str) -> dict[str, tuple[str, Mapping[str, Any]]]:
    for name, table in content.items():
        if not isinstance(table, Mapping):
            raise SdevalError(f"{where}: {name}: a target is a table such as [{name}], got {preview(table)}")
    return {name: (f"{where}: [{name}]", table) for name, table in content.items()}


def targets_of(tables: Tables, base_targets: Mapping[str, Target]) -> dict[str, Target]:
    """Targets from tables: what one `extends` is taken over, and call settings and mappings are merged.

    Raises:
        SdevalError: an unknown key, a wrong value, or a circle of targets that extend each other.
    """
    return {name: _build(name, tables, base_targets, ()) for name in tables}


def _build(name: str, tables: Tables, base_targets: Mapping[str, Target], extending: tuple[str, ...]) -> Target:
    where, table = tables[name]
    if name in extending:
        raise SdevalError(f"{where}: extends itself by way of {' → '.join((*extending, name))}")
    _check_keys(where, table)
    values = {key: value for key, value in table.items() if key != "extends"}
    base = table.get("extends")
    check_value(base, str | None, "extends", where)
    if base is None:
        if "model" not in values:
            raise SdevalError(f"{where}: model: is missing; or say what it extends")
        return _make_target(where, {**values, "name": name})
    # A target may extend its shipped namesake, to override a part of it.
    if base in tables and base != name:
        parent = _build(base, tables, base_targets, (*extending, name))
    elif base in base_targets:
        parent = base_targets[base]
    else:
        raise SdevalError(f"{where}: extends: {unknown('target', base, {*tables, *base_targets} - {name})}")
    return _make_target(where, {**_facts(parent), **_merge(parent, values), "name": name})


def _check_keys(where: str, table: Iterable[str]) -> None:
    for key in table:
        if key not in KEYS:
            raise SdevalError(f"{where}: {unknown('key', key, KEYS)}; arguments of the pipeline call go into settings")


def _facts(target: Target) -> dict[str, Any]:
    return {field.name: getattr(target, field.name) for field in fields(Target)}


def _merge(parent: Target, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values over those of the parent; revision and variant are the parent model's, and not another one's."""
    merged: dict[str, Any] = {"revision": None, "variant": None} if "model" in values else {}
    for key, value in values.items():
        inherited = getattr(parent, key)
        are_mappings = isinstance(inherited, Mapping) and isinstance(value, Mapping)
        merged[key] = {**inherited, **value} if are_mappings else value
    return merged


def _make_target(where: str, values: dict[str, Any]) -> Target:
    try:
        return Target(**values)
    except SdevalError as error:
        raise SdevalError(f"{where}: {error}") from None
