"""Proof that sdeval works on a GPU: what can only be found out there, in one run of under 8 minutes.

python -m benchmarks.gpu_acceptance
python -m benchmarks.gpu_acceptance --only offload-model --only sd15
python -m benchmarks.gpu_acceptance --device cpu --tiny --output /tmp/acceptance

Stable Diffusion 1.5 and XL are built in their real size with random weights, made on the device by a seeded generator:
nothing is downloaded. Each check has a name, a budget of seconds and a result of its own: passed, failed with the
reason, or skipped with the reason. After every check, `DATE-DEVICE.md` and `.json` are written; a check that does not
fit into what is left of the time limit is skipped, and one that hangs at the limit ends the program, with all results
before it on disk. `--tiny` takes small models, to try the program itself.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from types import FrameType
from typing import TYPE_CHECKING, Any, Literal

from benchmarks.real_size import FAMILIES, bare, harness, plan_of, synchronized
from sdeval import NotAvailable, SdevalError, Target
from sdeval._utils.environment import calm_threads, describe
from sdeval.errors import describe_error

if TYPE_CHECKING:
    from sdeval.engines.diffusers_engine import LoadedTarget
    from sdeval.engines.generated import Generated
    from sdeval.evaluation.plan import Plan

GOAL = 1.02
"""Time of the harness over that of a bare loop, at most."""
ROUNDS = 4
"""Times that harness and bare loop are measured, in turns."""
SAME_DB, SIMILAR_DB = 30.0, 15.0
"""Peak signal-to-noise ratio between images that should be the same but for rounding, and of another number format."""
BACKENDS = ("native", "_native_math", "_native_efficient", "_native_flash", "_native_cudnn", "flash")
EVENTS_TOLERANCE = 0.05
"""Difference between the time of events and the clock of a call, at most, as a share."""
TINY = {"sd15": "tiny", "sdxl": "tiny-xl", "flux": "tiny-flux"}
"""What stands in for families with `--tiny`."""
Figures = Mapping[str, float | str]


class CheckFailed(Exception):
    """What a check found is not as it should be."""


class Skipped(Exception):
    """A check cannot be made here."""


class TooLong(BaseException):
    """A check used up its budget; no handler of errors on the way takes it for one of its own."""


@dataclass(frozen=True, slots=True)
class Check:
    """Something that is to be found out."""

    name: str
    run: Callable[[Bench], Figures]
    seconds: float
    """Budget on a GPU."""
    needs_gpu: str = ""
    """Why it says nothing on a CPU; empty where it does."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a check."""

    name: str
    outcome: Literal["passed", "failed", "skipped"]
    seconds: float
    reason: str = ""
    figures: Figures = field(default_factory=dict)


class Bench:
    """What checks share: the device, and the models in a folder, built when they are first needed.

    Args:
        device: `cuda` or `cpu`.
        tiny: whether models are small.
        folder: for models and images.
    """

    def __init__(self, device: str, *, tiny: bool, folder: Path) -> None:
        self.device, self.tiny, self.folder = device, tiny, folder
        self.dtype: Any = "float16" if device == "cuda" else "float32"
        self._models: dict[str, Path] = {}
        self._runs = 0

    def target(self, family: str, **changes: Any) -> Target:
        """A target on the device."""
        model = self._model(TINY[family] if self.tiny else family)
        values = {"dtype": self.dtype, "batch_size": 4, "device": self.device, **changes}
        return Target(name="acceptance", model=str(model), **values)

    def edge(self, family: str) -> int:
        """Of the images of a family."""
        return 64 if self.tiny else FAMILIES[family][1]

    def steps(self, count: int) -> int:
        """Steps of a pipeline call."""
        return min(count, 3) if self.tiny else count

    def plan(self, target: Target, family: str, steps: int, images: int) -> Plan:
        """One image a case."""
        return plan_of(target, self.edge(family), self.steps(steps), images)

    def new_folder(self) -> Path:
        """A folder that nothing was written into."""
        self._runs += 1
        return self.folder / f"run-{self._runs}"

    def _model(self, family: str) -> Path:
        if family not in self._models:
            self._models[family] = self._built(family)
        return self._models[family]

    def _built(self, family: str) -> Path:
        import torch

        torch.manual_seed(0)
        with torch.device(self.device):
            pipeline = FAMILIES[family][0]()
        path = self.folder / family
        pipeline.to(getattr(torch, self.dtype)).save_pretrained(path)
        return path

    @cached_property
    def reference(self) -> list[Generated]:
        """Four images of SD 1.5 as it is, in four steps: what switches are compared with."""
        return self.images(self.target("sd15"), "sd15", 4, 4)[0]

    def images(self, target: Target, family: str, steps: int, count: int) -> tuple[list[Generated], float, float]:
        """Images of a target that is loaded for them; seconds of their warm calls, and MiB at the peak."""
        loaded = open_here(target)
        plan = self.plan(target, family, steps, count)
        generate_all(loaded, self.plan(target, family, 1, 1))
        reset_peak(self.device)
        images, seconds = generate_all(loaded, plan)
        return images, seconds, peak_mib(self.device)


def open_here(target: Target) -> LoadedTarget:
    """A target in this process, once nothing of another one is left on the device."""
    import torch

    from sdeval.engines.diffusers_engine import LoadedTarget

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return LoadedTarget(target)


def generate_all(loaded: LoadedTarget, plan: Plan) -> tuple[list[Generated], float]:
    """All images of a plan, and seconds from begin to end."""
    started, images = synchronized(), []
    for unit in plan.units(loaded.batch_size):
        images += loaded.generate(plan.suite.task, unit.samples, plan.settings)
    return images, synchronized() - started


def reset_peak(device: str) -> None:
    from sdeval.engines.memory import reset_peak_memory

    if device == "cuda":
        reset_peak_memory()


def peak_mib(device: str) -> float:
    from sdeval.engines.memory import peak_memory

    return round(peak_memory().peak / 2**20)


def likeness(images: Sequence[Generated], others: Sequence[Generated]) -> float:
    """The lowest peak signal-to-noise ratio between images of the same samples, in dB; 99 where they are equal."""
    import numpy as np

    lowest = 99.0
    for one, other in zip(images, others, strict=True):
        difference = np.asarray(one.image, np.float64) - np.asarray(other.image, np.float64)
        error = float(np.mean(difference**2))
        lowest = min(lowest, 10 * float(np.log10(255**2 / error)) if error else 99.0)
    return round(lowest, 1)


def speed(images: Sequence[Generated], seconds: float, peak: float) -> dict[str, float | str]:
    """The figures of a family."""
    finite = sum(image.finite for image in images)
    return {"images/s": round(len(images) / seconds, 3), "peak MiB": peak, "finite": f"{finite} of {len(images)}"}


def sd15(bench: Bench) -> Figures:
    """Stable Diffusion 1.5 generates."""
    return speed(*bench.images(bench.target("sd15"), "sd15", 20, 8))


def sdxl(bench: Bench) -> Figures:
    """Stable Diffusion XL generates."""
    return speed(*bench.images(bench.target("sdxl"), "sdxl", 20, 4))


def formats(bench: Bench) -> Figures:
    """Another number format generates similar images."""
    images, seconds, peak = bench.images(bench.target("sd15", dtype="bfloat16"), "sd15", 4, 4)
    value = likeness(images, bench.reference)
    require(value >= SIMILAR_DB, f"bfloat16 and {bench.dtype} differ: {value} dB, at least {SIMILAR_DB} are expected")
    return {"bfloat16 images/s": round(4 / seconds, 3), "dB": value, "peak MiB": peak}


def attention(bench: Bench) -> Figures:
    """Attention in slices, and the backends that a transformer dispatches to, give the same images."""
    figures: dict[str, float | str] = {}
    plain = bench.images(bench.target("flux"), "flux", 4, 4)[0]
    cases = [("sd15", "sliced", bench.reference), *(("flux", name, plain) for name in BACKENDS)]
    for family, name, others in cases:
        try:
            images, seconds, _ = bench.images(bench.target(family, attention=name), family, 4, 4)
        except (SdevalError, NotAvailable) as error:
            figures[name] = f"refused: {error}"
            continue
        value = likeness(images, others)
        require(value >= SAME_DB, f"attention {name} changes images: {value} dB")
        figures[f"{family} {name} images/s"] = round(4 / seconds, 3)
    for name in ("sd15 sliced", "flux native", "flux _native_math"):
        require(f"{name} images/s" in figures, f"{name} does not work: {figures}")
    return figures


def xformers(bench: Bench) -> Figures:
    """Attention of xformers, where it is installed."""
    from importlib.util import find_spec

    if find_spec("xformers") is None:
        raise Skipped("xformers is not installed")
    images, seconds, peak = bench.images(bench.target("sd15", attention="xformers"), "sd15", 4, 4)
    value = likeness(images, bench.reference)
    require(value >= SAME_DB, f"xformers changes images: {value} dB")
    return {"images/s": round(4 / seconds, 3), "dB": value, "peak MiB": peak}


def offload(bench: Bench, kind: Literal["model", "sequential"]) -> Figures:
    """Parts that wait in main memory cost time, save memory, and change nothing."""
    target = bench.target("sd15", batch_size=1)
    resident, resident_seconds, resident_peak = bench.images(target, "sd15", 4, 1)
    images, seconds, peak = bench.images(replace(target, cpu_offload=kind), "sd15", 4, 1)
    value = likeness(images, resident)
    require(value >= SAME_DB, f"offload {kind} changes images: {value} dB")
    require(peak < resident_peak, f"offload {kind} takes {peak:.0f} MiB, and {resident_peak:.0f} without")
    return {
        "peak MiB": peak,
        "resident MiB": resident_peak,
        "s an image": round(seconds, 3),
        "resident s": round(resident_seconds, 3),
    }


def compiled(bench: Bench) -> Figures:
    """The compiled U-Net of SD 1.5 gives the same images."""
    target = bench.target("sd15", compile=True)
    loaded, plan = open_here(target), bench.plan(target, "sd15", 4, 4)
    _, first = generate_all(loaded, plan)
    images, seconds = generate_all(loaded, plan)
    value = likeness(images, bench.reference)
    require(value >= SAME_DB, f"compiling changes images: {value} dB")
    return {"first call s": round(first, 2), "images/s": round(4 / seconds, 3), "dB": value}


def events(bench: Bench) -> Figures:
    """Times that are read from events add up to the time on the clock."""
    target = bench.target("sd15")
    loaded, plan = open_here(target), bench.plan(target, "sd15", 20, 4)
    generate_all(loaded, plan)
    images, seconds = generate_all(loaded, plan)
    by_events = sum(image.seconds for image in images)
    stages = images[0].stages
    require(stages is not None, "the stages of the call are not known")
    assert stages is not None
    total = stages.encode + stages.denoise + stages.decode
    share = abs(by_events / seconds - 1)
    # A tiny call is over before Python has written its images down.
    limit = 1.0 if bench.tiny else EVENTS_TOLERANCE
    require(share <= limit, f"a call took {seconds:.3f} s on the clock, and {by_events:.3f} s by what was marked")
    require(abs(total / by_events - 1) < 0.01, f"stages add up to {total:.3f} s of {by_events:.3f} s")
    return {
        "clock s": round(seconds, 4),
        "marked s": round(by_events, 4),
        "denoise share": round(stages.denoise / total, 3),
    }


def memory(bench: Bench) -> Figures:
    """The memory that a run reports is what the allocator held, and grows with the batch."""
    import torch

    from sdeval.evaluation.evaluate import generate

    peaks, reserved = [], 0
    for count in (1, 4):
        target = bench.target("sd15", batch_size=count)
        plan = bench.plan(target, "sd15", 2, count)
        run = generate(plan, open_here(target), bench.new_folder(), lambda _: None)
        allocated, reserved = torch.cuda.max_memory_allocated(), run.peak_reserved_bytes
        require(run.peak_memory_bytes == allocated, f"{run.peak_memory_bytes} bytes reported, {allocated} allocated")
        require(allocated <= reserved, f"{allocated} bytes at the peak, and {reserved} reserved")
        peaks.append(round(allocated / 2**20))
    require(peaks[0] < peaks[1], f"one image takes {peaks[0]} MiB, and four take {peaks[1]}")
    return {"MiB of one": peaks[0], "MiB of four": peaks[1], "reserved MiB": round(reserved / 2**20)}


def overhead(bench: Bench, steps: int) -> Figures:
    """The harness takes hardly longer than a loop that generates and saves."""
    target = bench.target("sd15")
    loaded, plan, folder = open_here(target), bench.plan(target, "sd15", steps, 8), bench.new_folder()
    harness(plan, loaded, folder / "first")
    bare(plan, loaded, folder)
    rounds = [(harness(plan, loaded, folder / str(n)), bare(plan, loaded, folder)) for n in range(ROUNDS)]
    ratios = sorted(ours / loop for ours, loop in rounds)
    figures = {
        "ratio": round(median(ratios), 4),
        "lowest": round(ratios[0], 4),
        "highest": round(ratios[-1], 4),
        "images/s": round(8 / median(ours for ours, _ in rounds), 3),
    }
    # Small models leave nothing that scoring and writing could be measured by.
    require(bench.tiny or median(ratios) <= GOAL, f"ratio {median(ratios):.3f}, the goal is {GOAL}: {figures}")
    return figures


def scoring(bench: Bench) -> Figures:
    """Scores on the device are those of the CPU."""
    from sdeval.evaluation.evaluate import generate
    from sdeval.evaluation.score import score

    target = bench.target("sd15")
    loaded, plan, folder = open_here(target), bench.plan(target, "sd15", 4, 8), bench.new_folder()
    run = generate(plan, loaded, folder, lambda _: None)
    score(run, plan.suite, plan.samples, folder, bench.device)
    started = synchronized()
    here = score(run, plan.suite, plan.samples, folder, bench.device)
    seconds = synchronized() - started
    there = score(run, plan.suite, plan.samples, folder, "cpu")
    pairs = [
        (one.scores[name], other.scores[name])
        for one, other in zip(here.samples, there.samples, strict=True)
        for name in plan.suite.metrics
    ]
    require(bool(pairs) and all(None not in pair for pair in pairs), "an image has no score")
    largest = max(abs((one or 0.0) - (other or 0.0)) / max(1.0, abs(other or 0.0)) for one, other in pairs)
    require(largest < 1e-2, f"scores differ from those of the CPU by {largest:.2g}")
    return {"ms an image": round(1000 * seconds / len(run.samples), 2), "largest difference": float(f"{largest:.2g}")}


def out_of_memory(bench: Bench) -> Figures:
    """A batch that does not fit is halved until it does, and the run says so."""
    import torch

    from sdeval.evaluation.evaluate import generate

    target = bench.target("sd15", batch_size=64)
    loaded, plan = open_here(target), bench.plan(target, "sd15", 2, 64)
    generate_all(loaded, bench.plan(target, "sd15", 1, 1))
    reset_peak(bench.device)
    generate_all(loaded, bench.plan(target, "sd15", 2, 8))
    total = torch.cuda.get_device_properties(0).total_memory
    # Eight images fit, with a margin for what the allocator does not give back; sixty-four do not.
    share = min(1.0, 1.5 * torch.cuda.max_memory_reserved() / total)
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(share)
    try:
        run = generate(plan, loaded, bench.new_folder(), lambda _: None)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    failures = [sample.failure for sample in run.samples if sample.failure]
    require(not failures, f"{len(failures)} samples failed: {failures[:1]}")
    notes = [note for note in run.notes if "did not fit into memory" in note]
    require(bool(notes), f"64 images fitted into {share * total / 2**20:.0f} MiB: nothing was halved")
    return {"memory MiB": round(share * total / 2**20), "note": notes[0]}


def two_processes(bench: Bench) -> Figures:
    """Two processes on one device generate the images of one."""
    from sdeval.config.devices import VISIBLE, visible_entries
    from sdeval.engines.subprocess_engine import Place
    from sdeval.executors.pool import Pool
    from sdeval.results.run import WORKERS

    target = bench.target("sd15")
    plan = bench.plan(target, "sd15", 20, 16)
    alone, _ = generate_all(open_here(target), plan)
    variables = {"OMP_NUM_THREADS": "1"}
    if bench.device == "cuda":
        variables[VISIBLE] = visible_entries(1)[0]
    device = "cpu" if bench.device == "cpu" else None
    places = [
        Place(name=f"worker {number}", variables=variables, device=device, is_here=True, is_shared=True)
        for number in ("one", "two")
    ]
    pool = Pool(target, places)
    try:
        started, folder = time.perf_counter(), bench.new_folder()
        run = pool.generate(plan, folder, lambda _: None, None)
        seconds = time.perf_counter() - started
    finally:
        pool.close()
    failures = [sample.failure for sample in run.samples if sample.failure]
    require(not failures, f"{len(failures)} samples failed: {failures[:1]}")
    value = likeness(alone, [_written(image, folder) for image in alone])
    require(value >= SAME_DB, f"two processes generate other images: {value} dB")
    reason = run.environment[WORKERS]["speed"]
    require(bool(reason), "the speed of two processes on one device would be judged")
    return {"images/s with loading": round(16 / seconds, 3), "dB": value, "speed": reason}


def _written(image: Generated, folder: Path) -> Generated:
    from sdeval.imaging.io import open_rgb

    return replace(image, image=open_rgb(folder / "images" / f"{image.sample.name}.png"))


def require(truth: bool, reason: str) -> None:
    """Raise where something is not as it should be.

    Raises:
        CheckFailed: with the reason.
    """
    if not truth:
        raise CheckFailed(reason)


NO_OFFLOAD = "a CPU has no other memory that parts could wait in"
NO_LIMIT = "no process can limit the memory that torch has on a CPU"
CHECKS = (
    Check("sd15", sd15, 45),
    Check("overhead-50", lambda bench: overhead(bench, 50), 75),
    Check("overhead-20", lambda bench: overhead(bench, 20), 45),
    Check("events", events, 20),
    Check("memory", memory, 20, "the allocator of CUDA is asked"),
    Check("out-of-memory", out_of_memory, 40, NO_LIMIT),
    Check("two-processes", two_processes, 75),
    Check("scoring", scoring, 25),
    Check("formats", formats, 20),
    Check("attention", attention, 45),
    Check("xformers", xformers, 20),
    Check("offload-model", lambda bench: offload(bench, "model"), 30, NO_OFFLOAD),
    Check("offload-sequential", lambda bench: offload(bench, "sequential"), 40, NO_OFFLOAD),
    Check("sdxl", sdxl, 75),
    Check("compile", compiled, 100),
)
"""In order of importance: what does not fit into the time limit is the last."""


class Report:
    """Results so far, and the files that hold them.

    Args:
        bench: what is on trial.
        output: folder of the files.
        facts: of machine and versions.
    """

    def __init__(self, bench: Bench, output: Path, facts: Mapping[str, Any]) -> None:
        self.results: list[Result] = []
        self._facts = facts
        self._kind = "tiny models" if bench.tiny else f"SD 1.5 and SDXL in real size, random weights, {bench.dtype}"
        name = str(facts["hardware"]).removeprefix("1x ").partition(",")[0].lower()
        slug = "-".join("".join(sign if sign.isalnum() else " " for sign in name).split())
        self._path = output / f"{datetime.now(UTC):%Y-%m-%d}-{slug}{'-tiny' if bench.tiny else ''}"

    @property
    def table(self) -> str:
        """All results, a row each."""
        rows = ["| check | result | s | figures |", "|---|---|---|---|"]
        for result in self.results:
            figures = ", ".join(f"{name} {value}" for name, value in result.figures.items())
            text = (result.reason or figures).replace("|", "/").replace("\n", " ")
            rows.append(f"| {result.name} | {result.outcome} | {result.seconds:.1f} | {text} |")
        return "\n".join(rows)

    def add(self, result: Result) -> None:
        """Take note of a result, and write the files anew."""
        self.results.append(result)
        packages = ", ".join(f"{name} {version}" for name, version in self._facts["packages"].items())
        title = f"# Acceptance on {self._facts['hardware']}, {datetime.now(UTC):%Y-%m-%d}"
        text = f"{title}\n\n{self._kind}; Python {self._facts['python']}, {packages}\n\n{self.table}\n"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.with_name(f"{self._path.name}.md").write_text(text, encoding="utf-8")
        content = {**self._facts, "models": self._kind, "checks": [asdict(one) for one in self.results]}
        self._path.with_name(f"{self._path.name}.json").write_text(
            json.dumps(content, indent=1) + "\n", encoding="utf-8"
        )


@contextmanager
def budget(seconds: float) -> Iterator[None]:
    """Raise inside once the seconds are over."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def result_of(check: Check, bench: Bench, seconds: float) -> Result:
    """Make a check, whatever becomes of it."""
    started = time.monotonic()

    def result(outcome: Literal["passed", "failed", "skipped"], reason: str = "", **figures: Any) -> Result:
        return Result(check.name, outcome, round(time.monotonic() - started, 2), reason, **figures)

    try:
        with budget(seconds):
            figures = check.run(bench)
    except (Skipped, NotAvailable) as error:
        return result("skipped", str(error))
    except TooLong:
        return result("failed", f"took more than its {seconds:g} s")
    except (CheckFailed, SdevalError) as error:
        return result("failed", str(error))
    # Whatever else goes wrong in one check must not lose the others.
    except Exception as error:
        return result("failed", f"{type(error).__name__}: {describe_error(error)}")
    return result("passed", figures=figures)


def run_checks(checks: Sequence[Check], bench: Bench, report: Report, limit: float, slack: float) -> None:
    """Make checks as long as they fit into the time limit; never longer."""
    latest = time.monotonic() + limit
    running = ""

    def give_up() -> None:
        report.add(Result(running, "failed", limit, f"was running when the {limit:.0f} s of all checks were over"))
        print(report.table, flush=True)
        # The main thread hangs in a call that no signal reaches.
        os._exit(1)

    watchdog = threading.Timer(limit, give_up)
    watchdog.daemon = True
    watchdog.start()
    for check in checks:
        running, seconds = check.name, check.seconds * slack
        left = latest - time.monotonic()
        if check.needs_gpu and bench.device != "cuda":
            report.add(Result(check.name, "skipped", 0.0, check.needs_gpu))
        elif seconds > left:
            reason = f"takes up to {seconds:.0f} s, and {left:.0f} of {limit:.0f} s are left"
            report.add(Result(check.name, "skipped", 0.0, reason))
        else:
            report.add(result_of(check, bench, seconds))
        print(f"{check.name}: {report.results[-1].outcome}", file=sys.stderr, flush=True)
    watchdog.cancel()


def main() -> int:
    names = [check.name for check in CHECKS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--tiny", action="store_true", help="small models, to try the program itself")
    parser.add_argument("--only", action="append", choices=names, default=[], help="make this check alone; repeatable")
    parser.add_argument("--limit", type=float, default=470.0, metavar="S", help="seconds that all may take together")
    parser.add_argument("--slack", type=float, default=1.0, metavar="N", help="budgets are multiplied by this")
    parser.add_argument("--output", type=Path, default=Path("docs/gpu"), help="folder of the files")
    args = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    calm_threads()
    import torch

    if args.device == "cuda" and not torch.cuda.is_available():
        print("no GPU that CUDA can use; to try the program: --device cpu --tiny", file=sys.stderr)
        return 2
    with TemporaryDirectory(prefix="sdeval-acceptance-") as text:
        bench = Bench(args.device, tiny=args.tiny, folder=Path(text))
        report = Report(bench, args.output, describe())
        chosen = [check for check in CHECKS if not args.only or check.name in args.only]
        run_checks(chosen, bench, report, args.limit, args.slack)
    print(report.table)
    return int(any(result.outcome == "failed" for result in report.results))


if __name__ == "__main__":
    sys.exit(main())
