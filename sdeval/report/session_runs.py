"""A run and what it is compared with, as they lie in the folder of a session."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from sdeval.baselines import provenance
from sdeval.baselines import variability as variabilities
from sdeval.baselines.snapshot import BASELINE, VARIABILITY
from sdeval.baselines.variability import Variability
from sdeval.errors import SdevalError
from sdeval.results import run_folder
from sdeval.results.records import SampleResult
from sdeval.results.run import AGAINST, Run
from sdeval.results.session_folder import read_run
from sdeval.stats import Floats

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """A run, and what it is compared with."""

    run: Run
    folder: Path
    before: Run | None
    kept: Path
    """Folder of what it is compared with."""
    variability: Variability | None = None
    """The measured variability of the suite on the target."""
    reasons: tuple[str, ...] = ()
    """Why the baseline was accepted, where somebody said so."""

    @classmethod
    def read(cls, folder: Path) -> ComparedRun:
        """A run, with what was interleaved with it, or the baseline of its session.

        Raises:
            SdevalError: one of them is corrupt.
        """
        run = read_run(folder)
        other_folder = next(
            (folder / name for name in (AGAINST, BASELINE) if (folder / name / "run.json").is_file()), None
        )
        if other_folder is None:
            return cls(run, folder, None, folder)
        variability = _read_unless_corrupt(variabilities.read_file, other_folder / VARIABILITY)
        entries = _read_unless_corrupt(provenance.read, other_folder) or ()
        reasons = tuple(entry.reason for entry in entries if entry.reason)
        return cls(run, folder, run_folder.read(other_folder), other_folder, variability, reasons)

    @property
    def interleaved(self) -> bool:
        """Whether it is compared with what was interleaved with it."""
        return self.kept.name == AGAINST

    @property
    def label(self) -> str:
        """What it is compared with, in a word or two; empty where there is nothing."""
        if self.before is None:
            return ""
        return f"{self.before.target}, interleaved" if self.interleaved else "baseline"


def _read_unless_corrupt(read: Callable[[Path], T | None], path: Path) -> T | None:
    try:
        return read(path)
    except SdevalError:
        # The page still shows the run; the session has reported the error.
        return None


def mean_score_pairs(metric: str, run: Run, before: Run) -> list[tuple[float, float]]:
    """Mean scores of every case, before and now, over the seeds that both generated."""
    earlier = {sample.key: sample for sample in before.samples}
    pairs = [pairs_of(metric, samples, earlier) for samples in run.by_case().values()]
    return [(float(scores[:, 0].mean()), float(scores[:, 1].mean())) for scores in pairs if len(scores)]


def pairs_of(metric: str, samples: Sequence[SampleResult], earlier: Mapping[tuple[str, int], SampleResult]) -> Floats:
    """Scores of a metric before and now: `[seeds, 2]`, of the seeds that both sides generated."""
    both = [
        (earlier[sample.key].scores.get(metric), sample.scores.get(metric))
        for sample in samples
        if sample.key in earlier
    ]
    return np.array([pair for pair in both if None not in pair], dtype=float).reshape(-1, 2)
