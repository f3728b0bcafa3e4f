"""Which metric sees which fault: faults of known answers, planted into images that are known to be right.

Scenes of the rendered world (64 pixels) and signs with the font of Pillow are right by construction, and so is what a
fault changes in them. Every metric scores the same cases with and without each fault. What it loses, the worse the
more, is averaged over cases; the interval is Student's at 95%. A fault is seen where the whole interval lies above the
metric's tolerance, and not seen where the whole interval lies below. Set metrics have one value for each of a few sets.
Metrics whose weights are not on this machine are listed as not measured.

    python -m benchmarks.metric_faults                       # prints what it measures
    python -m benchmarks.metric_faults --write               # and puts it into sdeval, and into docs/metrics.md
    python -m benchmarks.metric_faults --metric objects --cases 8
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from scipy import stats as scipy_stats

from sdeval import Case, SdevalError, metrics
from sdeval._utils.files import dump_json, write_text
from sdeval.diagnostics import known_faults
from sdeval.diagnostics.faults.alteration import Alteration
from sdeval.diagnostics.faults.images import compress, halve, remove_text, swap_letters, swap_red_and_blue
from sdeval.metrics import GeneratedImage, Metric, MetricOptions, SetMetric, SummaryMetric
from sdeval.metrics.base import Features, Reference
from sdeval.metrics.object_rules import Detection
from sdeval.metrics.objects import COLOR_PROMPT, Objects
from sdeval.shapes import oracle, world
from sdeval.shapes.world import Place, Scene, Thing

CASES, SEEDS = 48, 2
SETS, SET_SIZE, REFERENCES = 6, 96, 512
EDGE = 192
"""Of signs, in pixels."""
WORDS = (
    *("Orange", "Concert", "Kitchen", "Thunder", "Library", "Harvest", "Tourist", "Cinema", "Garden", "Station"),
    *("Market", "Bakery", "Museum", "Harbour", "Castle", "Winter", "Theatre", "Airport", "Pharmacy", "Florist"),
    *("Jewellery", "Antiques", "Bicycles", "Lemonade"),
)
CONTROL = "another-seed"
Change = Callable[[Image.Image], Image.Image]
Picture = GeneratedImage


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Images of known answers: as they should be, and with each fault, case by case in the same order."""

    sound: list[Picture]
    faulty: dict[str, list[Picture]]


SAYS = {
    "letters-swapped": "letters of writing swapped",
    "text-misspelt": "two letters in the middle of a word exchanged",
    "text-removed": "writing painted over",
    "stray-text": "a line of writing that nobody asked for",
    "object-removed": "one of the objects is missing",
    "object-doubled": "one of the objects is there twice",
    "object-recoloured": "an object has the colour of another one",
    "places-exchanged": "objects are in each other's places",
    "prompts-shuffled": "each image from its neighbour's prompt",
    "seeds-ignored": "all seeds alike",
    "half-the-same": "half of the images are one and the same",
    "init-image-ignored": "the object is elsewhere than in the init image",
    "edit-missing": "the init image comes back, but for noise of one level",
    "mask-ignored": "the rest of the image is another one",
    "outside-brighter": "outside the mask 6 levels brighter",
    "inside-brighter": "inside the mask 24 levels brighter",
    "red-and-blue-swapped": "red and blue swapped",
    "blur": "blurred by 1 pixel",
    "jpeg-20": "JPEG at quality 20",
    "half-resolution": "enlarged from half the size",
    "grain": "Gaussian noise of 12 levels",
    CONTROL: "no fault: the same content, placed a little otherwise",
}


def altered(image: Image.Image, alteration: Alteration) -> Image.Image:
    """An image as a faulty pipeline returns it."""
    (values,) = alteration.output_images(np.asarray(image, dtype=np.float32)[None] / np.float32(255))
    return Image.fromarray(np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8))


def grainy(image: Image.Image, deviation: float = 12) -> Image.Image:
    """With Gaussian noise, of so many levels."""
    noise = np.random.default_rng(0).normal(0, deviation, (image.height, image.width, 3))
    return Image.fromarray(np.rint(np.clip(np.asarray(image) + noise, 0, 255)).astype(np.uint8))


def brighter(image: Image.Image, where: Image.Image, levels: int) -> Image.Image:
    """Brighter by some levels where a mask is white; darker in what is bright, so that no level is cut off."""
    change = np.where(np.asarray(image).mean(axis=-1, keepdims=True) > 128, -levels, levels)
    values = np.asarray(image, dtype=int) + change * (np.asarray(where)[..., None] > 127)
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


OF_PIXELS: Mapping[str, Change] = {
    "red-and-blue-swapped": partial(altered, alteration=swap_red_and_blue()),
    "blur": lambda image: image.filter(ImageFilter.GaussianBlur(1)),
    "jpeg-20": compress,
    "half-resolution": halve,
    "grain": grainy,
}


def with_pixels(sound: Sequence[Picture], faulty: Mapping[str, list[Picture]]) -> Bench:
    """A bench with the faults of pixels as well."""
    of_pixels = {
        name: [replace(picture, image=change(picture.image)) for picture in sound] for name, change in OF_PIXELS.items()
    }
    return Bench(sound=list(sound), faulty={**faulty, **of_pixels})


# Scenes of the rendered world -------------------------------------------------------------------------------------


def objects_of(scene: Scene) -> tuple[str, ...]:
    """What a scene shows, as cases say it; things of one kind are told apart by nothing but their colour."""
    first, *rest = scene.things
    if rest and first.kind == rest[0].kind:
        return (f"2 {first.kind}",)
    single = [f"1 {thing.colour} {thing.kind}" for thing in scene.things]
    return (*single, f"{first.kind} {scene.relation} {rest[0].kind}") if rest else tuple(single)


def distinct_scenes(count: int, rng: np.random.Generator, pairs: float) -> list[Scene]:
    """Scenes of other captions each; two things are of two kinds."""
    scenes: dict[str, Scene] = {}
    while len(scenes) < count:
        scene = world.random_scene(rng, pairs)
        if len({thing.kind for thing in scene.things}) == len(scene.things):
            scenes[world.caption(scene)] = scene
    return list(scenes.values())


def painted(scene: Scene, places: Sequence[Place]) -> Image.Image:
    """An image of things at places."""
    return Image.fromarray(world.paint(scene.background, tuple(places)))


def recoloured(places: Sequence[Place]) -> list[Place]:
    """The colours go to the next thing."""
    colours = [place.thing.colour for place in places]
    return [
        replace(place, thing=replace(place.thing, colour=colour))
        for place, colour in zip(places, [*colours[1:], colours[0]], strict=True)
    ]


def exchanged(places: Sequence[Place]) -> list[Place]:
    """Two things in each other's places."""
    first, second = places
    return [replace(first, x=second.x, y=second.y), replace(second, x=first.x, y=first.y)]


def doubled(scene: Scene, places: Sequence[Place]) -> list[Place]:
    """The first thing once more, small, between both and beside them."""
    sideways = scene.relation in ("left of", "right of")
    across = sum(place.y if sideways else place.x for place in places)
    beside = 7.0 if across > world.SIZE else world.SIZE - 7.0
    x, y = (world.SIZE / 2, beside) if sideways else (beside, world.SIZE / 2)
    return [*places, replace(places[0], x=x, y=y, radius=6.0)]


def scenes_bench(cases: int, seeds: int = SEEDS, start: int = 0, pairs: float = 1.0) -> Bench:
    """Text to image: two things of two colours and kinds, with their relation."""
    rng = np.random.default_rng(start)
    scenes = distinct_scenes(cases, rng, pairs)
    rows = [(scene, seed) for scene in scenes for seed in range(seeds)]
    spots, others = ([world.place(scene, rng) for scene, _ in rows] for _ in range(2))

    def pictures(images: Sequence[Image.Image]) -> list[Picture]:
        return [
            GeneratedImage(image, case=_case(scene), seed=seed)
            for image, (scene, seed) in zip(images, rows, strict=True)
        ]

    images = [painted(scene, places) for (scene, _), places in zip(rows, spots, strict=True)]
    faulty: dict[str, list[Image.Image]] = {
        "prompts-shuffled": images[seeds:] + images[:seeds],
        "seeds-ignored": [images[number - number % seeds] for number in range(len(images))],
        "half-the-same": [images[0] if number // seeds % 2 else image for number, image in enumerate(images)],
        CONTROL: [painted(scene, places) for (scene, _), places in zip(rows, others, strict=True)],
    }
    if pairs == 1.0:
        known: dict[str, Callable[[Scene, Sequence[Place]], Sequence[Place]]] = {
            "object-removed": lambda _, places: places[:1],
            "object-doubled": doubled,
            "object-recoloured": lambda _, places: recoloured(places),
            "places-exchanged": lambda _, places: exchanged(places),
        }
        faulty |= {
            name: [painted(scene, change(scene, places)) for (scene, _), places in zip(rows, spots, strict=True)]
            for name, change in known.items()
        }
    return with_pixels(pictures(images), {name: pictures(changed) for name, changed in faulty.items()})


def _case(scene: Scene) -> Case:
    prompt = world.caption(scene)
    return Case(id=prompt.replace(" ", "-"), prompt=prompt, objects=objects_of(scene))


def baseline_bench(cases: int) -> Bench:
    """The same beside their baseline's images, which differ by noise of one level and nothing else."""
    bench = scenes_bench(cases)
    before = [picture.image for picture in bench.sound]

    def beside(pictures: Sequence[Picture]) -> list[Picture]:
        return [
            replace(picture, image=image, pair=(other, image))
            for picture, other in zip(pictures, before, strict=True)
            for image in [grainy(picture.image, 1)]
        ]

    faulty = {name: beside(pictures) for name, pictures in bench.faulty.items() if name != "seeds-ignored"}
    return Bench(sound=beside(bench.sound), faulty=faulty)


def edits_bench(cases: int) -> Bench:
    """Image to image: a thing gets another colour, where it is."""
    rng = np.random.default_rng(1)
    sound: list[Picture] = []
    faulty: dict[str, list[Picture]] = {}
    for scene in distinct_scenes(cases, rng, pairs=0.0):
        (place,) = world.place(scene, rng)
        free = [colour for colour in world.COLOURS if colour not in (scene.background, place.thing.colour)]
        asked, wrong = rng.permutation(free)[:2].tolist()
        edited, mistaken = (replace(place, thing=replace(place.thing, colour=colour)) for colour in (asked, wrong))
        (elsewhere,) = world.place(scene, rng)
        nudged = replace(edited, x=place.x + 0.25, y=place.y - 0.25)
        init = painted(scene, [place])
        prompt = world.caption(replace(scene, things=(edited.thing,)))
        case = Case(id=f"edit-{len(sound)}", prompt=prompt, image_prompt=world.caption(scene))
        images = {
            "object-removed": painted(scene, []),
            "object-recoloured": painted(scene, [mistaken]),
            "init-image-ignored": painted(scene, [replace(elsewhere, thing=edited.thing)]),
            "edit-missing": grainy(init, 1),
            CONTROL: painted(scene, [nudged]),
        }
        sound.append(GeneratedImage(painted(scene, [edited]), case=case, init=init))
        for name, image in images.items():
            faulty.setdefault(name, []).append(replace(sound[-1], image=image))
    return with_pixels(sound, faulty)


def paintings_bench(cases: int) -> Bench:
    """Inpainting: a second thing is painted beside the first one, inside a mask."""
    rng = np.random.default_rng(2)
    sound: list[Picture] = []
    faulty: dict[str, list[Picture]] = {}
    for scene in distinct_scenes(cases, rng, pairs=1.0):
        first, second = world.place(scene, rng)
        init = painted(scene, [first])
        mask = Image.new("L", init.size, 0)
        edge = second.radius + 3
        box = tuple(round(value) for value in (second.x - edge, second.y - edge, second.x + edge, second.y + edge))
        ImageDraw.Draw(mask).rectangle(box, fill=255)
        image = painted(scene, [first, second])
        outside = mask.point(lambda level: 255 - level)
        region = Scene(scene.background, (replace(second.thing, size="large"),))
        elsewhere = Scene(first.thing.colour, (Thing(scene.background, "cross"),))
        other = world.render(elsewhere, rng)
        case = Case(id=f"paint-{len(sound)}", prompt=world.caption(scene), region_prompt=world.caption(region))
        recolour = replace(second, thing=replace(second.thing, colour=first.thing.colour))
        images = {
            "object-removed": init,
            "object-recoloured": painted(scene, [first, recolour]),
            "mask-ignored": Image.composite(image, other, mask),
            "outside-brighter": brighter(image, outside, 6),
            "inside-brighter": brighter(image, mask, 24),
            CONTROL: painted(scene, [first, replace(second, x=second.x + 1, y=second.y - 1)]),
        }
        sound.append(GeneratedImage(image, case=case, init=init, mask=mask))
        for name, changed in images.items():
            faulty.setdefault(name, []).append(replace(sound[-1], image=changed))
    return with_pixels(sound, faulty)


# Signs ------------------------------------------------------------------------------------------------------------


def sign(text: str, x: int = 12, y: int = 40, further: str = "") -> Image.Image:
    """Dark writing on a pale image."""
    image = Image.new("RGB", (EDGE, EDGE), (225, 232, 240))
    draw = ImageDraw.Draw(image)
    draw.text((x, y), text, fill=(20, 30, 60), font=ImageFont.load_default(32))
    draw.text((x, 140), further, fill=(20, 30, 60), font=ImageFont.load_default(20))
    return image


def misspell(text: str) -> str:
    """Two letters in the middle of a text change places."""
    middle = len(text) // 2
    return text[: middle - 1] + text[middle] + text[middle - 1] + text[middle + 1 :]


def signs_bench(cases: int) -> Bench:
    """A word on each image."""
    garbled, removed = swap_letters(), remove_text()
    words = WORDS[:cases]

    def pictures(paint: Callable[[str], Image.Image]) -> list[Picture]:
        return [
            GeneratedImage(paint(word), case=Case(id=word.lower(), prompt=f"a sign that says {word}", text=(word,)))
            for word in words
        ]

    faulty = {
        "letters-swapped": pictures(lambda word: altered(sign(word), garbled)),
        "text-misspelt": pictures(lambda word: sign(misspell(word))),
        "text-removed": pictures(lambda word: altered(sign(word), removed)),
        "stray-text": pictures(lambda word: sign(word, further="stock photo")),
        CONTROL: pictures(lambda word: sign(word, x=20, y=70)),
    }
    return with_pixels(pictures(sign), faulty)


# What the detector of `objects` would find, were it never wrong -----------------------------------------------------


class WorldDetector:
    """Finds the things of the rendered world by their pixels."""

    version = "pixels of the rendered world"

    def detect(self, image: Image.Image, names: Sequence[str]) -> list[Detection]:
        """The things of these kinds."""
        detections = []
        for thing in oracle.read(image).things:
            half = math.sqrt(thing.area) / 2
            box = (thing.x - half, thing.y - half, thing.x + half, thing.y + half)
            detections.append(Detection(thing.kind, box, thing.overlap))
        return [detection for detection in detections if detection.name in names]


class WorldColors:
    """Names the colour in the middle of an image; the colours of the rendered world are far apart."""

    version = "colours of the rendered world"

    def images(self, images: Sequence[Image.Image]) -> Features:
        """The similarity with each colour, `[n, 6]`."""
        palette = np.array(list(world.COLOURS.values()), dtype=np.float32)
        middles = [image.getpixel((image.width // 2, image.height // 2)) for image in images]
        distances = np.linalg.norm(np.array(middles, dtype=np.float32)[:, None] - palette, axis=-1)
        return np.asarray(-distances, dtype=np.float32)

    def texts(self, texts: Sequence[str]) -> Features:
        """One colour each, `[n, 6]`; those that the world has not are as far away as can be."""
        rows = np.eye(len(world.COLOURS), dtype=np.float32)
        colours = list(world.COLOURS)
        far = np.full(len(colours), 10, dtype=np.float32)
        named = {COLOR_PROMPT.format(color=colour, name=""): row for colour, row in zip(colours, rows, strict=True)}
        return np.stack([next((row for start, row in named.items() if text.startswith(start)), far) for text in texts])


# Measuring --------------------------------------------------------------------------------------------------------

BENCHES: Mapping[str, Callable[[int], Bench]] = {
    "scenes": scenes_bench,
    "baseline": baseline_bench,
    "edits": edits_bench,
    "paintings": paintings_bench,
    "signs": signs_bench,
}
IMAGES = {
    "scenes": "rendered scenes of two objects",
    "sets": f"{SETS} sets of {SET_SIZE} rendered scenes, {REFERENCES} others as references",
    "baseline": "rendered scenes, with those without a fault as the baseline's",
    "edits": "rendered scenes in which an object gets another colour",
    "paintings": "rendered scenes into which an object is painted",
    "signs": "rendered signs of one word",
}
STAND_INS = {"objects": "a detector and a namer of colours that read pixels of rendered scenes: its rules are measured"}
EMBEDDED = "the embedded CLIP, which was trained on such scenes: another one may see less"
NOT_OF_IMAGES = {"nsfw_rate": "it counts what the pipeline's own checker flags, whatever the images show"}


def bench_of(name: str) -> str:
    """The images for a metric."""
    info = metrics.info(name)
    if info.scope == "set":
        return "sets"
    if "baseline" in info.needs:
        return "baseline"
    if name in ("text_accuracy", "text_word_recall", "spurious_text"):
        return "signs"
    if info.tasks == ("inpainting",):
        return "paintings"
    return "edits" if "text2img" not in info.tasks else "scenes"


@cache
def bench(name: str, cases: int) -> Bench:
    """Images, made once."""
    return BENCHES[name](cases)


@cache
def sets(count: int) -> tuple[list[Bench], list[Picture]]:
    """Sets of images, and reference images."""
    benches = [scenes_bench(SET_SIZE, 1, start=100 + number, pairs=0.5) for number in range(count)]
    return benches, scenes_bench(REFERENCES, 1, start=99, pairs=0.5).sound


def measure(name: str, cases: int = CASES, set_count: int = SETS) -> known_faults.Measured:
    """What a metric loses by each fault.

    Raises:
        SdevalError: it cannot be created on this machine.
    """
    kind = bench_of(name)
    info = metrics.info(name)
    if kind == "sets":
        created = metrics.create(name, MetricOptions(clip_model="shapes"))
        assert isinstance(created, SetMetric)
        values, version = _set_values(created, set_count), created.version
    else:
        pictures = bench(kind, cases)
        prompts = tuple(dict.fromkeys(picture.case.prompt for picture in pictures.sound))
        metric = _create(name, MetricOptions(clip_model="shapes", prompts=prompts))
        version = metric.version
        values = {"": _case_values(metric, pictures.sound)}
        values |= {fault: _case_values(metric, faulty) for fault, faulty in pictures.faulty.items()}
    sound = values.pop("")
    tolerance = info.tolerance * (abs(float(sound.mean())) if info.tolerance_is_relative else 1.0)
    limit = tolerance if info.gating else 0.0
    losses = {fault: _loss(info.sign * (sound - faulty), limit) for fault, faulty in values.items()}
    return known_faults.Measured(
        images=IMAGES[kind],
        measured_with=STAND_INS.get(name, EMBEDDED if " shapes " in f" {version} " else ""),
        unit=info.unit,
        tolerance=_rounded(limit),
        sound=_rounded(float(sound.mean())),
        losses=losses,
    )


def _create(name: str, options: MetricOptions) -> Metric:
    return Objects(WorldDetector(), WorldColors()) if name == "objects" else metrics.create(name, options)


def _case_values(metric: Metric, pictures: Sequence[Picture]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The mean score of each case."""
    assert not isinstance(metric, SetMetric)
    ids = [picture.case.id for picture in pictures]
    if isinstance(metric, SummaryMetric):
        scores = metric.score_summaries(metric.summarise(pictures), ids)
    else:
        scores = metric.score(pictures)
    by_case: dict[str, list[float]] = {}
    for case, score in zip(ids, scores, strict=True):
        by_case.setdefault(case, []).append(score)
    return np.array([np.mean(of_case) for of_case in by_case.values()])


def _set_values(metric: SetMetric, count: int) -> dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """The value of each set, without a fault and with each."""
    benches, references = sets(count)

    def features(pictures: Sequence[Picture]) -> Features:
        return metric.extractor.images([picture.image for picture in pictures])

    reference = Reference.of(features(references))
    kinds = ["", *(name for name in benches[0].faulty if name != "seeds-ignored")]
    return {
        kind: np.array(
            [metric.measure(features(one.faulty[kind] if kind else one.sound), reference) for one in benches]
        )
        for kind in kinds
    }


def _loss(losses: np.ndarray[tuple[int], np.dtype[np.float64]], tolerance: float) -> known_faults.Loss:
    count = len(losses)
    mean = float(losses.mean())
    half = float(scipy_stats.t.ppf(0.975, count - 1) * losses.std(ddof=1) / math.sqrt(count))
    low, high = mean - half, mean + half
    seen = True if low > tolerance else False if high <= tolerance else None
    return known_faults.Loss(n=count, loss=_rounded(mean), low=_rounded(low), high=_rounded(high), seen=seen)


def _rounded(value: float) -> float:
    """To four digits; what is left of rounding in floating point is nothing."""
    return 0.0 if abs(value) < 1e-6 else float(f"{value:.4g}")


def measure_all(names: Sequence[str], cases: int) -> known_faults.MetricFaults:
    """What each metric sees, printed as it comes."""
    measured, missing = {}, {}
    for name in names:
        if name in NOT_OF_IMAGES:
            missing[name] = NOT_OF_IMAGES[name]
            continue
        try:
            measured[name] = measure(name, cases)
        except SdevalError:
            missing[name] = f"needs weights that could not be had where this was written: {metrics.info(name).weights}"
        _print(name, measured.get(name), missing.get(name, ""))
    return known_faults.MetricFaults(faults=SAYS, measured=measured, not_measured=missing)


def _print(name: str, measured: known_faults.Measured | None, reason: str) -> None:
    if measured is None:
        print(f"{name}: not measured: {reason}", flush=True)
        return
    print(f"{name}: without a fault {measured.sound:g} {measured.unit}, tolerance {measured.tolerance:g}")
    for fault, loss in measured.losses.items():
        mark = {True: "seen", False: "not seen", None: "unclear"}[loss.seen]
        print(f"  {fault:22} {mark:9} loses {loss.loss:g} ({loss.low:g} to {loss.high:g}), n = {loss.n}", flush=True)


def main() -> None:
    """Measure, print, and write if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--metric", action="append", default=[], help="only this one; repeatable")
    parser.add_argument("--cases", type=int, default=CASES)
    parser.add_argument("--write", action="store_true", help="all metrics at full size")
    args = parser.parse_args()
    if args.write and (args.metric or args.cases != CASES):
        parser.error("--write takes all metrics and cases")
    ours = [info.name for info in metrics.documented() if info.name not in metrics.OF_EVERY_SUITE]
    result = measure_all(args.metric or ours, args.cases)
    if args.write:
        from tools import metric_docs

        write_text(known_faults.FILE, dump_json(result.describe()))
        metric_docs.main()


if __name__ == "__main__":
    main()
