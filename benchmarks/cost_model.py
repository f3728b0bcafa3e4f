"""What many images on many GPUs take, and where the bottleneck is: a model with measured constants.

python -m benchmarks.cost_model
python -m benchmarks.cost_model --images 1000000 --gpus 64 --seconds-per-image 2
python -m benchmarks.cost_model measure --size 1024

The scheduler is the one that sessions have (`Pool._spread` and `longest_first`), run on a simulated clock: workers are
slow by chance, end and are replaced, or are lost; what they generate is fetched and encoded by the cores of the machine
that runs pytest. Nothing sleeps. `measure` times the constants again on this machine, in seconds of processor time.
"""

from __future__ import annotations

import argparse
import hashlib
import heapq
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np

from sdeval import Case, Sample, Suite, Target
from sdeval.engines.subprocess_engine import CannotStart, Place
from sdeval.evaluation.plan import Unit
from sdeval.executors import pool as pools
from sdeval.executors.order import longest_first
from sdeval.executors.pool import Pool

MEASURED = "python -m benchmarks.cost_model measure --size 1024, 2026-11-27, two shared AMD EPYC cores"
SCALE = "python -m benchmarks.scale time, docs/measurements.md"
ASSUMED = "assumed, until benchmarks/gpu_acceptance.py has run on a GPU"


def constant(value: float, source: str) -> Any:
    return field(default=value, metadata={"source": source})


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants:
    """Seconds for one image of 1024 x 1024 pixels, and what happens by chance."""

    generate: float = constant(2.0, ASSUMED)
    """On one GPU, in a batch."""
    start: float = constant(90.0, ASSUMED)
    """A worker: libraries, weights, first call."""
    node_encode: float = constant(0.091, MEASURED)
    """The worker's own processor: PNG, handing it over; its GPU waits for it."""
    fetch: float = constant(0.020, MEASURED)
    """Transfer: the machine that runs pytest reads, verifies and decodes it."""
    record: float = constant(0.385, MEASURED)
    """There: PNG with texts, thumbnail, hash, defects."""
    score: float = constant(0.054, MEASURED)
    """There, once all are generated: decoding and the metrics of single images."""
    merge: float = constant(0.00015, MEASURED)
    """Of shards: what is put together again, images linked."""
    judge: float = constant(0.0003, SCALE)
    """Verdicts, history and report."""
    variation: float = constant(0.05, ASSUMED)
    """Standard deviation of the time of a batch, as a share."""
    spread: float = constant(0.3, ASSUMED)
    """Standard deviation of the logarithm of the time of cases, which is recorded: sizes and steps differ."""
    deaths: float = constant(0.001, ASSUMED)
    """Batches whose worker ends and is replaced."""
    losses: float = constant(0.0, ASSUMED)
    """Batches with which a worker is lost for good."""
    straggler: float = constant(3.0, ASSUMED)
    """How much slower one of the workers is than the others."""


class Clock:
    """Events in order of time, and the cores of one machine, which do one thing after the other."""

    def __init__(self, cores: int) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        self._free = cores
        self._queue: deque[tuple[float, Callable[[], None]]] = deque()
        self.busy_seconds = 0.0

    def after(self, seconds: float, event: Callable[[], None]) -> None:
        """Have something happen."""
        heapq.heappush(self._events, (self.now + seconds, next(self._numbers), event))

    def compute(self, seconds: float, done: Callable[[], None]) -> None:
        """Occupy a core, once one is free."""
        self._queue.append((seconds, done))
        self._dispatch()

    def _dispatch(self) -> None:
        while self._free and self._queue:
            seconds, done = self._queue.popleft()
            self._free -= 1
            self.busy_seconds += seconds
            self.after(seconds, partial(self._finished, done))

    def _finished(self, done: Callable[[], None]) -> None:
        self._free += 1
        done()
        self._dispatch()

    def step(self) -> bool:
        """Go on to the next event; False where there is none."""
        if not self._events:
            return False
        self.now, _, event = heapq.heappop(self._events)
        event()
        return True


@dataclass(eq=False)
class Worker:
    """Stands in for an engine on a GPU."""

    place: Place
    slowness: float = 1.0
    generating: float = 0.0
    """Seconds of its GPU that images took."""

    def close(self) -> None:
        """There is no process."""

    def kill(self) -> None:
        """There is no process."""


class Stream:
    """Stands in for `UnitStream`: generates a unit, has it fetched, and encoded while the next one is generated."""

    def __init__(self, engine: Worker, world: World) -> None:
        self.engine = engine
        self._world = world
        self._encoding = 0
        self._waiting: Callable[[], None] | None = None
        self._is_started = False

    def generate(self, unit: Unit, future: Future[None]) -> None:
        """Begin to generate a unit; the future is done when the next one may come."""
        world, constants = self._world, self._world.constants
        size = len(unit.samples)
        seconds = constants.generate * sum(world.lengths[sample.case.id] for sample in unit.samples)
        seconds *= self.engine.slowness * max(0.2, 1 + constants.variation * float(world.rng.standard_normal()))
        self.engine.generating += seconds
        seconds += size * constants.node_encode + (0 if self._is_started else constants.start)
        self._is_started = True
        chance = float(world.rng.random())
        if chance < constants.losses and world.alive > 1:
            world.alive -= 1
            world.clock.after(seconds / 2, lambda: future.set_exception(CannotStart(f"{self.engine.place.name}: lost")))
            return
        if chance < constants.losses + constants.deaths:
            world.deaths += 1
            seconds += seconds / 2 + constants.start
        fetched = partial(self._keep, size, future)
        world.clock.after(seconds, lambda: world.clock.compute(size * constants.fetch, fetched))

    def _keep(self, size: int, future: Future[None]) -> None:
        """Encode what was fetched, once the images before are encoded: two batches are in memory at most."""
        if self._encoding:
            self._waiting = partial(self._keep, size, future)
            return
        self._encoding = size
        for _ in range(size):
            self._world.clock.compute(self._world.constants.record, self._encoded)
        future.set_result(None)

    def _encoded(self) -> None:
        self._encoding -= 1
        if not self._encoding and self._waiting:
            waiting, self._waiting = self._waiting, None
            waiting()

    def finish(self) -> None:
        """What is encoded still is waited for at the end."""


class World:
    """What a simulated run happens in."""

    def __init__(self, constants: Constants, cores: int, workers: int, lengths: dict[str, float], seed: int) -> None:
        self.constants, self.lengths = constants, lengths
        self.clock = Clock(cores)
        self.rng = np.random.default_rng(seed)
        self.alive, self.deaths = workers, 0

    def drop(self, engine: Worker) -> None:
        """As `Generation.drop`."""


class Threads:
    """Stands in for the threads of a pool: a stream generates on the simulated clock."""

    def __init__(self, count: int) -> None: ...
    def __enter__(self) -> Threads:
        """There are none."""
        return self

    def __exit__(self, *_: object) -> None: ...

    def submit(self, generate: Callable[[Unit, Future[None]], None], unit: Unit) -> Future[None]:
        """Begin what a thread would."""
        future: Future[None] = Future()
        generate(unit, future)
        return future


@dataclass(frozen=True, slots=True)
class Waited:
    """As what `concurrent.futures.wait` returns."""

    done: tuple[Future[None], ...]


@contextmanager
def simulated_time(clock: Clock) -> Iterator[None]:
    """The pool's threads and its waiting, on a simulated clock."""
    finished: list[Future[None]] = []

    def wait(running: Any, timeout: float, return_when: str) -> Waited:
        finished.clear()
        pending = len(running)
        for future in running:
            if not getattr(future, "is_watched", False):
                future.is_watched = True
                future.add_done_callback(finished.append)
        while not finished and pending:
            assert clock.step(), "nothing happens any more, and units are not done"
        return Waited(tuple(finished))

    with patch.multiple(pools, ThreadPoolExecutor=Threads, wait=wait):
        yield


@dataclass(frozen=True, slots=True)
class Generated:
    """What came of a simulated run."""

    seconds: float
    """Until the last image was encoded."""
    images: int
    gpu_share: float
    """Of the time of all GPUs, how much they generated."""
    core_share: float
    """Of the time of the cores of the machine that runs pytest, how much they were busy."""
    deaths: int
    lost: int


def simulate(
    constants: Constants, images: int, workers: int, cores: int, *, batch: int = 8, longest: bool = True, seed: int = 0
) -> Generated:
    """Have the scheduler of sessions generate images on simulated workers.

    Args:
        constants: times and chances.
        images: in batches, four images a case.
        workers: each with a GPU.
        cores: of the machine that runs pytest.
        batch: images of a call.
        longest: whether the times of cases are known from an earlier session.
        seed: of what happens by chance.
    """
    rng = np.random.default_rng(seed)
    cases = [Case(id=f"case-{number}", prompt="a prompt") for number in range(-(-images // 4))]
    logarithms = rng.normal(0.0, constants.spread, len(cases))
    lengths = dict(zip((case.id for case in cases), np.exp(logarithms - constants.spread**2 / 2).tolist(), strict=True))
    samples = [Sample(case, seed) for case in cases for seed in range(4)][:images]
    units = [Unit(number, tuple(samples[at : at + batch])) for number, at in enumerate(range(0, images, batch))]
    world = World(constants, cores, workers, lengths, seed)
    places = [Place(name=f"GPU {number}", speed="simulated") for number in range(workers)]

    def open_at(target: Target, place: Place) -> Any:
        return Worker(place)

    pool = Pool(Target(name="simulated", model="python:none.py:none"), places, open_at)
    engines: Any = list(pool.engines)
    engines[0].slowness = constants.straggler
    streams: Any = [Stream(engine, world) for engine in engines]
    done: list[int] = []
    with simulated_time(world.clock):
        order = longest_first(units, lengths if longest else {})
        pool._spread(world, order, streams, done.append)  # type: ignore[arg-type]
    while world.clock.step():
        pass
    assert sum(done) == images
    seconds = world.clock.now
    return Generated(
        seconds=seconds,
        images=images,
        gpu_share=sum(engine.generating for engine in engines) / (seconds * workers),
        core_share=world.clock.busy_seconds / (seconds * cores),
        deaths=world.deaths,
        lost=workers - world.alive,
    )


@dataclass(frozen=True, slots=True)
class Layout:
    """Which machines share the work: each generates a shard with GPUs of its own, and scores it."""

    name: str
    machines: int
    gpus: int
    """Of all machines."""
    cores: int
    """That fetch, encode and score, of each machine."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Hours of the stages of a session, one after the other."""

    layout: Layout
    generated: Generated
    score: float
    merge: float
    judge: float

    @property
    def total(self) -> float:
        """Seconds until the verdicts are there."""
        return self.generated.seconds + self.score + self.merge + self.judge

    @property
    def bottleneck(self) -> str:
        """What a faster one of would help most."""
        if max(self.score, self.merge + self.judge) > self.generated.seconds:
            return "scoring" if self.score > self.merge + self.judge else "merging"
        return "cores that fetch and encode" if self.generated.core_share > 0.85 else "GPUs"


def cost_of(constants: Constants, images: int, layout: Layout, batch: int) -> Cost:
    """What a session takes; machines are alike, so that one of them is simulated."""
    share = -(-images // layout.machines)
    generated = simulate(constants, share, layout.gpus // layout.machines, layout.cores, batch=batch)
    merge = images * constants.merge if layout.machines > 1 else 0.0
    return Cost(layout, generated, share * constants.score / layout.cores, merge, images * constants.judge)


def table(costs: Sequence[Cost], price: float) -> str:
    """A row for each layout."""
    rows = [
        "| images | layout | generating | scoring | merging, judging | all | GPUs busy | cores busy | bottleneck "
        "| GPU hours | $ |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for cost in costs:
        generated, layout = cost.generated, cost.layout
        # GPUs are paid for until all is generated; shards are scored on machines with GPUs.
        hours = layout.gpus * (generated.seconds + (cost.score if layout.machines > 1 else 0)) / 3600
        stages = [generated.seconds, cost.score, cost.merge + cost.judge, cost.total]
        times = " | ".join(f"{seconds / 3600:.2f} h" for seconds in stages)
        rows.append(
            f"| {generated.images * layout.machines:,} | {layout.name} | {times} | {generated.gpu_share:.0%} "
            f"| {generated.core_share:.0%} | {cost.bottleneck} | {hours:,.0f} | {hours * price:,.0f} |"
        )
    return "\n".join(rows)


ENGINE = '''
import numpy as np
from PIL import Image

def generate(case, seed, size):
    """A photo as far as its file is concerned: smooth, with a little noise."""
    rng = np.random.default_rng([int(case.id[5:]), seed])
    coarse = Image.fromarray(rng.integers(0, 255, (12, 12, 3), dtype=np.uint8))
    smooth = coarse.resize((size, size), Image.Resampling.BICUBIC)
    return Image.fromarray(np.clip(np.asarray(smooth) + rng.normal(0, 2, (size, size, 3)), 0, 255).astype(np.uint8))
'''


def processor_seconds(do: Callable[[], Any], images: int) -> float:
    """Of this process, for one of some images."""
    started = time.process_time()
    do()
    return (time.process_time() - started) / images


def measure(size: int, images: int) -> dict[str, float]:
    """Constants of this machine, by the functions that sessions call."""
    from sdeval.engines.callable_engine import OwnEngine
    from sdeval.engines.worker import FASTEST
    from sdeval.evaluation.evaluate import generate
    from sdeval.evaluation.image_records import ImageRecorder
    from sdeval.evaluation.plan import Plan
    from sdeval.evaluation.score import score
    from sdeval.executors.merged import Part, merge_parts
    from sdeval.imaging.io import open_rgb, write_png
    from sdeval.stores.objects import Folder

    with TemporaryDirectory() as text:
        folder = Path(text)
        (folder / "engine.py").write_text(ENGINE, encoding="utf-8")
        target = Target(name="photos", model=f"python:{folder / 'engine.py'}:generate", settings={"size": size})
        cases = tuple(Case(id=f"case-{number}", prompt="a large red circle") for number in range(images))
        metrics = ("clip_score", "sharpness", "noise")
        suite = Suite(name="photos", task="text2img", cases=cases, seeds=(0,), settings={"size": size})
        suite = replace(suite, metrics=metrics, metric_options={"clip_model": "shapes"})
        plan = Plan(suite, target, suite.samples, dict(suite.settings), self_check=False)
        engine = OwnEngine(target)
        generated = [engine.generate("text2img", [sample], plan.settings)[0] for sample in plan.samples]
        exchange = Folder(folder / "exchange")

        def hand_over() -> None:
            for number, image in enumerate(generated):
                write_png(folder / "node.png", image.image, FASTEST)
                content = (folder / "node.png").read_bytes()
                hashlib.sha256(content).hexdigest()
                exchange.write(f"{number}.png", content)

        def fetch() -> None:
            for number in range(images):
                content = exchange.read(f"{number}.png")
                hashlib.sha256(content).hexdigest()
                (folder / "here.png").write_bytes(content)
                open_rgb(folder / "here.png")

        recorder = ImageRecorder(plan, folder / "recorded")
        seconds = {
            "node_encode": processor_seconds(hand_over, images),
            "fetch": processor_seconds(fetch, images),
            "record": processor_seconds(lambda: [recorder.write(image, None) for image in generated], images),
        }
        run = generate(plan, engine, folder / "run", lambda _: None)
        # Once for the models of the metrics.
        score(run, suite, plan.samples, folder / "run", "cpu")
        seconds["score"] = processor_seconds(
            lambda: score(run, suite, plan.samples, folder / "run", "cpu", what="single images"), images
        )
        halves = [run.samples[: images // 2], run.samples[images // 2 :]]
        parts = [Part(replace(run, samples=half), folder / "run") for half in halves]
        seconds["merge"] = processor_seconds(lambda: merge_parts(plan, parts, folder / "merged"), images)
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("model", "measure"), default="model")
    parser.add_argument("--images", type=int, action="append", help="repeatable (default: 30,000 and 1,000,000)")
    parser.add_argument("--gpus", type=int, default=64)
    parser.add_argument("--gpus-per-machine", type=int, default=8)
    parser.add_argument("--cores", type=int, default=16, help="of the machine that runs pytest, and of each shard")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--seconds-per-image", type=float, default=Constants().generate)
    parser.add_argument("--price", type=float, default=2.5, help="dollars for an hour of a GPU")
    parser.add_argument("--size", type=int, default=1024, help="with measure: edge of images")
    parser.add_argument("--count", type=int, default=16, help="with measure: images")
    args = parser.parse_args()
    if args.what == "measure":
        for name, seconds in measure(args.size, args.count).items():
            print(f"{name}: {seconds:.4f} s of a processor for an image of {args.size} pixels")
        return 0
    constants = Constants(generate=args.seconds_per_image)
    for constant_field in fields(constants):
        print(f"{constant_field.name} {getattr(constants, constant_field.name):g}: {constant_field.metadata['source']}")
    machines = args.gpus // args.gpus_per_machine
    layouts = (
        Layout(f"Ray, {args.gpus} GPUs, pytest on {args.cores} cores", 1, args.gpus, args.cores),
        Layout(f"Ray, {args.gpus} GPUs, pytest on {4 * args.cores} cores", 1, args.gpus, 4 * args.cores),
        Layout(
            f"{machines} shards of {args.gpus_per_machine} GPUs, {args.cores} cores", machines, args.gpus, args.cores
        ),
    )
    costs = [
        cost_of(constants, images, layout, args.batch)
        for images in args.images or (30_000, 1_000_000)
        for layout in layouts
    ]
    print(f"\n{table(costs, args.price)}")
    print("\n| scheduling of 30,000 images | hours | GPUs busy |\n|---|---|---|")
    trials = {
        "longest first": (constants, True),
        "in the order of the suite": (constants, False),
        "no straggler": (replace(constants, straggler=1.0), True),
        "1% of batches end their worker": (replace(constants, deaths=0.01), True),
        "a worker is lost with 0.5% of batches": (replace(constants, losses=0.005), True),
    }
    for name, (changed, longest) in trials.items():
        result = simulate(changed, 30_000, args.gpus, 4 * args.cores, batch=args.batch, longest=longest)
        what = f"{name} ({result.deaths} ended, {result.lost} lost)" if result.deaths or result.lost else name
        print(f"| {what} | {result.seconds / 3600:.3f} | {result.gpu_share:.1%} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
