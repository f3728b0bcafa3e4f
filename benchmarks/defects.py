"""What the rules for defects find and what they wrongly accuse, as tables in Markdown.

    python -m benchmarks.defects [--data FOLDER] [--sizes 512 1024] [--images 24]

Defects are planted into generated images and photographs. `alone` is without a baseline; `beside` is with the measures
of the same image before the defect was planted. Healthy images are judged alone, and beside every other of their kind
as the baseline: other prompts, other models, other variants of the same model. The folder of generated images has a
`manifest.json`; where it is missing, photographs from installed packages and from the repository's suites stand alone.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from benchmarks.healthy_images import DEFECTIVE, ROOT, Named, Pixels, generated, photographs, read, square, styled
from benchmarks.planted_defects import PLANTS
from sdeval.imaging.defects import Finding, Measures, defect_of, measure

COLOURFUL = 15.0
"""Mean difference between the channels of an image, in levels, above which its colours can be burnt."""


def spread(images: Sequence[Named], count: int) -> list[Named]:
    """At most `count` of the images, evenly."""
    return [images[place] for place in np.unique(np.linspace(0, len(images) - 1, count).astype(int))]


def rate(findings: Sequence[Finding | None], defect: str) -> str:
    """How many were found, of how many, and how many of those under another name."""
    hits = [finding for finding in findings if finding]
    others = sum(finding.defect != defect for finding in hits)
    return f"{len(hits)}/{len(findings)}" + (f" ({others} by another name)" if others else "")


def detection(images: Sequence[Named], sizes: Sequence[int]) -> dict[tuple[str, str], list[str]]:
    """By defect and strength: rates alone and beside the baseline, size by size."""
    table: dict[tuple[str, str], list[str]] = {}
    for size in sizes:
        whole = [square(image.pixels, size) for image in images]
        before = [measure(pixels) for pixels in whole]
        for defect, strengths in PLANTS.items():
            rows = [row for row, pixels in enumerate(whole) if defect != "burnt_colours" or is_colourful(pixels)]
            for strength, plant in strengths.items():
                planted = [measure(plant(whole[row], np.random.default_rng(row))) for row in rows]
                alone = [defect_of(each) for each in planted]
                beside = [defect_of(each, before[row]) for each, row in zip(planted, rows, strict=True)]
                table.setdefault((defect, strength), []).extend([rate(alone, defect), rate(beside, defect)])
    return table


def is_colourful(pixels: Pixels) -> bool:
    """Whether the colours of an image can be burnt."""
    return float(np.ptp(pixels[::4, ::4].astype(int), axis=-1).mean()) > COLOURFUL


def accused(kind: str, measured: Sequence[Measures], pairs: Iterable[tuple[Measures, Measures]]) -> str:
    """A row of the table of false alarms."""
    alone = [defect_of(each) for each in measured]
    beside = [defect_of(now, before) for now, before in pairs]
    names = sorted({finding.defect for finding in (*alone, *beside) if finding})
    counts = [f"{sum(finding is not None for finding in each)} of {len(each)}" for each in (alone, beside)]
    return f"| {kind} | {counts[0]} | {counts[1]} | {', '.join(names)} |"


def crossed(measured: Sequence[Measures]) -> list[tuple[Measures, Measures]]:
    """Every one with every other as its baseline."""
    return [(now, before) for now, before in product(measured, repeat=2) if now is not before]


def false_alarms(real: Sequence[Named], photos: Sequence[Named], sizes: Sequence[int], count: int) -> Iterable[str]:
    """Rows of the table of false alarms."""
    both = [*real, *photos]
    as_they_are = {image.name: measure(image.pixels) for image in both}
    for kind, images in (("generated images", real), ("photographs", photos)):
        measured = [as_they_are[image.name] for image in images]
        yield accused(f"{kind}, as they are", measured, crossed(measured))
    groups = [
        (as_they_are[now.name], as_they_are[before.name])
        for now, before in product(real, repeat=2)
        if now.group == before.group and (before.role, now.role) == ("baseline", "candidate")
    ]
    yield accused("candidates of the manifest, beside their baselines", [now for now, _ in groups], groups)
    for size in sizes:
        measured = [measure(square(image.pixels, size)) for image in both]
        yield accused(f"generated images and photographs, {size} px", measured, crossed(measured))
        kinds: dict[str, tuple[list[Measures], list[tuple[Measures, Measures]]]] = {}
        sources = [image for image in both if image.role != "candidate"]
        for kind, _, images in styled(spread(sources, count), size):
            measured = [measure(image.pixels) for image in images]
            alone, pairs = kinds.setdefault(kind, ([], []))
            alone.extend(measured)
            pairs.extend(crossed(measured))
        for kind, (alone, pairs) in kinds.items():
            yield accused(f"{kind}, {size} px", alone, pairs)


def milliseconds(pixels: Pixels, repeats: int = 31) -> float:
    """Median time to measure an image and to judge it, per megapixel."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        defect_of(measure(pixels))
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times) / (pixels.shape[0] * pixels.shape[1] / 2**20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "generated")
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1024])
    parser.add_argument("--images", type=int, default=24, help="images that defects are planted into and styled")
    given = parser.parse_args()
    real, photos = generated(given.data), photographs()
    if not real:
        print(f"No generated images: {given.data / 'manifest.json'} is missing. Photographs alone.\n")
    print(f"{len(real)} generated images, {len(photos)} photographs.\n")

    sources = spread([image for image in (*real, *photos) if image.role != "candidate"], given.images)
    print("| defect | strength |" + "".join(f" {size} px, alone | {size} px, beside |" for size in given.sizes))
    print("|---|---|" + "---|---|" * len(given.sizes))
    for (defect, strength), rates in detection(sources, given.sizes).items():
        print(f"| `{defect}` | {strength} | {' | '.join(rates)} |", flush=True)

    print("\n| healthy | alone | beside another | accused of |\n|---|---|---|---|")
    for row in false_alarms(real, photos, given.sizes, given.images):
        print(row, flush=True)
    for name in sorted(DEFECTIVE):
        if (given.data / name).is_file():
            finding = defect_of(measure(read(given.data / name)))
            print(f"\nDefective to the eye and left out above: {name}: {finding.defect if finding else 'not seen'}")

    print("\n| edge | ms per megapixel |\n|---|---|")
    for edge in (256, 512, 768, 1024, 2048):
        print(f"| {edge} | {milliseconds(square(sources[0].pixels, edge)):.1f} |")


if __name__ == "__main__":
    main()
