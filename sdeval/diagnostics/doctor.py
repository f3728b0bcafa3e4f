"""Self-checks: whether a target generates the same twice, alone and in company, and whether the machine can judge."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image

from sdeval.config.case import TASKS, Case, Sample, Task
from sdeval.config.suite import Suite
from sdeval.config.target import Target
from sdeval.engines.engine import Engine, check
from sdeval.engines.generated import Generated, to_image
from sdeval.errors import CallFailed, NotAvailable, SdevalError
from sdeval.evaluation.self_check import SelfCheck
from sdeval.imaging.io import to_pixels, write_png
from sdeval.imaging.similarity import image_change

State = Literal["fine", "look", "wrong"]
BUSY = 0.5
"""Share of the cores that other work may take before times mean nothing."""
PROMPTS = ("a large red circle on a blue background", "a small white cross on a green background")
STEPS = {"num_inference_steps": 8}
EDGE = 128
"""Pixels of the init image, where the target needs one: attention takes 16 times as long for twice as many."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: State
    found: str
    advice: str = ""
    """What to do; empty where nothing has to be done."""


def suite_for(target: Target, folder: Path, task: Task | None = None) -> Suite:
    """Two cases of a task.

    Args:
        target: what generates.
        folder: where an init image and a mask go, if the task has some.
        task: where none is named, the first that a pipeline can do; a program of one's own and a server are asked for
            text2img.

    Raises:
        NotAvailable: weights or hardware are missing.
        SdevalError: it can do none, or a setting is wrong.
    """
    if not target.is_pipeline:
        suite = _suite(target, task or "text2img", {}, folder)
        check(target, suite.task, target.settings)
        return suite
    errors = []
    for candidate in (task,) if task else TASKS:
        try:
            check(target, candidate, {**STEPS, **target.settings})
            return _suite(target, candidate, STEPS, folder)
        except NotAvailable:
            raise
        except SdevalError as error:
            errors.append(error)
    raise errors[0]


def _suite(target: Target, task: Task, settings: Mapping[str, Any], folder: Path) -> Suite:
    image, mask = folder / "image.png", folder / "mask.png"
    write_png(image, to_image(np.indices((EDGE, EDGE, 3)).sum(axis=0) / (2 * EDGE)))
    # A mask that paints everything would be refused.
    write_png(mask, Image.fromarray(np.where(np.indices((EDGE, EDGE))[0] < EDGE // 2, 255, 0).astype(np.uint8)))
    inputs: dict[str, Any] = {
        "image": image if task != "text2img" else None,
        "mask": mask if task == "inpainting" else None,
        "control_image": image if target.controlnet else None,
        "reference_image": image if target.ip_adapter else None,
    }
    cases = tuple(Case(id=f"case-{number}", prompt=prompt, **inputs) for number, prompt in enumerate(PROMPTS))
    return Suite(name="doctor", task=task, cases=cases, seeds=(0,), settings=settings)


def count_calls(engine: Engine) -> int:
    """How many times `examine` reports that it is further: after each call that it always makes."""
    return 3 if engine.batch_size == 1 else 4


def examine(
    engine: Engine,
    suite: Suite,
    settings: Mapping[str, Any],
    samples: Sequence[Sample],
    progress: Callable[[int], None] = lambda _: None,
) -> list[Check]:
    """Check a target on samples of a suite, and the machine.

    Args:
        engine: what generates.
        suite: for its task.
        settings: arguments of the pipeline call.
        samples: at least one, alike enough for one pipeline call.
        progress: called with 1 after each of `count_calls` calls.

    Raises:
        SdevalError: the target does not generate an image of them.
    """
    try:
        return [*_examine_images(engine, suite.task, settings, samples, progress), *machine()]
    except CallFailed as error:
        raise SdevalError(f"target {engine.target.name}: cannot generate an image: {error}") from error


def _examine_images(
    engine: Engine,
    task: Task,
    settings: Mapping[str, Any],
    samples: Sequence[Sample],
    progress: Callable[[int], None],
) -> Iterator[Check]:
    def generate(*batch: Sample) -> Generated:
        image = engine.generate(task, batch, settings)[0]
        progress(1)
        return image

    first = samples[0]
    alone = generate(first)
    yield repeatable(alone, generate(first))
    if engine.batch_size == 1:
        yield Check("batches", "fine", "every image is generated in a call of its own")
    else:
        together = generate(first, *samples[1:])
        mixed = len(samples) > 1 and SelfCheck(engine, task, settings).is_mixed(*samples[:2])
        yield alone_or_together(alone, together, mixed=mixed)
    yield check_seeds(alone, generate(Sample(first.case, first.seed + 1)))


def repeatable(first: Generated, second: Generated) -> Check:
    """The same sample, twice."""
    difference, kind = _difference(first, second)
    if kind == "identical":
        return Check("repeatable", "fine", "the same sample twice is the same to the last bit")
    advice = "a sample must depend on case and seed alone: look for unseeded noise, and set deterministic algorithms"
    return Check("repeatable", "look" if kind == "imperceptible" else "wrong", difference, advice)


def alone_or_together(alone: Generated, together: Generated, *, mixed: bool = False) -> Check:
    """The same sample, by itself and in a batch.

    Args:
        alone: by itself.
        together: in a batch.
        mixed: whether it changes with the sample beside it, in batches of the same size.
    """
    difference, kind = _difference(alone, together)
    if mixed:
        advice = "generate one image at a time: set batch_size = 1 for this target"
        return Check("batches", "wrong", "an image shows something of the others in its batch", advice)
    if kind != "changed":
        return Check("batches", "fine", f"alone and in a batch: {difference}")
    advice = "keep --sdeval-batch-size as it is between baseline and run, or 1; in half precision this is usual"
    return Check("batches", "look", f"alone and in a batch: {difference}", advice)


def check_seeds(first: Generated, second: Generated) -> Check:
    """The same case with two seeds."""
    difference, kind = _difference(first, second)
    if kind == "changed":
        return Check("seeds", "fine", f"another seed generates another image: {difference}")
    return Check("seeds", "wrong", f"another seed: {difference}", "the pipeline ignores its generator")


def _difference(first: Generated, second: Generated) -> tuple[str, str]:
    first_pixels, second_pixels = to_pixels(first.image), to_pixels(second.image)
    kind = image_change(first_pixels, second_pixels)
    if kind == "identical" or first_pixels.shape != second_pixels.shape:
        return kind, kind
    change = np.abs(first_pixels.astype(int) - second_pixels)
    return f"{kind}, {change.mean():.2f} levels on average, {change.max()} at most", kind


def machine() -> Iterator[Check]:
    """What spoils determinism or timing."""
    policy = os.environ.get("OMP_WAIT_POLICY")
    calm = (policy or "").upper() == "PASSIVE" or torch.get_num_threads() == 1
    yield Check(
        "threads",
        "fine" if calm else "look",
        f"{torch.get_num_threads()} threads, OMP_WAIT_POLICY={policy}",
        "" if calm else "set OMP_WAIT_POLICY=PASSIVE: beside other work, spinning threads are many times slower",
    )
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    busy = load > BUSY * cores
    yield Check(
        "load",
        "look" if busy else "fine",
        f"{load:.1f} processes on {cores} cores over the last minute",
        "other work is running: times mean little now" if busy else "",
    )
    if torch.cuda.is_available():
        yield from _cuda()


def _cuda() -> Iterator[Check]:
    yield tf32()
    search = torch.backends.cudnn.benchmark
    yield Check(
        "cuDNN benchmark",
        "look" if search else "fine",
        "on" if search else "off",
        "it picks other algorithms from run to run: torch.backends.cudnn.benchmark = False" if search else "",
    )
    free, total = torch.cuda.mem_get_info()
    used = total - free - torch.cuda.memory_reserved()
    shared = used > 0.1 * total
    yield Check(
        "GPU memory",
        "look" if shared else "fine",
        f"{used / 2**30:.1f} of {total / 2**30:.0f} GiB held by others",
        "another process is on this GPU: times mean little now" if shared else "",
    )


def tf32() -> Check:
    """Whether float32 work is rounded on the way: GPUs can from compute capability 8.0 on."""
    major, minor = torch.cuda.get_device_capability()
    if major < 8:
        return Check("TF32", "fine", f"this GPU has none (compute capability {major}.{minor})")
    # Goes before all that torch says.
    if os.environ.get("NVIDIA_TF32_OVERRIDE") == "0":
        return Check("TF32", "fine", "off for all libraries by NVIDIA_TF32_OVERRIDE=0")
    rounded = {"matrix products": _rounds_products(), "convolutions": _rounds_convolutions()}
    state = ", ".join(f"{name} {'TF32' if on else 'IEEE'}" for name, on in rounded.items())
    if not any(rounded.values()):
        return Check("TF32", "fine", state)
    advice = (
        "with dtype=float32 they are rounded to 10 bits: generate baseline and run alike, or set NVIDIA_TF32_OVERRIDE=0"
    )
    return Check("TF32", "look", state, advice)


def _rounds_products() -> bool:
    matmul = torch.backends.cuda.matmul
    # Where torch has the newer switch, the older one must not be asked once both were used.
    return matmul.fp32_precision == "tf32" if hasattr(matmul, "fp32_precision") else bool(matmul.allow_tf32)


def _rounds_convolutions() -> bool:
    cudnn: Any = torch.backends.cudnn
    return cudnn.conv.fp32_precision == "tf32" if hasattr(cudnn, "conv") else bool(cudnn.allow_tf32)
