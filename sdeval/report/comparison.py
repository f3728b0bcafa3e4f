"""Comparison, from run folders: which runs belong together, what to call them, what their suites define."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from sdeval._utils.files import short
from sdeval.comparison.matrix import Matrix, SwappedOf, compare_settings
from sdeval.comparison.names import setting_names
from sdeval.config.discovery import find_suites
from sdeval.config.suite import Suite
from sdeval.errors import SdevalError, unknown
from sdeval.metrics import MetricOptions
from sdeval.metrics.sets.references import swap_difference_of
from sdeval.results import selected
from sdeval.results.run import AGAINST, Run, Stored
from sdeval.results.session_folder import read_record, read_run, run_folders
from sdeval.results.verdict import Verdict

SuiteOf = Callable[[str], Suite | None]
"""Finds a suite by its name; None where it is not available."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison, and where its runs are, by the names of the settings."""

    matrix: Matrix
    stored: Mapping[str, Stored]
    folders: Sequence[Path] = ()
    """Runs and sessions that were compared, as they were given."""
    verdicts: Mapping[str, Sequence[Verdict]] = field(default_factory=dict)
    """What the session of each setting found, in which it was compared with its own baseline."""

    def command(self, reference: str, page: Path) -> str:
        """The command that makes the page again with another reference."""
        folders = map(str, map(short, self.folders))
        return shlex.join(["sdeval", "compare", *folders, "--reference", reference, "--page", str(short(page))])


def compared_of(
    folders: Iterable[Path],
    suite_of: SuiteOf,
    reference: str | None = None,
    verdicts: Sequence[Verdict] | None = None,
) -> list[Compared]:
    """Every suite that has two runs or more, its settings compared with one of them.

    Args:
        folders: runs, or sessions with several.
        suite_of: finds a suite, which knows its reference images; without it set metrics are not tested.
        reference: name of the setting that the others are compared with; the first where None.
        verdicts: of the session that all runs are of, where it has not written them yet; otherwise they are read.

    Raises:
        SdevalError: a folder holds no run, or there is no such setting.
    """
    given = tuple(folders)
    grouped: dict[str, list[Stored]] = {}
    for folder in given:
        inside = _by_order_of_targets(folder, run_folders(folder))
        if not inside:
            raise SdevalError(f"{folder}: is no run and holds none; a run is a folder with a run.json")
        for run_path in inside:
            run = read_run(run_path)
            grouped.setdefault(run.suite, []).append(Stored(run, run_path))
    grouped = {name: _with_rival(stored) for name, stored in grouped.items()}
    several = {name: stored for name, stored in grouped.items() if len(stored) > 1}
    comparisons = [_compared(stored, suite_of(name), reference) for name, stored in several.items()]
    return [
        replace(
            comparison,
            folders=given,
            verdicts={name: _verdicts_of(stored, verdicts) for name, stored in comparison.stored.items()},
        )
        for comparison in comparisons
    ]


def _with_rival(stored: list[Stored]) -> list[Stored]:
    """A run that is alone, behind the one that it was interleaved with, where there is one."""
    if len(stored) > 1 or not (stored[0].folder / AGAINST / "run.json").is_file():
        return stored
    folder = stored[0].folder / AGAINST
    return [Stored(read_run(folder), folder), *stored]


def runs_of_suites(session: Path) -> list[Path]:
    """What is compared of a session: all of it, or those of its runs whose images no ordinary test brought.

    Such tests name their engine in the case, if they have several: no case of theirs is there twice.
    """
    runs = {folder: read_run(folder) for folder in run_folders(session)}
    own = [folder for folder, run in runs.items() if not run.from_tests]
    return _by_order_of_targets(session, own) if runs and len(own) < len(runs) else [session]


def session_of(folder: Path) -> Path | None:
    """The session that a run was generated in; None where its folder is in no session."""
    run_folder = folder.resolve()
    session = run_folder.parent.parent
    return session if run_folder in run_folders(session) else None


def of_project(root: Path, name: str) -> Suite | None:
    """A suite of a project by its name, if it can be found."""
    try:
        return find_suites(name, root)[0]
    except SdevalError:
        return None


def _by_order_of_targets(session: Path, folders: Sequence[Path]) -> list[Path]:
    """Runs of a session in the order in which its targets were named: the first is what the others are compared with.

    Sessions of before that was written down, and runs without a session, stay as they are.
    """
    targets = list(dict.fromkeys(item.target for item in selected.read(session)))
    return sorted(folders, key=lambda folder: targets.index(folder.name) if folder.name in targets else len(targets))


def _compared(stored: Sequence[Stored], suite: Suite | None, reference: str | None) -> Compared:
    by_name = dict(zip(setting_names([item.run for item in stored]), stored, strict=True))
    reference_name = reference or next(iter(by_name))
    if reference_name not in by_name:
        raise SdevalError(f"--reference: {unknown('setting', reference_name, by_name)}")
    runs = {name: _in_order(item.run, suite) for name, item in by_name.items()}
    interleaved = [name for name, item in by_name.items() if _are_interleaved(item, by_name[reference_name])]
    return Compared(compare_settings(runs, reference_name, _swaps(suite), interleaved), by_name)


def _in_order(run: Run, suite: Suite | None) -> Run:
    """The run with its metrics in the order of the suite: the first decides which settings are Pareto-optimal."""
    if suite is None:
        return run
    names = dict.fromkeys(name for name in (*suite.metrics, *run.metrics) if name in run.metrics)
    return replace(run, metrics={name: run.metrics[name] for name in names})


def _are_interleaved(one: Stored, other: Stored) -> bool:
    """Whether one of them was generated in turns with the other: then it lies in its folder."""
    return any(inner.folder == outer.folder / AGAINST for inner, outer in ((one, other), (other, one)))


def _verdicts_of(stored: Stored, verdicts: Sequence[Verdict] | None) -> tuple[Verdict, ...]:
    """What the session of a run found of it; nothing where the run lies in no session."""
    run, session = stored.run, session_of(stored.folder)
    if verdicts is None and session is not None:
        with suppress(SdevalError):
            verdicts = read_record(session).verdicts
    return tuple(verdict for verdict in verdicts or () if (verdict.suite, verdict.target) == (run.suite, run.target))


def _swaps(suite: Suite | None) -> SwappedOf:
    if suite is None:
        return lambda metric: None
    options = MetricOptions.from_suite(suite, "cpu")
    return lambda metric: swap_difference_of(suite, metric, options)
