"""How well the metrics of writing read: their own noise, what they see of planted faults, and what they cost.

Twelve signs of known texts are rendered in fonts and styles that are ever harder to read; every letter of them is
right, so that what is missing from 100 is the reader's own noise. Then faults are planted into the plain signs. With
`--data`, images of real models are read as well (`manifest.json` beside them states the text that some shall show).

    pip install matplotlib      # for its fonts
    python -m benchmarks.text_reading --data ../shared/data/generated
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import mean

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from sdeval import Case
from sdeval.diagnostics.faults.alteration import Alteration
from sdeval.diagnostics.faults.images import compress, halve, remove_text, swap_letters, swap_red_and_blue
from sdeval.imaging.io import open_rgb
from sdeval.metrics import GeneratedImage, MetricOptions, ReadingMetric, create
from sdeval.metrics.features.text import TextReader

TEXTS = (
    "Open",
    "Hello World",
    "Quiet please",
    "Room 214",
    "Fresh bread",
    "Mind the gap",
    "Happy birthday Zoe",
    "Exit",
    "Speed limit 50",
    "Jazz quartet",
    "Flying kiwis",
    "Vote today",
)
METRICS = ("text_accuracy", "text_word_recall", "spurious_text")
EDGE = 512
FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
Paint = Callable[[str], Image.Image]
Change = Callable[[Image.Image], Image.Image]


def sign(text: str, font: str = "DejaVuSans", size: int = 48, ink: int = 30, outline: bool = False) -> Image.Image:
    """A text in the middle of a pale image."""
    image = Image.new("RGB", (EDGE, EDGE), (226, 222, 208))
    style = {"fill": (226, 222, 208), "stroke_width": 2, "stroke_fill": (ink,) * 3} if outline else {"fill": (ink,) * 3}
    typeface = ImageFont.truetype(FONTS / f"{font}.ttf", size)
    ImageDraw.Draw(image).text((EDGE // 2, EDGE // 2), text, font=typeface, anchor="mm", **style)
    return image


def turned(text: str, degrees: float) -> Image.Image:
    """A sign that is turned around its middle."""
    return sign(text, size=40).rotate(degrees, Image.Resampling.BICUBIC, fillcolor=(226, 222, 208))


def waved(text: str, height: float) -> Image.Image:
    """A sign whose columns are moved up and down, as letters on a flag are."""
    pixels = np.asarray(sign(text))
    shifts = (height * np.sin(np.arange(EDGE) / 25)).astype(int)
    return Image.fromarray(np.stack([np.roll(pixels[:, x], shifts[x], axis=0) for x in range(EDGE)], axis=1))


def busy(text: str) -> Image.Image:
    """A sign before coarse coloured noise."""
    noise = np.random.default_rng(0).integers(120, 256, (32, 32, 3), dtype=np.uint8)
    background = Image.fromarray(noise).resize((EDGE, EDGE), Image.Resampling.BICUBIC)
    return Image.composite(sign(text), background, sign(text).convert("L").point(lambda level: 255 * (level < 128)))


STYLES: dict[str, Paint] = {
    "plain, 48 pixels": sign,
    "24 pixels": partial(sign, size=24),
    "16 pixels": partial(sign, size=16),
    "12 pixels": partial(sign, size=12),
    "serif, italic": partial(sign, font="STIXGeneralItalic"),
    "typewriter": partial(sign, font="cmtt10"),
    "mathematical, without blanks": partial(sign, font="cmmi10"),
    "outlined": partial(sign, outline=True),
    "pale ink": partial(sign, ink=190),
    "before noise": busy,
    "turned by 15°": partial(turned, degrees=15),
    "turned by 40°": partial(turned, degrees=40),
    "upside down": partial(turned, degrees=180),
    "waves of 8 pixels": partial(waved, height=8),
    "waves of 16 pixels": partial(waved, height=16),
}


def altered(image: Image.Image, alteration: Alteration) -> Image.Image:
    """An image as a faulty pipeline returns it."""
    (values,) = alteration.output_images(np.asarray(image, dtype=np.float32)[None] / np.float32(255))
    return Image.fromarray(np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8))


def misspell(text: str) -> str:
    """Two letters in the middle of a text change places."""
    middle = len(text) // 2
    return text[: middle - 1] + text[middle] + text[middle - 1] + text[middle + 1 :]


def captioned(image: Image.Image) -> Image.Image:
    """With a caption that nobody asked for."""
    result = image.copy()
    font = ImageFont.truetype(FONTS / "DejaVuSans.ttf", 24)
    ImageDraw.Draw(result).text((300, 470), "stock photo", fill=(90, 90, 90), font=font)
    return result


def faults() -> dict[str, Paint]:
    """Signs with a fault, by what it is; the first is sound."""
    swapping, removing, colours = swap_letters(), remove_text(), swap_red_and_blue()
    changes: dict[str, Change] = {
        "none": lambda image: image,
        "letters-swapped": lambda image: altered(image, swapping),
        "text-removed": lambda image: altered(image, removing),
        "a caption": captioned,
        "red-and-blue-swapped": lambda image: altered(image, colours),
        "blur by 1 pixel": lambda image: image.filter(ImageFilter.GaussianBlur(1)),
        "blur by 4 pixels": lambda image: image.filter(ImageFilter.GaussianBlur(4)),
        "jpeg-20": compress,
        "half-resolution": halve,
    }
    painted: dict[str, Paint] = {
        name: lambda text, change=change: change(sign(text))  # type: ignore[misc]
        for name, change in changes.items()
    }
    return {**painted, "two letters misspelt": lambda text: sign(misspell(text))}


def scores(images: Sequence[Image.Image], texts: Sequence[str]) -> list[float]:
    """The mean of each metric over images."""
    generated = [
        GeneratedImage(image, Case(id="sign", prompt="a sign", text=(text,)))
        for image, text in zip(images, texts, strict=True)
    ]
    return [mean(metric(name).score(generated)) for name in METRICS]


def metric(name: str) -> ReadingMetric:
    """A metric of writing."""
    created = create(name, MetricOptions())
    assert isinstance(created, ReadingMetric)
    return created


def table(first: str, paints: dict[str, Paint]) -> None:
    """A row for each way to paint the texts."""
    print(f"\n| {first} | " + " | ".join(METRICS) + " |\n|---|---|---|---|")
    for name, paint in paints.items():
        values = scores([paint(text) for text in TEXTS], TEXTS)
        print(f"| {name} | " + " | ".join(f"{value:.1f}" for value in values) + " |", flush=True)


def real(data: Path) -> None:
    """Read images of real models: those that shall show a text, and how often letters are read in the others."""
    entries = json.loads((data / "manifest.json").read_text(encoding="utf-8"))
    print("\n| image | expected | text_accuracy | read |\n|---|---|---|---|")
    for entry in entries:
        if text := entry.get("expected_text"):
            generated = [GeneratedImage(open_rgb(data / entry["file"]), Case(id="sign", prompt="a sign", text=(text,)))]
            (score,) = metric("text_accuracy").score(generated)
            (reading,) = metric("text_accuracy").readings(generated)
            print(f"| {Path(entry['file']).stem} | {text} | {score:.0f} | {reading} |", flush=True)
    others = [open_rgb(data / entry["file"]) for entry in entries if not entry.get("expected_text")]
    counts = metric("spurious_text").score([GeneratedImage(image, Case(id="any", prompt="any")) for image in others])
    print(f"\nwithout an expected text: {len(others)} images; letters read in {sum(count > 0 for count in counts)}")


def cost() -> None:
    """Seconds per image, for sizes and numbers of threads; each image is another one."""
    print("\n| image | lines of writing | threads | seconds per image | CPU seconds per image |\n|---|---|---|---|---|")
    for edge, lines in ((256, 1), (512, 0), (512, 1), (512, 8), (1024, 1)):
        for threads in (1, 2):
            reader = TextReader(threads)
            images = [_lines(number, lines).resize((edge, edge)) for number in range(9)]
            reader.read(images[:1])
            start, busy_start = time.perf_counter(), time.process_time()
            reader.read(images[1:])
            wall, busy_seconds = time.perf_counter() - start, time.process_time() - busy_start
            print(f"| {edge}x{edge} | {lines} | {threads} | {wall / 8:.2f} | {busy_seconds / 8:.2f} |", flush=True)


def _lines(number: int, count: int) -> Image.Image:
    image = Image.new("RGB", (EDGE, EDGE), (226, 222, 200 + number))
    font = ImageFont.truetype(FONTS / "DejaVuSans.ttf", 32)
    for line in range(count):
        text = TEXTS[(number + line) % len(TEXTS)]
        ImageDraw.Draw(image).text((20, 20 + 58 * line), text, fill=(30, 30, 30), font=font)
    return image


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="images of real models, with their manifest.json")
    data = parser.parse_args().data
    table("style; every letter is right", STYLES)
    table("planted fault", faults())
    if data:
        real(data)
    cost()


if __name__ == "__main__":
    main()
