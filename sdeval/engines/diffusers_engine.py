"""Loads a target once and gives a pipeline for each task; all tasks share the same weights."""

from __future__ import annotations

import inspect
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import diffusers
import torch
import transformers
from diffusers import DiffusionPipeline

from sdeval._utils import environment
from sdeval._utils.truncation import unread_part
from sdeval._utils.validation import check_value
from sdeval.config.case import Sample, Task
from sdeval.config.suite import Suite
from sdeval.config.target import FIELDS, Target
from sdeval.engines.arguments import number_format
from sdeval.engines.attempt import attempt, check_timeout
from sdeval.engines.checkpoints import check_task, find_model
from sdeval.engines.components import DENOISERS, find_parts, parts_of
from sdeval.engines.configure import attention_of, check_scheduler, place, prepare
from sdeval.engines.digests import model_digests
from sdeval.engines.effects import Request
from sdeval.engines.families import family_of, generation_part
from sdeval.engines.generated import Generated
from sdeval.engines.generation import generate_batch, smoke
from sdeval.engines.pipeline_classes import PipelineClass, call_parameters, pipeline_class, shared_pipeline
from sdeval.engines.weights import loaded_dtype, whole_weights
from sdeval.errors import SdevalError, describe_error, first_line, unknown

UNLIMITED = 10**6
"""More tokens than any prompt has."""
_OURS = frozenset(
    (
        *("self", "args", "kwargs", "prompt", "prompt_2", "image", "mask_image", "negative_prompt", "generator"),
        *("control_image", "ip_adapter_image", "ip_adapter_image_embeds"),
        *("output_type", "return_dict", "latents", "prompt_embeds", "negative_prompt_embeds"),
        *("num_images_per_prompt", "callback_on_step_end", "callback_on_step_end_tensor_inputs"),
    )
)
"""Call arguments that cases give, or that would change what a sample is."""


class LoadedTarget:
    """A target whose weights are in memory.

    Example:
        >>> loaded = LoadedTarget(shipped_targets()["shapes"])
        >>> loaded.pipeline("img2img")("a red circle", image=image).images[0]
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.device = pick_device(target.device)
        self._pipelines: dict[Task, DiffusionPipeline] = {}
        self._placed: DiffusionPipeline | None = None
        self._tried: set[Task] = set()
        self._warm: set[Task] = set()
        self._dtypes: dict[str, str] = {}
        self.load_seconds = 0.0

    def pipeline(self, task: Task) -> DiffusionPipeline:
        """The pipeline that does `task`, loaded at the first call.

        Raises:
            SdevalError: the target cannot be loaded, cannot do the task, or a switch of it would have no effect.
            NotAvailable: weights, hardware or a package is missing.
        """
        if task not in self._pipelines:
            folder = find_model(self.target)
            check_task(self.target, folder, task)
            self._pipelines[task] = self._shared(folder, task) if self._pipelines else self._fresh(folder, task)
        pipeline = self._pipelines[task]
        if pipeline is not self._placed:
            # Tasks share their parts, and what moves those in and out belongs to one pipeline at a time.
            with warnings.catch_warnings():
                # Half precision on a processor is slow, not wrong: the user asked for it.
                warnings.filterwarnings("ignore", message=".*float16.*cpu.*")
                try:
                    place(pipeline, self.target, self.device)
                except RuntimeError as error:
                    message = f"cannot be moved to {self.device}: {describe_error(error)}"
                    raise SdevalError(f"target {self.target.name}: {self.target.model} {message}") from error
            self._placed = pipeline
        return pipeline

    def generate(self, task: Task, batch: Sequence[Sample], settings: Mapping[str, Any]) -> list[Generated]:
        """Generate a batch in one call; before the first one, a scheduler that was chosen is tried for two steps.

        Raises:
            CallFailed: the pipeline failed with this batch, or took too long.
            SdevalError: it can generate nothing.
        """
        check_timeout(self.target)
        pipeline = self.pipeline(task)
        if (self.target.scheduler or self.target.scheduler_config) and task not in self._tried:
            smoke(pipeline, batch[0], settings)
            self._tried.add(task)
        warming = task not in self._warm
        self._warm.add(task)
        # Compiling takes longer than any call.
        timeout = None if warming and self.target.compile else self.target.timeout
        images = attempt(lambda: generate_batch(pipeline, batch, settings), timeout)
        return [replace(image, warming=warming) for image in images]

    @property
    def environment(self) -> Mapping[str, Any]:
        """Of this process."""
        return environment.describe()

    @property
    def batch_size(self) -> int:
        """Images in one call."""
        return self.target.batch_size

    def describe(self, task: Task) -> dict[str, Any]:
        """What really runs: the classes of the pipeline, its scheduler and its attention, and the device."""
        pipeline = self.pipeline(task)
        return {
            "pipeline": type(pipeline).__name__,
            "scheduler": type(generation_part(pipeline).scheduler).__name__,
            "device": self.device,
            **model_digests(self.target),
            # What was loaded, whatever was asked for; a quantized denoiser has none.
            **({"dtype": self._dtype} if self._dtype else {}),
            **({"attention": attention_of(pipeline)} if self.target.attention else {}),
        }

    @property
    def _dtype(self) -> str:
        """Number format of the denoiser's parameters, as they were loaded; empty where it is quantized."""
        return next((self._dtypes[name] for name in DENOISERS if name in self._dtypes), "")

    def unread(self, task: Task, texts: Iterable[str], settings: Mapping[str, Any]) -> dict[str, str]:
        """What no tokenizer of the pipeline reads of texts that are longer than their limits, by text."""
        readers = tokenizers_of(self.pipeline(task), settings)
        shortest = {text: min((unread_part(text, read) for read in readers), key=len, default="") for text in texts}
        return {text: part for text, part in shortest.items() if part}

    def _fresh(self, folder: Path, task: Task) -> DiffusionPipeline:
        target, started = self.target, time.perf_counter()
        try:
            with _quiet(), whole_weights(target):
                pipeline = pipeline_class(target, folder, task).from_pretrained(
                    str(folder),
                    **number_format(target.dtype),
                    variant=target.variant,
                    use_safetensors=True,
                    **parts_of(target, folder, task),
                )
        except SdevalError:
            raise
        # Each library has errors of its own for files that are corrupt or do not fit.
        except Exception as error:
            raise SdevalError(
                f"target {target.name}: {target.model} does not load for {task}: {describe_error(error)}"
            ) from error
        self._dtypes = loaded_dtype(pipeline, target)
        with _quiet():
            prepare(pipeline, target)
        self.load_seconds = time.perf_counter() - started
        return pipeline

    def _shared(self, folder: Path, task: Task) -> DiffusionPipeline:
        first = next(iter(self._pipelines.values()))
        try:
            pipeline = shared_pipeline(first, pipeline_class(self.target, folder, task))
        except TypeError as error:
            raise SdevalError(f"target {self.target.name}: cannot do {task}: {first_line(error)}") from error
        pipeline.set_progress_bar_config(disable=True)
        return pipeline


def tokenizers_of(pipeline: DiffusionPipeline, settings: Mapping[str, Any]) -> list[Callable[[str], list[int]]]:
    """The tokenizers of a pipeline, each cut at its limit as the pipeline cuts."""
    default = inspect.signature(type(pipeline).__call__).parameters.get("max_sequence_length")
    longest = settings.get("max_sequence_length") or (default.default if default else None)
    tokenizers = [part for name, part in pipeline.components.items() if "tokenizer" in name and part is not None]
    return [_cut_tokens(tokenizer, longest) for tokenizer in tokenizers]


def _cut_tokens(tokenizer: Any, longest: Any) -> Callable[[str], list[int]]:
    limit = tokenizer.model_max_length
    # Pipelines give their own limit to the others; CLIP has a fixed number of positions.
    if isinstance(longest, int) and "CLIP" not in type(tokenizer).__name__:
        limit = min(limit, longest)
    # transformers' sign for a tokenizer without a limit is a number of thirty digits.
    limit = min(limit, UNLIMITED)
    return lambda text: list(tokenizer(text, truncation=True, max_length=limit).input_ids)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the progress bars that diffusers and transformers generate for every part of a model."""
    libraries = (diffusers.utils.logging, transformers.utils.logging)
    active = [library for library in libraries if library.is_progress_bar_enabled()]
    for library in active:
        library.disable_progress_bar()
    try:
        yield
    finally:
        for library in active:
            library.enable_progress_bar()


def pick_device(name: str) -> str:
    """`auto` is the first accelerator, or the processor."""
    if name != "auto":
        return name
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def check(target: Target, task: Task, settings: Mapping[str, Any]) -> None:
    """Find out, without loading weights, whether a target can do a task with these settings.

    Raises:
        SdevalError: model, scheduler or a setting is wrong; lists the near matches.
        NotAvailable: its weights are not on this machine.
    """
    check_timeout(target)
    folder = find_model(target)
    check_task(target, folder, task)
    kind = pipeline_class(target, folder, task)
    if target.scheduler or target.scheduler_config:
        check_scheduler(target, kind.__name__, folder)
    if target.ip_adapter and not ("ip_adapter_image" in call_parameters(kind) and hasattr(kind, "load_ip_adapter")):
        raise SdevalError(f"target {target.name}: ip_adapter: a {kind.__name__} takes none")
    find_parts(target, folder)
    check_settings(kind, settings)


def check_settings(kind: PipelineClass, settings: Mapping[str, Any]) -> None:
    """Refuse call arguments that a pipeline does not have, which many swallow in silence, and values of another kind.

    Raises:
        SdevalError: an unknown one, with the near matches among arguments and target fields; or what it must be.
    """
    allowed = known_settings(kind)
    for name, value in settings.items():
        if name not in allowed:
            raise SdevalError(f"{kind.__name__}: {unknown('setting', name, [*allowed, *FIELDS])}")
        check_value(value, _plain_kind(kind, name), name, kind.__name__)


def _plain_kind(kind: PipelineClass, name: str) -> Any:
    """What a call argument is annotated as, where that is a number, text, or true and false; anything otherwise."""
    annotation = call_parameters(kind)[name].annotation
    inside = set(get_args(annotation)) or {annotation}
    return annotation if inside <= {int, float, str, bool, type(None)} else Any


def known_settings(kind: PipelineClass) -> list[str]:
    """Call arguments of a pipeline that a suite or a target may set."""
    return [name for name in call_parameters(kind) if name not in _OURS]


def request_of(target: Target, suite: Suite) -> Request:
    """What a suite asks of a target's pipeline."""
    folder = find_model(target)
    return Request(target, folder, pipeline_class(target, folder, suite.task), suite.settings, suite.cases)


def largest_batch(target: Target, task: Task) -> int:
    """Images that one call may have: the target's, or one where diffusers generates batches of its kind wrongly."""
    name = pipeline_class(target, find_model(target), task).__name__
    # Several images of a union of controlnets are several controls, and several references are those of every prompt.
    is_mixed = "ControlNetUnion" in name or target.ip_adapter is not None
    return 1 if is_mixed or task in family_of(name).one_at_a_time else target.batch_size


def fitting_settings(target: Target, task: Task) -> dict[str, Any]:
    """Those of a target's settings that its pipeline for a task has."""
    allowed = known_settings(pipeline_class(target, find_model(target), task))
    return {name: value for name, value in target.settings.items() if name in allowed}
