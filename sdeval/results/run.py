"""A run: what one suite on one target produced. A folder on disk, and the same as a value.

    run.json         suite, target, metrics, set scores, environment
    samples.jsonl    one sample a line: fingerprint, hash of the pixels, health, scores
    timings.jsonl    one sample a line: seconds, and those of the stages of its pipeline call
    cases.jsonl      one case a line: what was asked besides its prompt
    features/*.npy   features of every sample, for set metrics
    images/*.png     the images
    inputs/*.png     init images and masks

A baseline is a run without timings and inputs. Nothing in it but the scores changes when the same thing is
generated again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sdeval._utils.files import dump_json, dump_line, write_bytes, write_text
from sdeval._utils.validation import from_json, shown
from sdeval.errors import SdevalError
from sdeval.metrics.base import Features
from sdeval.results import upgrade
from sdeval.results.records import CaseRecord, MetricRecord, SampleResult, SetScore, Timing, TimingLine
from sdeval.results.run_files import SCHEMA, RunHeader, npy, read_features, read_header, read_lines

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")

AGAINST = "against"
"""In the folder of a run: the run that was interleaved with it, if it was."""
BATCH_CONSISTENCY = "batch_consistency"
"""Of the environment: what became of an image that was generated in a batch and then by itself."""
PASSING = ("threads", "omp_wait_policy", BATCH_CONSISTENCY)
"""Of the environment: what says nothing of the images, and is neither accepted nor told as a change."""


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

    def by_case(self) -> dict[str, list[SampleResult]]:
        """Samples of each case, in the order of the suite."""
        grouped: dict[str, list[SampleResult]] = {}
        for sample in self.samples:
            grouped.setdefault(sample.case, []).append(sample)
        return grouped

    def sample(self, other: SampleResult) -> SampleResult | None:
        """The same sample in this run, if the same was asked of it."""
        found = next((each for each in self.samples if each.key == other.key), None)
        return found if found is not None and found.fingerprint == other.fingerprint else None

    def round_of(self, seed: int) -> int:
        """The look at which a seed was first generated, from 0."""
        return next((number for number, seeds in enumerate(self.request.get("rounds", ())) if seed in seeds), 0)

    def table(self) -> pd.DataFrame:
        """One row a sample: `case`, `seed`, `prompt`, `defect`, `seconds`, `image` and a column for each metric.

        Example:
            >>> read(Path("reports/latest/shapes-text2img/shapes")).table().groupby("case")["clip_score"].mean()
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
        found = self.run.sample(sample)
        if found is None:
            return None
        path = self.folder / found.image
        return path if path.is_file() else None


def write(run: Run, folder: Path) -> None:
    """Write everything but the images, which were written as they were generated; `run.json` comes last."""
    write_text(folder / "samples.jsonl", "".join(map(_sample_line, run.samples)))
    for name, values in run.features.items():
        write_bytes(folder / "features" / f"{name}.npy", npy(values))
    if run.timings:
        lines = [{"case": case, "seed": seed, **_rounded(each)} for (case, seed), each in run.timings.items()]
        write_text(folder / "timings.jsonl", "".join(map(dump_line, lines)))
    if run.cases:
        write_text(folder / "cases.jsonl", "".join(dump_line(asdict(each)) for each in run.cases.values()))
    write_text(folder / "run.json", dump_json(_header(run)))


def _sample_line(sample: SampleResult) -> str:
    # A line of a baseline stays the same to the last byte, also of one from before these were kept.
    later = ("width", "height", "scored_on", "measures")
    return dump_line({name: value for name, value in asdict(sample).items() if value or name not in later})


def _rounded(timing: Timing) -> dict[str, Any]:
    """To microseconds."""
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in asdict(timing).items()}


def _header(run: Run) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "suite": run.suite,
        "task": run.task,
        "target": run.target,
        "request": dict(run.request),
        "generated_by": dict(run.generated_by),
        "metrics": {name: asdict(record) for name, record in run.metrics.items()},
        "set_scores": {name: asdict(score) for name, score in run.set_scores.items()},
        "environment": dict(run.environment),
        "complete": run.complete,
        "peak_memory_bytes": run.peak_memory_bytes,
        # A baseline stays the same to the last byte.
        **({"peak_reserved_bytes": run.peak_reserved_bytes} if run.peak_reserved_bytes else {}),
        **({"load_seconds": round(run.load_seconds, 3)} if run.load_seconds else {}),
        **({"notes": list(run.notes)} if run.notes else {}),
    }


def read(folder: Path) -> Run:
    """Read a run folder or a baseline folder.

    Raises:
        SdevalError: it is missing, incomplete or corrupt; names the file and the line.
    """
    header, old = read_header(folder / "run.json")
    samples = tuple(_read_samples(folder / "samples.jsonl", old=old))
    run = Run(
        **{each.name: getattr(header, each.name) for each in fields(RunHeader) if each.name != "schema"},
        samples=samples,
        features={path.stem: read_features(path, len(samples)) for path in sorted(folder.glob("features/*.npy"))},
        timings={line.key: line.timing for _, line in _read_lines(TimingLine, folder / "timings.jsonl")},
        cases={each.case: each for each in _read_cases(folder / "cases.jsonl")},
    )
    _check_whole(run, folder)
    return run


def _read_lines(kind: type[T], path: Path) -> list[tuple[str, T]]:
    """What the lines of a file hold, and how messages about each begin; nothing where there is no file."""
    return [(where, from_json(kind, text, where)) for where, text in read_lines(path)] if path.exists() else []


def _read_samples(path: Path, *, old: bool) -> list[SampleResult]:
    texts = [(where, upgrade.sample_line(text) if old else text) for where, text in read_lines(path)]
    lines = [(where, from_json(SampleResult, text, where)) for where, text in texts]
    for where, sample in lines:
        # What is read here is copied later: it must stay inside the folder.
        if not re.fullmatch(r"images/[a-z0-9@.-]+", sample.image):
            raise SdevalError(f"{where}: {shown(sample.image)} is no image of a run")
    return [sample for _, sample in lines]


def _read_cases(path: Path) -> list[CaseRecord]:
    lines = _read_lines(CaseRecord, path)
    for where, case in lines:
        for image in filter(None, (case.image, case.mask)):
            if not re.fullmatch(r"inputs/[0-9a-f]+\.png", image):
                raise SdevalError(f"{where}: {shown(image)} is no image of a run")
    return [case for _, case in lines]


def _check_whole(run: Run, folder: Path) -> None:
    """Refuse a run whose files do not belong together, or of which a part is gone."""
    samples, request = folder / "samples.jsonl", run.request
    if len({sample.key for sample in run.samples}) < len(run.samples):
        raise SdevalError(f"{samples}: is corrupt: a sample is in it twice")
    if run.complete and len(run.samples) != request["cases"] * len(request["seeds"]):
        generated = f"{request['cases']} cases with {len(request['seeds'])} seeds"
        raise SdevalError(f"{samples}: is corrupt: has {len(run.samples)} samples, but run.json says {generated}")
    for name, record in run.metrics.items():
        if record.scope != "set":
            continue
        if name not in run.set_scores:
            raise SdevalError(f"{folder / 'run.json'}: is corrupt: set_scores: {name}: is missing")
        features = folder / "features" / f"{run.set_scores[name].extractor}.npy"
        if run.set_scores[name].extractor not in run.features:
            raise SdevalError(f"{features}: is missing; {name} was measured with it")
