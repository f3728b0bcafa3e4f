"""Stores the baseline that a run was compared with in its folder: its page stays the same after another acceptance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sdeval._utils.files import write_bytes
from sdeval.baselines import provenance, variability
from sdeval.baselines import store as baselines
from sdeval.errors import SdevalError
from sdeval.results import run_folder
from sdeval.results.run import AGAINST
from sdeval.results.session_folder import read_run

BASELINE = "baseline"
"""Folder in that of a run: the baseline that it was compared with, without features."""
VARIABILITY = "variability.json"


def keep_baseline(folder: Path, accepted: Path) -> None:
    """Copy what a page shows of a baseline into the folder of a run, unless there is none or it is corrupt.

    Args:
        folder: the folder of the run.
        accepted: the folder of all baselines.
    """
    if (folder / AGAINST).exists():
        return
    run = read_run(folder)
    try:
        baseline = baselines.find(accepted, run.suite, run.target)
    except SdevalError:
        # The session itself reports the error.
        return
    if baseline is None:
        return
    source, copy = baselines.folder_of(accepted, run.suite, run.target), folder / BASELINE
    generated = {sample.key for sample in run.samples}
    sample_metrics = {name: record for name, record in baseline.metrics.items() if record.scope == "sample"}
    for sample in baseline.samples:
        if sample.key in generated:
            _copy(source / sample.image, copy / sample.image)
    _copy(source / provenance.NAME, copy / provenance.NAME)
    _copy(variability.path_of(accepted, run.suite, run.target), copy / VARIABILITY)
    run_folder.write(replace(baseline, metrics=sample_metrics, set_scores={}, features={}), copy)


def _copy(source: Path, copy: Path) -> None:
    if source.is_file():
        write_bytes(copy, source.read_bytes())
