"""What a run was compared with, stored in its folder: its page stays the same when another baseline is accepted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sdeval._utils.files import exists, read_bytes, write_bytes
from sdeval.baselines import provenance, variability
from sdeval.baselines import store as baselines
from sdeval.errors import SdevalError
from sdeval.results import run_folder
from sdeval.results.run import AGAINST
from sdeval.results.session_folder import read_run

BASELINE = "baseline"
"""In the folder of a run: the baseline that it was compared with, without features."""
VARIABILITY = "variability.json"


def keep_baseline(folder: Path, accepted: Path) -> None:
    """Copy what a page shows of a baseline into the folder of a run; nothing where there is none, or it is corrupt.

    Args:
        folder: of the run.
        accepted: where baselines are kept.
    """
    if (folder / AGAINST).exists():
        return
    run = read_run(folder)
    try:
        before = baselines.find(accepted, run.suite, run.target)
    except SdevalError:
        # The session says what is wrong with it.
        return
    if before is None:
        return
    source, copy = baselines.folder_of(accepted, run.suite, run.target), folder / BASELINE
    generated = {each.key for each in run.samples}
    shown = {name: record for name, record in before.metrics.items() if record.scope == "sample"}
    for sample in before.samples:
        if sample.key in generated:
            _copy(source / sample.image, copy / sample.image)
    _copy(source / provenance.NAME, copy / provenance.NAME)
    _copy(variability.path_of(accepted, run.suite, run.target), copy / VARIABILITY)
    run_folder.write(replace(before, metrics=shown, set_scores={}, features={}), copy)


def _copy(source: Path, copy: Path) -> None:
    if exists(source):
        write_bytes(copy, read_bytes(source))
