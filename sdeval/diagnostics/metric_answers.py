"""Checks of metrics on images of known answers, or where no answer is known, of what must hold whatever it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sdeval import metrics
from sdeval.config.case import Case
from sdeval.diagnostics.doctor import Check
from sdeval.errors import NotAvailable, SdevalError
from sdeval.metrics.base import Extractor, Features, Floats, GeneratedImage, MetricOptions, ReadingMetric, SampleMetric
from sdeval.metrics.features.registry import EXTRACTORS, load_extractor
from sdeval.shapes import world

CAPTIONS = ("a large red circle on a blue background", "a small white cross on a green background")
CLIP_SCORES = ((92.84, -22.98), (-28.76, 89.81))
"""Of the embedded CLIP: a row for each of the two images, a column for each caption."""
APART = 0.05
"""Points by which scores of the same weights differ between machines, at most."""
SIGN = "Open 24 h"
BATCHED = 1e-3
"""Share of the distance of two images by which a value may change with the other images of a batch."""
NOT_KNOWN = "no value is known to compare with"
PINNED = {
    "aesthetic": "its head is the published file, by SHA-256",
    "inception": "its weights are the published file, by SHA-256",
    "lpips": "its weights are the published file, by SHA-256",
}
PREFERENCES = ("aesthetic", "hps_v2", "pickscore")


def examine_metrics(options: MetricOptions | None = None) -> Iterator[Check]:
    """Check the metrics whose weights are on this machine, and name those whose weights are not.

    Args:
        options: of the metrics; the default weights where none are given.
    """
    options = options or MetricOptions()
    missing: list[str] = []
    checks: dict[str, Callable[[], Check]] = {
        "clip_score, embedded CLIP": check_embedded_clip,
        "text_accuracy": check_reader,
        "lpips": check_lpips,
        **{name: _of_preference(name, options) for name in PREFERENCES},
        **{f"features: {name}": _of_extractor(name, options) for name in EXTRACTORS},
    }
    for name, check in checks.items():
        try:
            yield check()
        except NotAvailable:
            missing.append(name)
        except (SdevalError, ValueError) as error:
            yield Check(name, "wrong", str(error), "its scores mean nothing: get its weights again")
    if missing:
        yield Check("metrics", "fine", f"not checked, for want of weights or programs: {', '.join(missing)}")


def scenes() -> list[Image.Image]:
    """Two images of the rendered world, always the same."""
    return [world.render(world.parse(caption), np.random.default_rng(0)) for caption in CAPTIONS]


def sign() -> Image.Image:
    """An image with a text, in the font of Pillow."""
    image = Image.new("RGB", (256, 256), (225, 232, 240))
    ImageDraw.Draw(image).text((20, 90), SIGN, fill=(20, 30, 60), font=ImageFont.load_default(40))
    return image


def check_embedded_clip() -> Check:
    """The CLIP score of two images with two captions each, which are known to two decimals."""
    name = "clip_score, embedded CLIP"
    metric = _sample_metric("clip_score", MetricOptions(clip_model="shapes"))
    scores = metric.score([_generated(image, caption) for image in scenes() for caption in CAPTIONS])
    expected = [score for row in CLIP_SCORES for score in row]
    apart = max(abs(one - other) for one, other in zip(scores, expected, strict=True))
    if apart < APART:
        return Check(name, "fine", f"four known scores are as they should be, within {apart:.3f} points")
    advice = "install sdeval and torch again"
    return Check(name, "wrong", f"known scores are {apart:.2f} points off", advice)


def check_reader() -> Check:
    """A sign of a known text is read to the last letter.

    Raises:
        NotAvailable: there is no reader.
    """
    metric = _sample_metric("text_accuracy", MetricOptions())
    generated = GeneratedImage(sign(), Case(id="sign", prompt="a sign", text=(SIGN,)))
    (score,) = metric.score([generated])
    if score == 100:
        return Check("text_accuracy", "fine", f"a rendered sign is read as {SIGN!r}")
    (reading,) = metric.readings([generated]) if isinstance(metric, ReadingMetric) else ("",)
    found = f"a rendered sign {SIGN!r} is read as {reading or 'nothing'}"
    return Check("text_accuracy", "wrong", found, "install the extra ocr again: pip install 'pytest-sdeval[ocr]'")


def check_lpips() -> Check:
    """An image has no distance from itself, and one from another image.

    Raises:
        NotAvailable: the weights are not on this machine.
    """
    metric = _sample_metric("lpips", MetricOptions())
    first, second = scenes()
    case = Case(id="one", prompt=CAPTIONS[0])
    same, other = metric.score([GeneratedImage(first, case, pair=(one, first)) for one in (first, second)])
    if same == 0 and other > 0 and math.isfinite(other):
        return Check("lpips", "fine", f"0 for an image and itself, {other:.3f} for two; {PINNED['lpips']}")
    return Check("lpips", "wrong", f"{same:g} for an image and itself, {other:g} for two", "get its weights again")


def _of_preference(name: str, options: MetricOptions) -> Callable[[], Check]:
    return lambda: check_scores(name, _sample_metric(name, options))


def _of_extractor(name: str, options: MetricOptions) -> Callable[[], Check]:
    return lambda: check_features(name, load_extractor(replace(options, extractor=name)))


def check_scores(name: str, metric: SampleMetric) -> Check:
    """What must hold of any weights: finite scores, which depend on the image, and on nothing beside it.

    Args:
        name: of the metric.
        metric: whose right answer is not known.
    """
    inputs = [_generated(image, CAPTIONS[0]) for image in scenes()]
    together = metric.score(inputs)
    alone = [score for one in inputs for score in metric.score([_generated(one.image.copy(), CAPTIONS[0])])]
    problem = _problem(np.array(together)[:, None], np.array(alone)[:, None])
    if problem:
        return Check(name, "wrong", problem, "its weights are corrupt, or of another model: get them again")
    known = PINNED.get(name, f"version {metric.version}")
    shown = ", ".join(f"{score:.2f}" for score in together)
    return Check(name, "fine", f"finite, alike alone and in a batch ({shown}); {known}; {NOT_KNOWN}")


def check_features(name: str, extractor: Extractor) -> Check:
    """The same of features.

    Args:
        name: of the extractor.
        extractor: whose right features are not known.
    """
    images = scenes()
    together = extractor.images(images)
    alone = np.concatenate([extractor.images([image.copy()]) for image in images])
    is_table = together.ndim == 2 and len(together) == 2
    problem = _problem(together, alone) if is_table else f"features of two images have the shape {together.shape}"
    title = f"features: {name}"
    if problem:
        return Check(title, "wrong", problem, "its weights are corrupt, or of another model: get them again")
    known = PINNED.get(name, f"version {extractor.version}")
    return Check(
        title, "fine", f"{together.shape[1]} dimensions, finite, alike alone and in a batch; {known}; {NOT_KNOWN}"
    )


def _problem(together: Features | Floats, alone: Features | Floats) -> str:
    """What is wrong with values of two images, `[2, d]`; empty where nothing is."""
    if not np.isfinite(together).all() or not np.isfinite(alone).all():
        return "values that are not finite"
    apart = float(np.linalg.norm(together[0] - together[1]))
    if not apart:
        return "the same for a red circle and a white cross"
    moved = float(np.abs(together - alone).max())
    return f"changes by {moved:.3g} with the other images of a batch" if moved > BATCHED * apart else ""


def _generated(image: Image.Image, prompt: str) -> GeneratedImage:
    return GeneratedImage(image, Case(id="one", prompt=prompt))


def _sample_metric(name: str, options: MetricOptions) -> SampleMetric:
    metric = metrics.create(name, options)
    assert isinstance(metric, SampleMetric)
    return metric
