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
    """What was measured of the suite on the target."""
    reasons: tuple[str, ...] = ()
    """Why the baseline was accepted, where somebody said so."""

    @classmethod
    def read(cls, folder: Path) -> ComparedRun:
        """A run, with what was interleaved with it, or the baseline of its session.

        Raises:
            SdevalError: one of them is corrupt.
        """
        run = read_run(folder)
        kept = next((folder / name for name in (AGAINST, BASELINE) if (folder / name / "run.json").is_file()), None)
        if kept is None:
            return cls(run, folder, None, folder)
        variability = _unless_damaged(variabilities.read_file, kept / VARIABILITY)
        entries = _unless_damaged(provenance.read, kept) or ()
        reasons = tuple(each.reason for each in entries if each.reason)
        return cls(run, folder, run_folder.read(kept), kept, variability, reasons)

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


def _unless_damaged(read: Callable[[Path], T | None], path: Path) -> T | None:
    try:
        return read(path)
    except SdevalError:
        # The page still shows the run; the session said what is wrong.
        return None


def scores_beside(metric: str, run: Run, before: Run) -> list[tuple[float, float]]:
    """Mean scores of every case, before and now, over the seeds that both generated."""
    earlier = {each.key: each for each in before.samples}
    pairs = [pairs_of(metric, samples, earlier) for samples in run.by_case().values()]
    return [(float(each[:, 0].mean()), float(each[:, 1].mean())) for each in pairs if len(each)]


def pairs_of(metric: str, samples: Sequence[SampleResult], earlier: Mapping[tuple[str, int], SampleResult]) -> Floats:
    """Scores of a metric before and now: `[seeds, 2]`, of the seeds that both sides generated."""
    both = [
        (earlier[sample.key].scores.get(metric), sample.scores.get(metric))
        for sample in samples
        if sample.key in earlier
    ]
    return np.array([pair for pair in both if None not in pair], dtype=float).reshape(-1, 2)
