"""Comparison, from run folders: which runs belong together, what to call them, what their suites define."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from sdeval.comparison.matrix import SwappedOf, compare_settings
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
"""Finds a suite by its name; None where it is not available."""


def compared_of(folders: Iterable[Path], suite_of: SuiteOf, reference: str | None = None) -> list[Compared]:
    """Every suite that has two runs or more, its settings compared with one of them.

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
        for run_path in inside:
            run = read_run(run_path)
            grouped.setdefault(run.suite, []).append(Stored(run, run_path))
    several = {name: stored for name, stored in grouped.items() if len(stored) > 1}
    return [_compared(stored, suite_of(name), reference) for name, stored in several.items()]


def of_project(root: Path, name: str) -> Suite | None:
    """A suite of a project by its name, if it can be found."""
    try:
        return find_suites(name, root)[0]
    except SdevalError:
        return None


def _compared(stored: Sequence[Stored], suite: Suite | None, reference: str | None) -> Compared:
    by_name = dict(zip(setting_names([item.run for item in stored]), stored, strict=True))
    reference_name = reference or next(iter(by_name))
    if reference_name not in by_name:
        raise SdevalError(f"--reference: {unknown('setting', reference_name, by_name)}")
    matrix = compare_settings({name: item.run for name, item in by_name.items()}, reference_name, _swaps(suite))
    return Compared(matrix, by_name)


def _swaps(suite: Suite | None) -> SwappedOf:
    if suite is None:
        return lambda metric: None
    options = MetricOptions.from_suite(suite, "cpu")
    return lambda metric: swap_difference_of(suite, metric, options)
