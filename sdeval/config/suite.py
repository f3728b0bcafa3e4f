"""A suite and its cases: what is asked of a target. Pure data; `casefile` reads it from files."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args

from sdeval._utils import validation as typed
from sdeval._utils.validation import Plain
from sdeval.config.expected_objects import parse_objects
from sdeval.config.names import naming_problem
from sdeval.errors import SdevalError, unknown

Task = Literal["text2img", "img2img", "inpainting", "edit"]
TASKS: tuple[Task, ...] = get_args(Task)

MULTIPLE = 8
"""Latents are this many times smaller than images: other edges would be cut."""

MOST_SEEDS = 100_000
"""Seeds of a suite."""
Text = Annotated[str, "put it in quotes"]
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
ID = r"[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*"
"""Of a case."""


IMAGES = ("image", "mask", "control_image", "reference_image")
"""Fields of a case that are an image file each."""

TEXTS = ("text", "objects", "questions")
"""Fields of a case that are a text or several, and are about the image for metrics alone."""

SPEED = "seconds_per_image"
MEMORY = "peak_memory"
COLLAPSED = "collapsed_samples"
"""Percent of the samples that went wrong, by any metric: judged in every suite with metrics of single images."""
SPEEDS = (SPEED, MEMORY)
"""Metrics that every run has besides its metrics; a tolerance of one is a share, such as 0.1."""
CLOCK = "times"
"""Of the environment of a server: whether it states its times itself, or whole requests are timed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(typed.Checked):
    """One thing to generate."""

    id: Text
    """Words and digits, joined by hyphens or underscores; unique in its suite, whatever its capitals."""
    prompt: Text
    negative_prompt: Text = ""
    image: Path | None = None
    """Init image of img2img and inpainting; the input image of edit."""
    images: tuple[Path, ...] = ()
    """Edit: the input images in their order, where a target takes several. The first is the one that is edited: the
    result is as large. The others are of any size."""
    mask: Path | None = None
    """Inpainting: white is painted again, black is kept; grey levels without transparency, as large as the image."""
    control_image: Path | None = None
    """Edges, depth or a pose that guide a target with a controlnet; as large as the image that is generated."""
    reference_image: Path | None = None
    """What a target with an IP-Adapter takes subject or style from; of any size."""
    strength: float | None = None
    """How far the init image is noised, 0 to 1; the pipeline's own default where None."""
    region_prompt: Text = ""
    """Inpainting: what the painted region alone shows, where the prompt speaks of the whole image."""
    image_prompt: Text = ""
    """What the init image, or the first input image of edit, shows: for metrics that ask whether the change was the one
    asked for."""
    edited_prompt: Text = ""
    """Edit: what the result shall show, where the prompt says what to do; for metrics that compare it with a text."""
    text: tuple[str, ...] = ()
    """What the image shall show as writing, a text each, for metrics that read it. Upper and lower case, punctuation
    and blanks do not count."""
    objects: tuple[str, ...] = ()
    """What the image shall show as things, for metrics that detect them: `bus` (one or more), `4 bus` (exactly),
    `2+ cup`, `red cake`, `couch left of toaster`; a name in quotes is taken as it is."""
    questions: tuple[str, ...] = ()
    """What `checklist` asks of the image; the answer to each shall be yes."""
    tags: tuple[str, ...] = ()
    """Keywords for `pytest -k`."""
    origin: str = field(default="", compare=False)
    """File and line it was read from, for messages."""

    def __post_init__(self) -> None:
        for name in IMAGES:
            _convert(self, name, str, Path)
        _convert(self, "images", (str, Path), lambda path: (path,))
        _convert(self, "images", (list, tuple), _to_paths)
        for name in TEXTS:
            _convert(self, name, str, lambda text: (text,))
        for name in (*TEXTS, "tags"):
            _convert(self, name, list, tuple)
        origin = self.origin if isinstance(self.origin, str) else ""
        typed.check(self, origin or f"case {typed.preview(self.id)}")

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The images that are changed: the init image, or the input images of edit; the first gives the size."""
        return self.images or ((self.image,) if self.image else ())

    @property
    def caption(self) -> str:
        """What the generated image shall show: `edited_prompt`, or the prompt where there is none."""
        return self.edited_prompt or self.prompt


@dataclass(frozen=True, slots=True)
class Sample:
    """One case generated with one seed: one image."""

    case: Case
    seed: int

    @property
    def name(self) -> str:
        """`CASE@SEED`, unique in a suite and fit for a file name."""
        return f"{self.case.id}@{self.seed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite(typed.Checked):
    """A task, its cases and how they are generated and scored.

    Assign one to a name that begins with `test_` in a module that pytest collects:

        HERE = Path(__file__).parent
        test_text2img = Suite(
            name="shapes-text2img",
            task="text2img",
            cases=load_cases(HERE / "text2img.yaml"),
            settings={"width": 64, "height": 64, "num_inference_steps": 20},
            metrics=("clip_score", "frechet_distance"),
            references=HERE / "references",
        )

    Raises:
        SdevalError: something in it cannot be right; says what and where.
    """

    name: str
    task: Task
    cases: Annotated[tuple[Case, ...], "load_cases(PATH) reads a file of them"]
    seeds: tuple[int, ...] = (0, 1)
    max_seeds: int | None = None
    """Seeds at most: while a metric is inconclusive their number is doubled up to this. None generates `seeds` only."""
    settings: Mapping[str, Plain] = field(default_factory=dict)
    """Arguments of the pipeline call that all cases share; targets and `--sdeval-set` override them."""
    metrics: tuple[str, ...] = ("clip_score",)
    metric_options: Mapping[str, Any] = field(default_factory=dict)
    """What metrics need to know: `clip_model`, `extractor`."""
    tolerances: Mapping[str, float] = field(default_factory=dict)
    """Per metric, the smallest loss that matters: in its unit, or as a share of the baseline for the Fréchet distance.
    The metric's own default otherwise."""
    inconclusive: Literal["warn", "fail"] | None = None
    """Whether a metric fails that is neither shown to be worse nor shown not to be: `warn` says so and passes; `fail`
    asks for proof. None leaves it to `[tool.sdeval]`, whose own default is `warn`."""
    targets: tuple[str, ...] = ("shapes",)
    """Generated where `--sdeval-target` names none."""
    references: Path | None = None
    """Folder of real images (.png) for set metrics."""

    def __post_init__(self) -> None:
        for name in ("settings", "metric_options", "tolerances"):
            _convert(self, name, Mapping, lambda value: MappingProxyType(dict(value)))
        for name in ("cases", "metrics", "targets"):
            _convert(self, name, (list, Iterator), tuple)
        # No more than the check has to see: a range may have more numbers than fit into memory.
        _convert(self, "seeds", (list, range, Iterator), lambda values: tuple(islice(values, MOST_SEEDS + 1)))
        _convert(self, "references", str, Path)
        typed.check(self, f"suite {typed.label(self.name)}")
        self._check()

    def _check(self) -> None:
        where = f"suite {self.name}"
        if problem := _name_problem(self.name):
            raise SdevalError(f"suite name {typed.preview(self.name)} {problem}")
        for name in ("metrics", "targets"):
            values = getattr(self, name)
            if len(set(values)) != len(values) or (not values and name != "metrics"):
                raise SdevalError(f"{where}: {name} must be distinct and at least one, got {list(values)}")
        self._check_seeds(where)
        for metric, tolerance in self.tolerances.items():
            if metric not in (names := (*self.metrics, COLLAPSED, *SPEEDS)):
                raise SdevalError(f"{where}: tolerances: {unknown('metric', metric, names)}")
            if not tolerance > 0:
                raise SdevalError(f"{where}: tolerances: {metric} must be above 0, got {tolerance}")
        if self.references is not None and not _has_images(self.references):
            raise SdevalError(f"{where}: references: no .png images in {self.references}")
        self._check_cases(where)

    def _check_seeds(self, where: str) -> None:
        for name, count in (("seeds", len(self.seeds)), ("max_seeds", self.max_seeds or 0)):
            if count > MOST_SEEDS:
                raise SdevalError(f"{where}: {name}: must be at most {MOST_SEEDS} seeds")
        if len(set(self.seeds)) != len(self.seeds) or not self.seeds:
            raise SdevalError(
                f"{where}: seeds must be distinct and at least one, got {typed.preview(list(self.seeds))}"
            )
        if any(not -(2**63) <= seed < 2**63 for seed in self.seeds):
            raise SdevalError(f"{where}: seeds must fit into 64 bits, got {typed.preview(list(self.seeds))}")
        if self.max_seeds is not None and self.max_seeds < len(self.seeds):
            raise SdevalError(f"{where}: max_seeds must be at least {len(self.seeds)}, got {self.max_seeds}")

    def _check_cases(self, where: str) -> None:
        if not self.cases:
            raise SdevalError(f"{where}: no cases; give it at least one")
        cases_by_id: dict[str, Case] = {}
        metric_names = {*self.metrics, COLLAPSED, *SPEEDS}
        for case in self.cases:
            case_where = case.origin or f"{where}, case {case.id!r}"
            if problem := _id_problem(case.id):
                raise SdevalError(f"{case_where}: id: {typed.preview(case.id)} {problem}")
            if case.id in metric_names:
                raise SdevalError(f"{case_where}: id: {case.id!r} is the name of a metric of the suite")
            # Where a disk makes no difference between capitals and small letters, both would be one file.
            if namesake := cases_by_id.get(case.id.lower()):
                first = f", first at {namesake.origin}" if namesake.origin else ""
                other = "" if namesake.id == case.id else f" but for capitals, by {namesake.id!r}"
                raise SdevalError(f"{case_where}: id: {case.id!r} is taken already{other}{first}")
            cases_by_id[case.id.lower()] = case
            _check_case(case, self.task, case_where)

    @property
    def rounds(self) -> tuple[tuple[int, ...], ...]:
        """The seeds of each round at the metrics, from `seeds` to all of them.

        Example:
            >>> Suite(..., seeds=(0, 1), max_seeds=6).looks
            ((0, 1), (0, 1, 2, 3), (0, 1, 2, 3, 4, 5))
        """
        limit = self.max_seeds or len(self.seeds)
        seeds = (*self.seeds, *range(max(self.seeds) + 1, max(self.seeds) + 1 + limit - len(self.seeds)))
        rounds = [self.seeds]
        while len(rounds[-1]) < limit:
            rounds.append(seeds[: min(2 * len(rounds[-1]), limit)])
        return tuple(rounds)

    @property
    def samples(self) -> tuple[Sample, ...]:
        """Every case with every seed, case by case."""
        return tuple(Sample(case, seed) for case in self.cases for seed in self.seeds)


def sample_key(name: str) -> tuple[str, int]:
    """The case and the seed that a sample is named by.

    Example:
        >>> sample_key("black-cat@3")
        ('black-cat', 3)

    Raises:
        SdevalError: it is not the name of a sample.
    """
    case, _, seed = name.rpartition("@")
    if not case or not re.fullmatch("-?[0-9]{1,19}", seed):
        raise SdevalError(f"sample {typed.preview(name)}: must be CASE@SEED, such as black-cat@0")
    return case, int(seed)


def added_seeds(rounds: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """The seeds that each round adds to those before it.

    Example:
        >>> added_seeds([(0, 1), (0, 1, 2, 3)])
        [(0, 1), (2, 3)]
    """
    return [
        tuple(seed for seed in seeds if seed not in before)
        for before, seeds in zip(((), *rounds), rounds, strict=False)
    ]


def _convert(thing: object, name: str, kind: type | tuple[type, ...], convert: Callable[[Any], object]) -> None:
    """Turn a field of a frozen dataclass into what it is kept as; what is something else is left to the check."""
    value = getattr(thing, name)
    if isinstance(value, kind):
        object.__setattr__(thing, name, convert(value))


def _to_paths(paths: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(Path(path) if isinstance(path, str) else path for path in paths)


def _has_images(folder: Path) -> bool:
    try:
        return any(folder.glob("*.png"))
    # A name that is too long, for example.
    except OSError:
        return False


def _name_problem(name: str) -> str:
    """What is wrong with the name of a suite; empty where it is right."""
    return naming_problem(name) if _NAME.fullmatch(name) else "must be lower-case words and digits joined by hyphens"


def _id_problem(name: str) -> str:
    """What is wrong with the id of a case; empty where it is right."""
    return (
        naming_problem(name) if re.fullmatch(ID, name) else "must be words and digits joined by hyphens or underscores"
    )


def _check_case(case: Case, task: Task, where: str) -> None:
    if not case.prompt.strip():
        raise SdevalError(f"{where}: prompt: is empty; say what to generate")
    for name in _TAKEN[task]:
        if name in _NEEDED[task] and not getattr(case, name):
            raise SdevalError(f"{where}: {name}: is missing; {task} needs one")
    for name in _OF_SOME_TASKS:
        if name not in _TAKEN[task] and getattr(case, name) not in (None, (), ""):
            raise SdevalError(f"{where}: {name}: {task} takes none; remove it")
    if task == "edit":
        _check_inputs(case, where)
    _check_texts(case, where)
    if case.strength is not None and not 0 < case.strength <= 1:
        raise SdevalError(f"{where}: strength: must be above 0 and at most 1, got {case.strength}")
    if any(_paths(case)):
        _check_images(case, where)


_OF_SOME_TASKS = ("image", "images", "mask", "strength", "edited_prompt")
"""Fields of a case that say something to some tasks only."""
_NEEDED: Mapping[Task, tuple[str, ...]] = {
    "text2img": (),
    "img2img": ("image",),
    "inpainting": ("image", "mask"),
    "edit": (),
}
"""Fields of a case that a task needs; edit needs one of two."""
_TAKEN: Mapping[Task, tuple[str, ...]] = {
    "text2img": (),
    "img2img": ("image", "strength"),
    "inpainting": ("image", "mask", "strength"),
    "edit": ("image", "images", "edited_prompt"),
}
"""Those of them that a task takes."""


def _check_inputs(case: Case, where: str) -> None:
    """Refuse an edit without input images, or with two lists of them."""
    if not case.inputs:
        raise SdevalError(f"{where}: image: is missing; edit needs one, or several as images")
    if case.image and case.images:
        raise SdevalError(f"{where}: images: image is there too; list all input images in images, the edited one first")


def _paths(case: Case) -> Iterator[tuple[str, Path]]:
    """Every image file of a case, with the field that names it."""
    for name in IMAGES:
        if (path := getattr(case, name)) is not None:
            yield name, path
    yield from (("images", path) for path in case.images)


def _check_texts(case: Case, where: str) -> None:
    """Refuse what metrics could not use."""
    for name in ("region_prompt", "image_prompt", "edited_prompt"):
        if (text := getattr(case, name)) and not text.strip():
            raise SdevalError(f"{where}: {name}: is blank; say what is to be seen, or leave it out")
    for text in case.text:
        if not any(map(str.isalnum, text)):
            raise SdevalError(f"{where}: text: {typed.preview(text)} has no letter and no digit to read")
    for question in case.questions:
        if not question.strip():
            raise SdevalError(f"{where}: questions: one is empty; ask what is to be answered by yes or no")
    try:
        parse_objects(case.objects)
    except ValueError as error:
        raise SdevalError(f"{where}: objects: {error}") from None


def _check_images(case: Case, where: str) -> None:
    from sdeval.imaging.io import header

    sizes: dict[str, tuple[int, int]] = {}
    for name, path in _paths(case):
        try:
            # Of several, the first is the one that is edited.
            sizes.setdefault(name, header(path))
        except SdevalError as error:
            raise SdevalError(f"{where}: {name}: {error}") from None
    # A reference is looked at, not painted on.
    sizes.pop("reference_image", None)
    for name in ("mask", "control_image"):
        # Of an edit with several input images, the first one's.
        size = sizes.get("image", sizes.get("images"))
        if size and sizes.get(name, size) != size:
            image, other = ("{}x{}".format(*edges) for edges in (size, sizes[name]))
            raise SdevalError(f"{where}: {name}: is {other} pixels but the image is {image}; make them the same size")
    for name, (width, height) in sizes.items():
        if width % MULTIPLE or height % MULTIPLE:
            raise SdevalError(
                f"{where}: {name}: is {width}x{height} pixels; both edges must be multiples of {MULTIPLE}"
            )
    _check_pixels(case, where)


def _check_pixels(case: Case, where: str) -> None:
    """Decode what a case brings along to its end, so that nothing is found out after others were generated."""
    from sdeval.imaging.io import check_image, painted_share

    for name, path in _paths(case):
        try:
            (painted_share if name == "mask" else check_image)(path)
        except SdevalError as error:
            raise SdevalError(f"{where}: {name}: {error}") from None


def fingerprint(sample: Sample, width: int | None, height: int | None) -> str:
    """Hash of what was asked: prompts, pixels of image and mask, strength, size and seed; 16 hex digits.

    Where two runs differ in it, their samples show different things and cannot be compared.
    """
    from sdeval.imaging.io import mask_hash, pixel_hash

    case = sample.case
    request: dict[str, object] = {
        "prompt": case.prompt,
        "negative_prompt": case.negative_prompt,
        # Of several input images there is a list: a case with one has the same hash as ever.
        "image": pixel_hash(case.inputs[0]) if len(case.inputs) == 1 else "",
        "mask": mask_hash(case.mask) if case.mask else "",
        "strength": case.strength,
        "region_prompt": case.region_prompt,
        "size": [width, height],
        "seed": sample.seed,
    }
    if len(case.inputs) > 1:
        request["images"] = [pixel_hash(path) for path in case.inputs]
    for name in ("image_prompt", "edited_prompt"):
        if text := getattr(case, name):
            request[name] = text
    for name in ("control_image", "reference_image"):
        if (path := getattr(case, name)) is not None:
            request[name] = pixel_hash(path)
    # Nothing that is generated depends on it, but scores do; a case without one has the same hash as ever.
    for name in TEXTS:
        if texts := getattr(case, name):
            request[name] = list(texts)
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:16]
