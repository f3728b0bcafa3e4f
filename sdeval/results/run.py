"""A run: what one suite on one target produced, as a value. `run_folder` reads and writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdeval.metrics.base import Features
from sdeval.results.records import CaseRecord, MetricRecord, SampleResult, SetScore, Timing

if TYPE_CHECKING:
    import pandas as pd

AGAINST = "against"
"""In the folder of a run: the run that was interleaved with it, if it was."""
BATCH_CONSISTENCY = "batch_consistency"
"""Of the environment: what became of an image that was generated in a batch and then by itself."""
DIGESTS = ("weights", "configuration", "program")
"""Of `generated_by`: digests of files. Runs of earlier versions have none, which is no difference."""
PASSING = ("threads", "omp_wait_policy", BATCH_CONSISTENCY)
"""Of the environment: what says nothing of the images, and is neither accepted nor reported as a change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All of it, as a value."""

    suite: str
    task: str
    target: str
    request: Mapping[str, Any]
    """Number of cases, seeds, seeds of every round that the suite allows, and the settings of the pipeline call."""
    generated_by: Mapping[str, Any]
    """The target's fields, its pipeline and its scheduler."""
    metrics: Mapping[str, MetricRecord]
    samples: tuple[SampleResult, ...]
    complete: bool
    """Whether every sample of the suite is in it."""
    set_scores: Mapping[str, SetScore] = field(default_factory=dict)
    features: Mapping[str, Features] = field(default_factory=dict)
    """By extractor, row by row as `samples`."""
    environment: Mapping[str, Any] = field(default_factory=dict)
    timings: Mapping[tuple[str, int], Timing] = field(default_factory=dict)
    load_seconds: float = 0.0
    """To read the weights; 0 where they were in memory already."""
    peak_memory_bytes: int = 0
    """Largest memory held: on an accelerator what tensors took, otherwise what the process did."""
    peak_reserved_bytes: int = 0
    """On an accelerator: what was reserved for tensors."""
    notes: tuple[str, ...] = ()
    """What a reader of its verdicts must know besides, a line each; a baseline has none."""
    cases: Mapping[str, CaseRecord] = field(default_factory=dict)
    """By id; a baseline of before they were kept has none."""

    _by_key: dict[tuple[str, int], SampleResult] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Samples by case and seed, filled when one is first looked up."""

    def by_case(self) -> dict[str, list[SampleResult]]:
        """Samples of each case, in the order of the suite."""
        samples: dict[str, list[SampleResult]] = {}
        for sample in self.samples:
            samples.setdefault(sample.case, []).append(sample)
        return samples

    def sample(self, other: SampleResult) -> SampleResult | None:
        """The same sample in this run, if the same was asked of it."""
        if not self._by_key:
            self._by_key.update({sample.key: sample for sample in self.samples})
        match = self._by_key.get(other.key)
        return match if match is not None and match.fingerprint == other.fingerprint else None

    def round_of(self, seed: int) -> int:
        """The look at which a seed was first generated, from 0."""
        return next((number for number, seeds in enumerate(self.request.get("rounds", ())) if seed in seeds), 0)

    def table(self) -> pd.DataFrame:
        """One row a sample: `case`, `seed`, `prompt`, `defect`, `seconds`, `image` and a column for each metric.

        Example:
            >>> load_run(Path("reports/latest/shapes-text2img/shapes")).table().groupby("case")["clip_score"].mean()
        """
        import pandas as pd

        rows = [
            {
                "case": sample.case,
                "seed": sample.seed,
                "prompt": sample.prompt,
                "defect": sample.defect,
                "seconds": self.timings[sample.key].seconds if sample.key in self.timings else None,
                "image": sample.image,
                **sample.scores,
            }
            for sample in self.samples
        ]
        return pd.DataFrame(rows)


@dataclass(frozen=True, slots=True)
class Stored:
    """A run and the folder it was read from."""

    run: Run
    folder: Path

    def image(self, sample: SampleResult) -> Path | None:
        """The image of the same sample in this run, if the same was asked of it."""
        match = self.run.sample(sample)
        if match is None:
            return None
        path = self.folder / match.image
        return path if path.is_file() else None


def known_to_both(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two descriptions of what generated, without digests that only one of them has."""
    one_sided = {name for name in DIGESTS if (name in before) != (name in after)}
    first, second = ({name: side[name] for name in side if name not in one_sided} for side in (before, after))
    return first, second
