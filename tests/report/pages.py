"""Sessions made by hand, with images, for tests that round at pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from sdeval._utils.files import write_bytes
from sdeval.baselines.acceptance import accept
from sdeval.comparison import Kind, Verdict
from sdeval.comparison.matrix import compare_settings
from sdeval.config.case import Case
from sdeval.imaging.io import has_thumbnail, pixel_hash, thumbnail_bytes, write_png
from sdeval.report.comparison import Compared
from sdeval.report.publish import publish
from sdeval.results import run_folder
from sdeval.results.inputs import keep_inputs
from sdeval.results.records import Timing
from sdeval.results.run import Run, Stored
from tests.baselines.test_store import compare_with_baseline
from tests.conftest import make_run

HOSTILE = (
    "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>",
    "\"quotes\" 'and' `more` & </textarea></style></script>",
    "שלום עולם ‮ right to left ‬",
    "🐈‍⬛ 👩🏽‍🚀 🏳️‍🌈",
    "long " * 2000,
    "{{ 7 * 7 }} ${window.hacked = 1}",
)
"""Prompts that a page must show as text."""


def painted(run: Run, folder: Path, shift: int = 0, size: int = 32) -> Run:
    """Images of a run, written into its folder: a square each, somewhere else for every case and seed."""
    samples = []
    for number, sample in enumerate(run.samples):
        pixels = np.full((32, 32, 3), 40 + 9 * (number % 20), dtype=np.uint8)
        place = (number * 5 + shift) % 20
        pixels[place : place + 10, 8:20] = (200, 60, 30 + shift * 10)
        image = Image.fromarray(pixels).resize((size, size), Image.Resampling.NEAREST)
        write_png(folder / sample.image, image)
        if has_thumbnail(image):
            write_bytes(folder / sample.thumbnail, thumbnail_bytes(image))
        samples.append(replace(sample, sha256=pixel_hash(image), width=size, height=size, image_change="changed"))
    return replace(run, samples=tuple(samples))


def inpainting_inputs(run: Run, folder: Path, inputs: Path) -> Run:
    """The run with an init image and a mask for its first case, and a tag for its second."""
    write_png(inputs / "image.png", Image.new("RGB", (32, 32), (90, 120, 200)))
    mask = Image.new("L", (32, 32))
    mask.paste(255, (8, 8, 24, 24))
    write_png(inputs / "mask.png", mask)
    cases = (
        Case(id="case-0", prompt="p", image=inputs / "image.png", mask=inputs / "mask.png", negative_prompt="blurred"),
        Case(id="case-1", prompt="p", tags=("colour",)),
    )
    return replace(run, cases=keep_inputs(cases, folder))


def with_metrics(run: Run, names: Sequence[str]) -> Run:
    """The run with further metrics, which say what the first one does."""
    samples = tuple(
        replace(each, scores=dict.fromkeys(("clip_score", *names), each.scores["clip_score"])) for each in run.samples
    )
    record = replace(run.metrics["clip_score"], title="a title of usual length (and more)")
    return replace(run, samples=samples, metrics={**run.metrics, **dict.fromkeys(names, record)})


def session_page(
    where: Path,
    *,
    cases: int = 6,
    seeds: int = 2,
    prompts: Sequence[str] = (),
    metrics: Sequence[str] = (),
    size: int = 32,
    shift: int = 3,
) -> Path:
    """The page of a session compared with its baseline: case 0 broken, case 1 regressed, the others passed."""
    rng = np.random.default_rng(0)
    plain = with_metrics(make_run(30 + rng.normal(size=(cases, seeds))), metrics)
    renamed = [replace(s, prompt=prompts[int(s.case[5:]) % len(prompts)]) if prompts else s for s in plain.samples]
    plain = replace(plain, samples=tuple(renamed), environment={"hardware": "a laptop", "packages": {"torch": "2.0"}})
    old = where / "old"
    run_folder.write(painted(plain, old, size=size), old)
    accept(old, where / "baselines")
    session = where / "reports" / "20260101-000000-abcd"
    folder = session / "animals" / "tiny"
    worse = tuple(replace(s, scores={name: (v or 0) - 1 for name, v in s.scores.items()}) for s in plain.samples)
    now = inpainting_inputs(painted(replace(plain, samples=worse), folder, shift, size), folder, where / "inputs")
    run_folder.write(now, folder)
    compare_with_baseline(folder, where / "baselines")
    return publish(session, verdicts_of(cases, metrics)).page


def verdicts_of(cases: int, metrics: Sequence[str] = ()) -> list[Verdict]:
    """One broken case, one regressed, and a metric that regressed; others too where there are more metrics."""
    metric = Verdict(
        suite="animals",
        target="tiny",
        metric="clip_score",
        case="",
        verdict="regressed",
        baseline=30.0,
        current=29.0,
        change=-1.0,
        low=-1.4,
        high=-0.6,
        tolerance=0.5,
        p_value=0.001,
        n=cases,
    )
    kinds: dict[int, Kind] = {0: "broken", 1: "regressed"}
    defect = [
        replace(
            metric, metric="defect", case=f"case-{each}", verdict=kinds.get(each, "passed"), reason="seed 0 is black"
        )
        for each in range(cases)
    ]
    return [metric, *(replace(metric, metric=name) for name in metrics), *defect]


def two_settings(where: Path, size: int = 32) -> Compared:
    """Two settings of a suite, the faster of them worse, and one with a name that must be escaped."""
    stored = {}
    for place, name in enumerate(("twenty steps", "<four> steps")):
        run = make_run(np.full((8, 2), 30.0) - place + np.random.default_rng(place).normal(size=(8, 2)) / 20)
        timings = {each.key: Timing(call=call, seconds=1.0 - place / 2) for call, each in enumerate(run.samples)}
        run = replace(run, target=f"steps-{place}", timings=timings, environment={"hardware": "a laptop"})
        folder = where / "runs" / str(place)
        run_folder.write(painted(run, folder, size=size), folder)
        stored[name] = Stored(run_folder.read(folder), folder)
    matrix = compare_settings({name: each.run for name, each in stored.items()}, "twenty steps", lambda _: None)
    return Compared(matrix, stored)
