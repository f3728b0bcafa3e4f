"""How fast the page of a large session is: first paint, memory and frames while it is scrolled to its end, in Chromium.

python -m benchmarks.page
python -m benchmarks.page --size 1024 --samples 2000
python -m benchmarks.page --size 1024 --samples 2000 --without-thumbnails
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import psutil
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from sdeval._utils.files import link_or_copy, write_bytes
from sdeval.baselines.snapshot import BASELINE
from sdeval.imaging.io import png_bytes, thumbnail_bytes
from sdeval.report.publish import publish
from sdeval.results import run_folder
from sdeval.results.run import Run
from tests.conftest import ROOT, make_run
from tests.report.pages import session_page, verdicts_of, with_metrics

OPENED = 7
SEEDS = 4
DIFFERENT = 24
"""Images that are really different; every sample has a file of its own."""
METRICS = ("region_clip_score", "sharpness", "noise", "outside_change", "seam")
"""Besides the first."""
PAINTS = "performance.getEntriesByType('paint').find(each => each.name === 'first-contentful-paint')?.startTime ?? null"
SCROLL = """async ([step, upwards]) => {
  const end = document.documentElement.scrollHeight - innerHeight;
  const frames = [];
  let last = await new Promise(requestAnimationFrame);
  for (let at = 0; at <= end; at += step) {
    scrollTo(0, upwards ? end - at : at);
    const now = await new Promise(requestAnimationFrame);
    frames.push(now - last);
    last = now;
  }
  return frames;
}"""
STEP = 100
"""Pixels that a frame scrolls."""


def photographs(size: int) -> list[Image.Image]:
    """Images with as much detail as generated ones have."""
    rng = np.random.default_rng(0)
    sources = [Image.open(path).convert("RGB") for path in sorted((ROOT / "suites/photographs/images").glob("*.jpg"))]
    images = []
    for number in range(DIFFERENT):
        image = sources[number % len(sources)].rotate(15 * number).resize((size, size), Image.Resampling.LANCZOS)
        noisy = np.asarray(image, dtype=np.float32) + rng.normal(0, 4, (size, size, 1))
        images.append(Image.fromarray(noisy.clip(0, 255).astype(np.uint8)))
    return images


def large_session(where: Path, samples: int, size: int, *, thumbnails: bool) -> Path:
    """The page of a session with large images, all of which changed."""
    images = photographs(size)
    files = [png_bytes(image) for image in images]
    thumbnail_files = [thumbnail_bytes(image) for image in images]
    cases = samples // SEEDS
    plain = with_metrics(make_run(30 + np.random.default_rng(0).normal(size=(cases, SEEDS))), METRICS)
    session = where / "reports" / "20260101-000000-abcd"
    folder = session / "animals" / "tiny"
    for number, content in enumerate(files):
        write_bytes(where / "files" / f"{number}.png", content)
    changed = tuple(replace(sample, width=size, height=size, image_change="changed") for sample in plain.samples)
    for number, sample in enumerate(changed):
        link_or_copy(where / "files" / f"{number % DIFFERENT}.png", folder / sample.image)
        if thumbnails:
            write_bytes(folder / sample.thumbnail, thumbnail_files[number % DIFFERENT])
    run = replace(plain, samples=changed, environment={"hardware": "a laptop"})
    run_folder.write(run, folder)
    _write_baseline(run, folder / BASELINE, thumbnail_files if thumbnails else files)
    return publish(session, verdicts_of(cases, METRICS)).page


def _write_baseline(run: Run, folder: Path, files: Sequence[bytes]) -> None:
    """A baseline with other images, as thumbnails or in full size."""
    name = "{}.webp" if files[0].startswith(b"RIFF") else "{}.png"
    samples = tuple(
        replace(sample, image=name.format(sample.image.removesuffix(".png")), sha256=sample.sha256[::-1])
        for sample in run.samples
    )
    for number, sample in enumerate(samples):
        write_bytes(folder / sample.image, files[(number + 1) % len(files)])
    run_folder.write(replace(run, samples=samples), folder)


def first_paint(browser: Browser, page: Path) -> float:
    """Milliseconds until something is seen, in a browser that has not seen the page."""
    context = browser.new_context()
    opened = context.new_page()
    opened.goto(page.as_uri(), wait_until="load")
    paint = opened.wait_for_function(PAINTS).json_value()
    context.close()
    return float(paint)


def scroll(page: Page) -> tuple[list[float], float, float]:
    """Milliseconds of each frame while the page is scrolled to its end and back, and the largest memory meanwhile."""
    frames, memory = [], []
    for upwards in (False, True):
        frames += page.evaluate(SCROLL, [STEP, upwards])
        memory.append(browser_memory())
    whole, renderer = map(max, zip(*memory, strict=True))
    return [float(frame) for frame in frames], whole, renderer


def browser_memory() -> tuple[float, float]:
    """Megabytes of all processes of the browser, and of the one that renders the page.

    Pages of memory that several processes share are divided among them.
    """
    processes = [process for process in psutil.Process().children(recursive=True) if "chrom" in process.name()]
    memory = {process: process.memory_full_info().pss / 1e6 for process in processes}
    renderers = [memory[process] for process in processes if "--type=renderer" in process.cmdline()]
    return sum(memory.values()), max(renderers, default=0.0)


def measure_thumbnails(size: int) -> str:
    """Processor time that a thumbnail of an image takes, and its PNG."""
    images = photographs(size)[:8]
    seconds: dict[str, list[float]] = {"png": [], "thumbnail": []}
    for image in images:
        for name, encode in (("png", png_bytes), ("thumbnail", thumbnail_bytes)):
            started = time.process_time()
            encode(image)
            seconds[name].append(1000 * (time.process_time() - started))
    sizes = [len(thumbnail_bytes(image)) for image in images]
    both = ", ".join(f"{name} {median(values):.1f} ms" for name, values in seconds.items())
    return f"encoding one image of {size} pixels: {both}; thumbnail {median(sizes) / 1000:.1f} kB"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--size", type=int, default=32, help="edge of the images, in pixels")
    parser.add_argument("--without-thumbnails", action="store_true", help="as sessions of earlier versions are")
    args = parser.parse_args()
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        started = time.monotonic()
        if args.size <= 128:
            page = session_page(Path(folder), cases=args.samples // SEEDS, seeds=SEEDS, metrics=METRICS)
        else:
            print(measure_thumbnails(args.size))
            page = large_session(Path(folder), args.samples, args.size, thumbnails=not args.without_thumbnails)
        seconds = time.monotonic() - started
        megabytes, made = page.stat().st_size / 1e6, f"made, with its session, in {seconds:.1f} s"
        print(f"{args.samples} images of {args.size} pixels, 6 metrics: {megabytes:.2f} MB; {made}")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        paints = [first_paint(browser, page) for _ in range(OPENED)]
        print(f"first paint: median {median(paints):.0f} ms, slowest {max(paints):.0f} ms, of {OPENED}")
        opened = browser.new_page(viewport={"width": 1280, "height": 800})
        opened.goto(page.as_uri(), wait_until="load")
        before, _ = browser_memory()
        frames, memory, renderer = scroll(opened)
        print(f"memory of the browser: {before:.0f} MB, and {memory:.0f} MB once all of it was scrolled through")
        print(f"of that, the process that renders the page: {renderer:.0f} MB")
        p95, slow = np.percentile(frames, 95), sum(frame > 50 for frame in frames)
        print(f"frames: median {median(frames):.1f} ms, p95 {p95:.1f} ms, {slow} of {len(frames)} above 50 ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
