"""The images that changed most or went wrong, each beside the accepted one in a single file, for other programs."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from sdeval._utils.files import write_bytes
from sdeval.baselines.snapshot import full_image_of
from sdeval.errors import SdevalError
from sdeval.imaging.io import open_rgb
from sdeval.report.session_runs import ComparedRun
from sdeval.report.terminal import explain
from sdeval.results.records import SampleResult
from sdeval.results.session_folder import run_folders
from sdeval.results.verdict import Verdict, worst_first

FOLDER = "pairs"
"""In the folder of a session."""
MOST = 4
"""Pairs of a suite on a target."""
EDGE = 512
"""Longest edge of each image of a pair, in pixels; smaller images are enlarged by whole numbers."""
STRIP, GAP, SIZE = 22, 8, 13
"""Height of the strip above that names the images, distance between them, and size of its letters, in pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """An image beside the accepted one; alone where nothing was accepted."""

    suite: str
    target: str
    judged: str
    """What the verdict is on for which it was chosen: a case, or a metric; the case where it only changed."""
    case: str
    seed: int
    path: Path
    caption: str
    """What is said of it, in one line."""
    failed: bool
    """Whether it fails its session."""

    @property
    def name(self) -> str:
        """`CASE@SEED`."""
        return f"{self.case}@{self.seed}"


def worst_pairs(session: Path, verdicts: Sequence[Verdict], *, strict: bool, most: int = MOST) -> list[Pair]:
    """Write the worst pairs of every suite and target: cases that fail, samples of metrics that do, then changed ones.

    Args:
        session: the folder of a session, whose runs are written.
        verdicts: of the session.
        strict: whether missing baselines fail it.
        most: pairs of each suite and target.
    """
    return [pair for folder in run_folders(session) for pair in _pairs_of_run(session, folder, verdicts, strict, most)]


def pair_of(session: Path, verdict: Verdict) -> Pair | None:
    """Write the worst pair for one verdict that fails; None where there is no image of it."""
    folder = session / verdict.suite / verdict.target
    if not (folder / "run.json").is_file():
        return None
    return next(iter(_pairs_of_run(session, folder, [verdict], strict=True, most=1)), None)


def _pairs_of_run(session: Path, folder: Path, verdicts: Sequence[Verdict], strict: bool, most: int) -> list[Pair]:
    compared = ComparedRun.read(folder)
    key = (compared.run.suite, compared.run.target)
    own = worst_first([verdict for verdict in verdicts if (verdict.suite, verdict.target) == key])
    chosen: dict[str, _Choice] = {}
    for choice in _choices(compared, own, strict=strict):
        chosen.setdefault(choice.sample.case, choice)
        if len(chosen) == most:
            break
    return [_write(session, folder, compared, choice) for choice in chosen.values()]


@dataclass(frozen=True, slots=True)
class _Choice:
    sample: SampleResult
    judged: str
    caption: str
    failed: bool


def _choices(compared: ComparedRun, verdicts: Sequence[Verdict], *, strict: bool) -> Iterable[_Choice]:
    """Samples with an image, the worst first, what is said of each, and whether it fails."""
    by_case = compared.run.by_case()
    failing = [verdict for verdict in verdicts if verdict.fails(strict=strict) and verdict.verdict != "new"]
    for verdict in failing:
        samples = by_case.get(verdict.case, ()) if verdict.case else compared.run.samples
        images = [sample for sample in samples if sample.image]
        if not verdict.case and verdict.metric not in compared.run.metrics:
            continue
        ordered = sorted(images, key=lambda sample: _badness(compared, sample, verdict.metric), reverse=True)
        for sample in ordered[: 1 if verdict.case else MOST]:
            yield _Choice(sample, verdict.name, explain(verdict), failed=True)
    changed = [sample for sample in compared.run.samples if sample.image_change == "changed"]
    for sample in sorted(changed, key=lambda sample: _badness(compared, sample, ""), reverse=True):
        yield _Choice(sample, sample.case, "image changed", failed=False)


def _badness(compared: ComparedRun, sample: SampleResult, metric: str) -> tuple[bool, float, float]:
    """Broken images first, then by what the metric lost, then by how far the image is from the accepted one."""
    before, record = compared.before.sample(sample) if compared.before else None, compared.run.metrics.get(metric)
    old, new = (side.scores.get(metric) if side else None for side in (before, sample))
    loss = record.sign * (old - new) if record and old is not None and new is not None else 0.0
    return bool(sample.defect), loss, sample.difference.mean if sample.difference else 0.0


def _write(session: Path, folder: Path, compared: ComparedRun, choice: _Choice) -> Pair:
    run, sample = compared.run, choice.sample
    path = path_of(session, run.suite, run.target, sample)
    before = compared.before.sample(sample) if compared.before else None
    write_pair(_baseline_image(compared.kept, before), folder / sample.image, path)
    return Pair(
        suite=run.suite,
        target=run.target,
        judged=choice.judged,
        case=sample.case,
        seed=sample.seed,
        path=path,
        caption=choice.caption,
        failed=choice.failed,
    )


def path_of(session: Path, suite: str, target: str, sample: SampleResult) -> Path:
    """Where the pair of a sample lies in the folder of its session."""
    return session / FOLDER / suite / target / f"{sample.case}@{sample.seed}.png"


def _baseline_image(kept: Path, before: SampleResult | None) -> Path | None:
    """The accepted image at full size where it is at hand, otherwise its thumbnail."""
    if before is None or not before.image:
        return None
    places = (full_image_of(kept, before), kept / before.image)
    return next((path for path in places if path.is_file()), None)


def write_pair(baseline: Path | None, image: Path, path: Path) -> None:
    """Write two images side by side into one file.

    Args:
        baseline: the accepted image; where there is none, or it cannot be read, the other one is alone.
        image: the new one.
        path: of the file.

    Raises:
        SdevalError: the new image cannot be read, or the file not be written.
    """
    new = open_rgb(image)
    sides = [("now", new)]
    if baseline is not None:
        with suppress(SdevalError):
            sides.insert(0, ("baseline", open_rgb(baseline)))
    buffer = io.BytesIO()
    side_by_side(sides).save(buffer, "PNG")
    write_bytes(path, buffer.getvalue())


def side_by_side(sides: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """Images beside each other at the size of the last one, each with its name above."""
    width, height = _shown(sides[-1][1].size)
    canvas = Image.new("RGB", (len(sides) * width + (len(sides) - 1) * GAP, STRIP + height), "white")
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(SIZE)
    for number, (name, image) in enumerate(sides):
        left = number * (width + GAP)
        draw.text((left + 4, 3), name, fill="black", font=font)
        smooth = Image.Resampling.LANCZOS if image.width > width else Image.Resampling.NEAREST
        canvas.paste(image.resize((width, height), smooth), (left, STRIP))
    return canvas


def _shown(size: tuple[int, int]) -> tuple[int, int]:
    longest = max(size)
    factor = EDGE / longest if longest > EDGE else min(4, EDGE // longest)
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
