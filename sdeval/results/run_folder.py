"""The folder of a run, checked as it is read: what it holds is what the rest may rely on.

    run.json         suite, target, metrics, set scores, environment
    samples.jsonl    one sample a line: fingerprint, hash of the pixels, health, scores
    timings.jsonl    one sample a line: seconds, and those of the stages of its pipeline call
    cases.jsonl      one case a line: what was asked besides its prompt
    features/*.npy   features of every sample, for set metrics
    images/*.png     the images
    inputs/*.png     init images, input images and masks

A baseline is a run without timings and inputs. Nothing in it but the scores changes when the same thing is
generated again.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from typing_extensions import TypedDict

from sdeval._utils.files import (
    dump_json,
    dump_line,
    exists,
    nothing_in,
    open_file,
    parse_json,
    read_bytes,
    read_json,
    read_text,
    write_bytes,
    write_text,
)
from sdeval._utils.validation import JSON_ONLY, Extensible, Number, Plain, from_json, keeps_extra_keys, preview
from sdeval.config.case import Task
from sdeval.errors import SdevalError
from sdeval.metrics.base import Features
from sdeval.results import upgrade
from sdeval.results.records import CaseRecord, MetricRecord, SampleResult, SetScore, Timing, TimingLine
from sdeval.results.run import Run

SCHEMA = 2
LARGEST_FEATURES = 2**32
"""Bytes of a file of features that is read: a million samples with 1,024 features each."""
T = TypeVar("T")


@keeps_extra_keys
class Request(TypedDict):
    """What was asked of a run; another key of an older or a later version is kept."""

    cases: int
    seeds: Sequence[int]
    rounds: Sequence[Sequence[int]]
    settings: Mapping[str, Any]
    unscored: Mapping[str, str]


@keeps_extra_keys
class Environment(TypedDict, total=False):
    """What a run was generated on; other keys are kept."""

    hardware: str
    packages: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHeader(Extensible):
    """What `run.json` holds: a run but for its samples."""

    schema: Literal[2]
    """Goes up when a field changes its meaning or goes away; new fields leave it as it is."""
    suite: str
    """Name of the suite."""
    task: Task
    """What the pipeline does."""
    target: str
    """Name of what generated."""
    request: Annotated[Request, JSON_ONLY]
    """Number of cases, seeds, seeds of every round that the suite allows, and the settings of the pipeline call."""
    generated_by: Mapping[str, Plain]
    """The target's fields, its pipeline and its scheduler."""
    metrics: Mapping[str, MetricRecord]
    """By name: how each metric scored."""
    set_scores: Mapping[str, SetScore]
    """By metric: metrics of the whole set."""
    environment: Annotated[Environment, JSON_ONLY]
    """Hardware, versions, and what else the images may depend on."""
    complete: bool
    """Whether every sample of the suite is in it."""
    peak_memory_bytes: int
    """Largest memory held: on an accelerator what tensors took, otherwise what the process did."""
    peak_reserved_bytes: int = 0
    """On an accelerator: what was reserved for tensors."""
    load_seconds: Number = 0.0
    """To read the weights; 0 where they were in memory already."""
    notes: tuple[str, ...] = ()
    """What a reader of its verdicts must know besides, a line each; a baseline has none."""


def read_header(path: Path) -> tuple[RunHeader, bool]:
    """What `run.json` holds, and whether it is of schema 1, as the other files are then.

    Raises:
        SdevalError: it is missing, of another schema, or corrupt.
    """
    where = f"{path}: is corrupt"
    content = read_json(path, nothing_in(path.parent, "run", path.name))
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema not in (1, SCHEMA) or isinstance(schema, bool):
        raise SdevalError(f"{path}: has schema {preview(schema)}; this version of sdeval reads 1 and {SCHEMA}")
    text = json.dumps(upgrade.run_header(content)) if schema == 1 else read_bytes(path)
    header = from_json(RunHeader, text, where)
    for name in (header.suite, header.target):
        if not re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", name):
            raise SdevalError(f"{where}: {preview(name)} is no name")
    request = header.request
    if not request["seeds"] or not request["rounds"] or not all(request["rounds"]):
        raise SdevalError(f"{where}: request: seeds and rounds must not be empty")
    return header, schema == 1


def read_lines(path: Path) -> list[tuple[str, str]]:
    """The lines of a file that holds JSON on each, and how messages about each begin.

    Raises:
        SdevalError: the file cannot be read.
    """
    # Not splitlines: prompts may hold what Unicode counts as a line break.
    lines = read_text(path).removesuffix("\n").split("\n")
    return [(f"{path}:{number}: is corrupt", line) for number, line in enumerate(lines, 1)]


def json_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file with one object a line, without validation of their fields.

    Raises:
        SdevalError: the file cannot be read, or a line is no object.
    """
    values = []
    for where, line in read_lines(path):
        try:
            value = parse_json(line)
        except (ValueError, RecursionError) as error:
            raise SdevalError(f"{where}: {error}") from None
        if not isinstance(value, dict):
            raise SdevalError(f"{where}: not an object")
        values.append(value)
    return values


def npy(values: Features) -> bytes:
    """Features as a file holds them."""
    buffer = io.BytesIO()
    np.save(buffer, values.astype(np.float32), allow_pickle=False)
    return buffer.getvalue()


def read_features(path: Path, rows: int) -> Features:
    """Features of `rows` samples.

    Raises:
        SdevalError: the file cannot be read, or is of another number of samples.
    """
    with open_file(path, LARGEST_FEATURES) as file:
        try:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = read(file)
            size = path.stat().st_size - file.tell()
            # Before memory is taken: a header of a few bytes can ask for any amount.
            if len(shape) != 2 or shape[0] != rows or dtype.kind != "f" or shape[1] * rows * dtype.itemsize != size:
                raise ValueError(f"{shape} {dtype} features for {rows} samples, in {size} bytes")
            file.seek(0)
            return np.asarray(np.lib.format.read_array(file, allow_pickle=False), dtype=np.float32)
        # Of bytes that are no array numpy raises whatever it stumbles over.
        except Exception as error:
            raise SdevalError(f"{path}: is corrupt: {str(error) or type(error).__name__}") from None


def write(run: Run, folder: Path) -> None:
    """Write everything but the images, which were written as they were generated; `run.json` comes last."""
    write_text(folder / "samples.jsonl", "".join(map(_sample_line, run.samples)))
    for name, values in run.features.items():
        write_bytes(folder / "features" / f"{name}.npy", npy(values))
    if run.timings:
        lines = [{"case": case, "seed": seed, **_round_timing(timing)} for (case, seed), timing in run.timings.items()]
        write_text(folder / "timings.jsonl", "".join(map(dump_line, lines)))
    if run.cases:
        write_text(folder / "cases.jsonl", "".join(map(_case_line, run.cases.values())))
    write_text(folder / "run.json", dump_json(_header(run)))


def _sample_line(sample: SampleResult) -> str:
    # A line of a baseline stays the same to the last byte, also of one from before these were kept.
    optional = (
        *("failure", "width", "height", "scored_on", "safety", "readings", "measures", "difference"),
        "inapplicable",
    )
    return _line_of(sample, optional)


def _case_line(case: CaseRecord) -> str:
    return _line_of(case, ("images", "edited_prompt", "text", "objects", "questions"))


def _line_of(record: SampleResult | CaseRecord, optional: Collection[str]) -> str:
    """A line of a file, without those optional fields that are empty."""
    return dump_line({name: value for name, value in asdict(record).items() if value or name not in optional})


def _round_timing(timing: Timing) -> dict[str, Any]:
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
        **{
            attribute.name: getattr(header, attribute.name)
            for attribute in fields(RunHeader)
            if attribute.name != "schema"
        },
        samples=samples,
        features={path.stem: read_features(path, len(samples)) for path in sorted(folder.glob("features/*.npy"))},
        timings=read_timings(folder),
        cases={case.case: case for case in _read_cases(folder / "cases.jsonl")},
    )
    _check_whole(run, folder)
    return run


def read_timings(folder: Path) -> dict[tuple[str, int], Timing]:
    """Times of a run's samples; none where nothing was timed.

    Raises:
        SdevalError: the file is corrupt.
    """
    return {line.key: line.timing for _, line in _read_lines(TimingLine, folder / "timings.jsonl")}


def _read_lines(kind: type[T], path: Path) -> list[tuple[str, T]]:
    """What the lines of a file hold, and how messages about each begin; nothing where there is no file."""
    return [(where, from_json(kind, text, where)) for where, text in read_lines(path)] if exists(path) else []


def _read_samples(path: Path, *, old: bool) -> list[SampleResult]:
    texts = [(where, upgrade.sample_line(text) if old else text) for where, text in read_lines(path)]
    lines = [(where, from_json(SampleResult, text, where)) for where, text in texts]
    for where, sample in lines:
        # What is read here is copied later: it must stay inside the folder.
        is_right = not sample.image if sample.failure else re.fullmatch(r"images/[A-Za-z0-9_@.-]+", sample.image)
        if not is_right:
            raise SdevalError(f"{where}: {preview(sample.image)} is no image of a run")
    return [sample for _, sample in lines]


def _read_cases(path: Path) -> list[CaseRecord]:
    lines = _read_lines(CaseRecord, path)
    for where, case in lines:
        for image in filter(None, (*case.inputs, case.mask, case.control_image, case.reference_image)):
            if not re.fullmatch(r"inputs/[0-9a-f]+\.png", image):
                raise SdevalError(f"{where}: {preview(image)} is no image of a run")
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
