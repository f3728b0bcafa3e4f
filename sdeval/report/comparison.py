"""Comparison, from run folders: which runs belong together, what to call them, what their suites know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from sdeval.comparison.matrix import SwappedOf, side_by_side
from sdeval.comparison.names import setting_names
from sdeval.config.discovery import find_suites
from sdeval.config.suite import Suite
from sdeval.errors import SdevalError, unknown
from sdeval.metrics import MetricOptions
from sdeval.metrics.sets.references import swap_difference_of
from sdeval.report.html.comparison import Compared
from sdeval.results.run import Stored
from sdeval.results.session_folder import read_run, run_folders

SuiteOf = Callable[[str], Suite | None]
"""A suite by its name, where it is at hand."""


def compared_of(folders: Iterable[Path], suite_of: SuiteOf, reference: str | None = None) -> list[Compared]:
    """Every suite that has two runs or more, its settings beside one of them.

    Args:
        folders: runs, or sessions with several.
        suite_of: finds a suite, which knows its reference images; without it set metrics are not tested.
        reference: name of the setting that the others are compared with; the first where None.

    Raises:
        SdevalError: a folder holds no run, or there is no such setting.
    """
    grouped: dict[str, list[Stored]] = {}
    for folder in folders:
        inside = run_folders(folder)
        if not inside:
            raise SdevalError(f"{folder}: is no run and holds none; a run is a folder with a run.json")
        for each in inside:
            run = read_run(each)
            grouped.setdefault(run.suite, []).append(Stored(run, each))
    several = {name: mine for name, mine in grouped.items() if len(mine) > 1}
    return [_compared(mine, suite_of(name), reference) for name, mine in several.items()]


def of_project(root: Path, name: str) -> Suite | None:
    """A suite of a project by its name, if it can be found."""
    try:
        return find_suites(name, root)[0]
    except SdevalError:
        return None


def _compared(stored: Sequence[Stored], suite: Suite | None, reference: str | None) -> Compared:
    named = dict(zip(setting_names([each.run for each in stored]), stored, strict=True))
    chosen = reference or next(iter(named))
    if chosen not in named:
        raise SdevalError(f"--reference: {unknown('setting', chosen, named)}")
    matrix = side_by_side({name: each.run for name, each in named.items()}, chosen, _swaps(suite))
    return Compared(matrix, named)


def _swaps(suite: Suite | None) -> SwappedOf:
    if suite is None:
        return lambda metric: None
    options = MetricOptions.from_suite(suite, "cpu")
    return lambda metric: swap_difference_of(suite, metric, options)
