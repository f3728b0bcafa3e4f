"""Detection rates and false alarms of the rules for image defects, and their speed, as tables in Markdown.

    python -m benchmarks.defects [--data FOLDER] [--sizes 512 1024] [--images 24] [--jobs 2]

Defects are planted into generated images and photographs, and judged without a baseline and with the same image before
the defect as the baseline. Undenoised latents are emulated; those of the embedded model are real. Healthy images are
judged without a baseline, and with every other image of their kind as the baseline: another subject, another model,
another variant of the same model. The folder of generated images has a `manifest.json`; without it, the photographs of
the repository's suites and of installed packages (scikit-image, scikit-learn, matplotlib) are used alone.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from benchmarks.healthy_images import (
    DEFECTIVE,
    ROOT,
    STYLES,
    NamedImage,
    Pixels,
    graphics,
    photographs,
    read,
    read_generated,
    square,
)
from benchmarks.planted_defects import PLANTS
from benchmarks.real_latents import MODEL_SIZE, STEPS, undenoised_by_model
from sdeval.imaging.defects import Finding, Measures, defect_of, measure

COLOURFUL = 15.0
"""Mean difference between the channels of an image, in levels, above which its colours can be burnt."""

Pair = tuple[Measures, Measures]
"""Measures of an image and of the baseline's image."""
Mapper = Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]]
"""Like `map`, perhaps in several processes."""


def spread(images: Sequence[NamedImage], count: int) -> list[NamedImage]:
    """At most `count` of the images, evenly."""
    return [images[place] for place in np.unique(np.linspace(0, len(images) - 1, count).astype(int))]


def rate(findings: Sequence[Finding | None], defect: str) -> str:
    """How many images have a finding, of how many, and how many of those have another name."""
    hits = [finding for finding in findings if finding]
    others = sum(finding.defect != defect for finding in hits)
    return f"{len(hits)}/{len(findings)}" + (f" ({others} by another name)" if others else "")


def is_colourful(pixels: Pixels) -> bool:
    """Whether the colours of an image can be burnt."""
    return float(np.ptp(pixels[::4, ::4].astype(int), axis=-1).mean()) > COLOURFUL


def plant_all(job: tuple[int, NamedImage], size: int) -> dict[tuple[str, str], tuple[Finding | None, Finding | None]]:
    """Findings without and with the baseline, by defect and strength, for one numbered image."""
    number, image = job
    pixels = square(image.pixels, size)
    baseline = measure(pixels)
    findings = {}
    for defect, strengths in PLANTS.items():
        if defect == "burnt_colours" and not is_colourful(pixels):
            continue
        for strength, plant in strengths.items():
            planted = measure(plant(pixels, np.random.default_rng(number)))
            findings[defect, strength] = (defect_of(planted), defect_of(planted, baseline))
    return findings


def detection_table(images: Sequence[NamedImage], sizes: Sequence[int], mapper: Mapper) -> Iterator[str]:
    """Lines of the table of detection rates."""
    columns = [f"{size} px, {how}" for size in sizes for how in ("no baseline", "vs baseline")]
    yield f"| defect | strength | {' | '.join(columns)} |"
    yield "|---|---|" + "---|" * len(columns)
    results = [mapper(partial(plant_all, size=size), list(enumerate(images))) for size in sizes]
    for defect, strengths in PLANTS.items():
        for strength in strengths:
            cells = [
                rate(
                    [findings[defect, strength][side] for findings in by_image if (defect, strength) in findings],
                    defect,
                )
                for by_image in results
                for side in (0, 1)
            ]
            yield f"| `{defect}` | {strength} | {' | '.join(cells)} |"


def model_table(sizes: Sequence[int]) -> Iterator[str]:
    """Lines of the table of latents that the embedded model decoded before they were denoised."""
    yield "| latents of the embedded model | size | no baseline | vs baseline |"
    yield "|---|---|---|---|"
    for size in (MODEL_SIZE, *sizes):
        # Denoising more than 4,096 latents takes minutes on a processor.
        for steps in (0, 1, 2) if size <= 512 else (0,):
            pairs = undenoised_by_model(size, steps, count=16 if size == MODEL_SIZE else 6)
            planted = [measure(pixels) for pixels, _ in pairs]
            baselines = [measure(pixels) for _, pixels in pairs]
            cells = [
                rate([defect_of(image) for image in planted], "undenoised"),
                rate([defect_of(*pair) for pair in zip(planted, baselines, strict=True)], "undenoised"),
            ]
            name = f"stopped after {steps} of {STEPS} steps" if steps else "random"
            yield f"| {name} | {size} | {' | '.join(cells)} |"


def all_pairs(measures: Sequence[Measures]) -> list[Pair]:
    """Every image with every other one as its baseline."""
    return [(image, baseline) for image, baseline in product(measures, repeat=2) if image is not baseline]


def alarm_row(kind: str, measures: Sequence[Measures], pairs: Sequence[Pair]) -> str:
    """A line of the table of false alarms."""
    alone = [finding for finding in map(defect_of, measures) if finding]
    compared = [finding for finding in (defect_of(*pair) for pair in pairs) if finding]
    names = Counter(finding.defect for finding in (*alone, *compared))
    return f"| {kind} | {len(alone)}/{len(measures)} | {len(compared)}/{len(pairs)} | {', '.join(sorted(names))} |"


def measure_style(image: NamedImage, kind: str, style: str, size: int) -> Measures:
    """Measures of an image in another style."""
    return measure(STYLES[kind][style](square(image.pixels, size)))


def measure_image(image: NamedImage, size: int | None = None) -> Measures:
    """Measures of an image at its own size, or as a square."""
    return measure(image.pixels if size is None else square(image.pixels, size))


def alarm_table(
    real: Sequence[NamedImage], photos: Sequence[NamedImage], sizes: Sequence[int], count: int, mapper: Mapper
) -> Iterator[str]:
    """Lines of the table of false alarms."""
    yield "| healthy images | no baseline | vs baseline (pairs) | named |"
    yield "|---|---|---|---|"
    measured = dict(
        zip([image.name for image in (*real, *photos)], mapper(measure_image, [*real, *photos]), strict=True)
    )
    groups = [
        (measured[image.name], measured[baseline.name])
        for image, baseline in product(real, repeat=2)
        if image.group == baseline.group and image is not baseline
    ]
    yield alarm_row("same prompt in the manifest, other variant", [pair[0] for pair in groups], groups)
    for kind, images in (("generated, original size", real), ("photographs, original size", photos)):
        by_kind = [measured[image.name] for image in images]
        yield alarm_row(kind, by_kind, all_pairs(by_kind))
    generations = mapper(measure_image, graphics())
    yield alarm_row("graphics of packages, original size", generations, all_pairs(generations))
    sources = spread([image for image in (*real, *photos) if image.role != "candidate"], count)
    for size in sizes:
        resized = mapper(partial(measure_image, size=size), [*real, *photos])
        yield alarm_row(f"generated and photographs, {size} px", resized, all_pairs(resized))
        for kind, styles in STYLES.items():
            measures: list[Measures] = []
            pairs: list[Pair] = []
            for style in styles:
                same = mapper(partial(measure_style, kind=kind, style=style, size=size), sources)
                measures.extend(same)
                pairs.extend(all_pairs(same))
            yield alarm_row(f"{kind}, {size} px", measures, pairs)


def milliseconds(pixels: Pixels, repeats: int = 31) -> float:
    """Median time of one thread to measure and judge an image, per megapixel (2^20 pixels)."""
    times = []
    for _ in range(repeats):
        start = time.thread_time()
        defect_of(measure(pixels))
        times.append(time.thread_time() - start)
    return 1e3 * statistics.median(times) / (pixels.shape[0] * pixels.shape[1] / 2**20)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "generated")
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1024])
    parser.add_argument("--images", type=int, default=24, help="images into which defects are planted, and styled")
    parser.add_argument("--jobs", type=int, default=1, help="processes; speed is always measured in one")
    options = parser.parse_args()
    real, photos = read_generated(options.data), photographs()
    if not real:
        print(f"No generated images: {options.data / 'manifest.json'} is missing. Photographs alone.\n")
    print(f"{len(real)} generated images, {len(photos)} photographs.\n", flush=True)
    sources = spread([image for image in (*real, *photos) if image.role != "candidate"], options.images)
    print("| image | ms per megapixel |\n|---|---|")
    for edge in (256, 512, 768, 1024, 2048):
        print(f"| {edge}x{edge} | {milliseconds(square(sources[0].pixels, edge)):.1f} |", flush=True)
    # Fresh processes: torch's threads do not survive a fork.
    with get_context("spawn").Pool(options.jobs) as pool:
        tables = (
            detection_table(sources, options.sizes, pool.map),
            alarm_table(real, photos, options.sizes, options.images, pool.map),
            model_table(options.sizes),
        )
        for table in tables:
            print()
            for line in table:
                print(line, flush=True)
    for name in sorted(DEFECTIVE):
        if (options.data / name).is_file():
            finding = defect_of(measure(read(options.data / name)))
            print(f"\nDefective to the eye and left out above: {name}: {finding.defect if finding else 'not seen'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
