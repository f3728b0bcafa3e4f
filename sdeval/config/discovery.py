"""Finds suites outside pytest, for the commands that take one: by file, by name in a file, or by suite name."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from sdeval.config.suite import Suite
from sdeval.errors import SdevalError, unknown, with_location

PREFIX = "test"
"""Prefix of the names that pytest collects."""


def find_suites(text: str, root: Path) -> list[Suite]:
    """Suites by `suites/test_animals.py`, `suites/test_animals.py::test_cats`, a folder, or a suite's own name.

    A name is looked for in the modules of `root/suites`.

    Raises:
        SdevalError: there is no such suite; the message lists the known ones.
    """
    path, _, name = text.partition("::")
    if Path(path).is_dir():
        if name:
            raise SdevalError(f"suite: {path} is a folder; name a file in it, such as {path}/test_animals.py::{name}")
        return _all_in(sorted(Path(path).rglob(f"{PREFIX}_*.py")), text)
    if path.endswith(".py"):
        if not Path(path).is_file():
            raise SdevalError(f"suite: no such file: {path}")
        suites = _suites(Path(path))
        if name and name not in suites:
            raise SdevalError(f"{path}: {unknown('suite', name, suites)}")
        return [suites[name]] if name else _all_in([Path(path)], text)
    modules = sorted((root / "suites").rglob(f"{PREFIX}_*.py"))
    suites_by_name = {suite.name: suite for suite in _all_in(modules, f"unknown suite {text!r}: {root / 'suites'}")}
    if text not in suites_by_name:
        raise SdevalError(
            f"{unknown('suite', text, suites_by_name)}; a file such as suites/test_animals.py is allowed too"
        )
    return [suites_by_name[text]]


def project_suites(root: Path) -> list[Suite]:
    """All suites of the modules of `root/suites`.

    Raises:
        SdevalError: there is none, or a module does not import.
    """
    folder = root / "suites"
    if not folder.is_dir():
        raise SdevalError(f"{folder}: no such folder; name the file of a suite: --suite tests/test_animals.py")
    return find_suites(str(folder), root)


def _all_in(paths: list[Path], text: str) -> list[Suite]:
    suites: dict[str, tuple[Path, Suite]] = {}
    for path in paths:
        for suite in _suites(path).values():
            if suite.name in suites:
                raise SdevalError(f"{path}: suite name {suite.name!r} is taken already by {suites[suite.name][0]}")
            suites[suite.name] = (path, suite)
    if not suites:
        raise SdevalError(f"{text}: no suites in it; a suite is assigned to a name that begins with {PREFIX}_")
    return [suite for _, suite in suites.values()]


def _suites(path: Path) -> dict[str, Suite]:
    module = _import_module(path)
    return {name: value for name, value in vars(module).items() if name.startswith(PREFIX) and isinstance(value, Suite)}


def _import_module(path: Path) -> ModuleType:
    """Import a module as pytest does: its folder is on the path, or the one that its outermost package lies in."""
    folder, name = path.parent.resolve(), path.stem
    while (folder / "__init__.py").is_file():
        folder, name = folder.parent, f"{folder.name}.{name}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    paths, previous = list(sys.path), sys.modules.get(name)
    sys.path.insert(0, str(folder))
    # Dataclasses look up their module there while they are created.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except SdevalError as error:
        raise with_location(error, path, str(path)) from error
    except KeyboardInterrupt:
        raise
    # A module that skips itself or exits raises a BaseException.
    except BaseException as error:
        message = f"{path}: does not import: {type(error).__name__}: {error}".splitlines()[0]
        raise SdevalError(message) from error
    finally:
        sys.path[:] = paths
        del sys.modules[name]
        if previous is not None:
            sys.modules[name] = previous
    return module
