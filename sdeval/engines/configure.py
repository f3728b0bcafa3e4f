"""Turns on what a target asks for, and refuses what has no effect: diffusers lets much of it pass in silence."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import DiffusionPipeline
from diffusers.schedulers.scheduling_utils import SchedulerMixin

from sdeval.config.target import Target
from sdeval.engines.checkpoints import IMAGE_ENCODER, find_ip_adapter, find_lora, own_scheduler
from sdeval.engines.families import family_of, generation_part
from sdeval.engines.names import LISTING
from sdeval.errors import NotAvailable, SdevalError, describe_error, first_line, unknown


def prepare(pipeline: DiffusionPipeline, target: Target) -> None:
    """Scheduler, adaptations and switches of a target, on a pipeline that was just loaded.

    Raises:
        SdevalError: something does not fit the model, or would have no effect.
        NotAvailable: a package or the weights of an adaptation are missing.
    """
    pipeline.set_progress_bar_config(disable=True)
    if target.scheduler or target.scheduler_config:
        _set_scheduler(pipeline, target)
    _add_loras(pipeline, target)
    if target.ip_adapter:
        _add_ip_adapter(pipeline, target, find_ip_adapter(target, target.ip_adapter))
    _set_vae(pipeline, target)
    if target.channels_last:
        _set_channels_last(pipeline, target)
    if target.attention:
        _set_attention(pipeline, target, target.attention)
    if target.compile:
        denoiser_of(pipeline).compile()


def denoiser_of(pipeline: DiffusionPipeline) -> torch.nn.Module:
    """The model that runs in every step."""
    part = generation_part(pipeline)
    model: torch.nn.Module | None = getattr(part, "unet", None) or getattr(part, "transformer", None)
    if model is None:
        raise SdevalError(f"{type(pipeline).__name__}: holds neither a unet nor a transformer")
    return model


def find_scheduler(name: str) -> type[SchedulerMixin]:
    """A scheduler class of diffusers by its name.

    Raises:
        SdevalError: no such scheduler; lists the near matches.
    """
    names = [
        attribute
        for attribute in dir(diffusers)
        if attribute.endswith("Scheduler") and not attribute.startswith("Flax")
    ]
    if name not in names:
        raise SdevalError(unknown("scheduler", name, names, LISTING))
    scheduler_class: type[SchedulerMixin] = getattr(diffusers, name)
    return scheduler_class


def check_scheduler(target: Target, pipeline_class: str, folder: Path) -> None:
    """Refuse a scheduler that generates nonsense with a family of models, and arguments that it does not have.

    Args:
        target: what asks for it.
        pipeline_class: name of the class that will generate.
        folder: of the model, whose own scheduler tells what it learned.
    """
    own, config = own_scheduler(folder)
    where, name = f"target {target.name}", target.scheduler or own
    kind, family = find_scheduler(name), family_of(pipeline_class)
    fitting = family.schedulers_beside(own, config)
    if not fitting.allow(name, {**config, **target.scheduler_config}):
        hint = (
            f", and with {fitting.condition[0]}={fitting.condition[1]} {_list(fitting.further)}"
            if fitting.condition
            else ""
        )
        raise SdevalError(f"{where}: {name} does not fit a {family.name} model; these do: {_list(fitting.names)}{hint}")
    arguments = set(inspect.signature(kind.__init__).parameters) - {"self"}
    for argument in target.scheduler_config:
        if argument not in arguments:
            raise SdevalError(f"{where}: scheduler_config: {unknown(f'argument of {name}', argument, arguments)}")


def _list(names: Any) -> str:
    return ", ".join(sorted(names))


def _set_scheduler(pipeline: DiffusionPipeline, target: Target) -> None:
    part = generation_part(pipeline)
    kind = find_scheduler(target.scheduler) if target.scheduler else type(part.scheduler)
    where = f"target {target.name}: scheduler {kind.__name__}"
    try:
        scheduler = kind.from_config(part.scheduler.config, **target.scheduler_config)
    except ImportError as error:
        raise NotAvailable(f"{where}: {first_line(error)}") from error
    # Schedulers refuse values of their configuration in each of these ways.
    except (ValueError, NotImplementedError, TypeError) as error:
        raise SdevalError(f"{where}: {first_line(error)}") from error
    part.scheduler = scheduler
    if part is not pipeline:
        # Its own reference is only looked at, never used.
        pipeline.register_modules(scheduler=scheduler)


def _add_loras(pipeline: DiffusionPipeline, target: Target) -> None:
    names = []
    for number, (text, _) in enumerate(target.loras.items()):
        where = f"target {target.name}: loras: {text}"
        if not hasattr(pipeline, "load_lora_weights"):
            raise SdevalError(f"{where}: {type(pipeline).__name__} takes no low-rank adaptations")
        file = find_lora(target, text)
        name = f"lora-{number}"
        try:
            pipeline.load_lora_weights(str(file.parent), weight_name=file.name, adapter_name=name)
        except ImportError as error:
            raise NotAvailable(f"{where}: {first_line(error)}; get it with: pip install peft") from error
        except ValueError as error:
            missing = "PEFT backend is required" in str(error)
            message = "needs peft; get it with: pip install peft" if missing else first_line(error)
            raise (NotAvailable if missing else SdevalError)(f"{where}: {message}") from error
        if not any(name in adapters for adapters in pipeline.get_list_adapters().values()):
            raise SdevalError(f"{where}: changes no part of a {type(pipeline).__name__}")
        names.append(name)
    if names:
        pipeline.set_adapters(names, adapter_weights=list(target.loras.values()))


def _add_ip_adapter(pipeline: DiffusionPipeline, target: Target, file: Path) -> None:
    where = f"target {target.name}: ip_adapter: {target.ip_adapter}"
    options: dict[str, Any] = {"weight_name": file.name, "subfolder": ""}
    if "image_encoder_pretrained_model_name_or_path" in inspect.signature(pipeline.load_ip_adapter).parameters:
        options["image_encoder_pretrained_model_name_or_path"] = str(file.parent / IMAGE_ENCODER)
    try:
        pipeline.load_ip_adapter(str(file.parent), **options)
        pipeline.set_ip_adapter_scale(target.ip_adapter_scale)
    # A file of another kind fails wherever its names or shapes do not fit.
    except Exception as error:
        raise SdevalError(f"{where}: does not fit a {type(pipeline).__name__}: {describe_error(error)}") from error


def _set_vae(pipeline: DiffusionPipeline, target: Target) -> None:
    vae = getattr(pipeline, "vae", None)
    for switch, method, flag in (
        (target.vae_slicing, "enable_slicing", "use_slicing"),
        (target.vae_tiling, "enable_tiling", "use_tiling"),
    ):
        if not switch:
            continue
        if hasattr(vae, method):
            getattr(vae, method)()
        if not getattr(vae, flag, False):
            class_name = type(vae).__name__ if vae is not None else type(pipeline).__name__
            raise SdevalError(f"target {target.name}: vae_{flag[4:]} has no effect: {class_name} has no {method}()")


def _set_channels_last(pipeline: DiffusionPipeline, target: Target) -> None:
    denoiser = denoiser_of(pipeline)
    if not any(weight.dim() == 4 for weight in denoiser.parameters()):
        raise SdevalError(
            f"target {target.name}: channels_last has no effect: {type(denoiser).__name__} convolves nothing"
        )
    denoiser.to(memory_format=torch.channels_last)


def _set_attention(pipeline: DiffusionPipeline, target: Target, name: str) -> None:
    """Ask for an attention, then look whether the layers that run really do it."""
    where, denoiser = f"target {target.name}: attention", denoiser_of(pipeline)
    try:
        if name == "sliced":
            pipeline.enable_attention_slicing()
            has_effect = any("Sliced" in processor for processor in attention_of(pipeline))
        elif name == "xformers" and not _dispatches(denoiser):
            pipeline.enable_xformers_memory_efficient_attention()
            has_effect = any("XFormers" in processor for processor in attention_of(pipeline))
        else:
            has_effect = _dispatches(denoiser)
            if has_effect:
                denoiser.set_attention_backend(name)  # type: ignore[operator]
    except (ImportError, RuntimeError) as error:
        raise NotAvailable(f"{where} {name}: {first_line(error)}") from error
    except ValueError as error:
        missing = "torch.cuda.is_available()" in str(error)
        raise (NotAvailable if missing else SdevalError)(f"{where}: {first_line(error)}") from error
    if not has_effect:
        raise SdevalError(
            f"{where} {name} has no effect on a {type(denoiser).__name__}; it runs {_list(attention_of(pipeline))}"
        )


def _processors(denoiser: torch.nn.Module) -> Mapping[str, Any]:
    return getattr(denoiser, "attn_processors", {})


def _dispatches(denoiser: torch.nn.Module) -> bool:
    """Whether its layers ask diffusers' dispatcher for a backend."""
    return any(hasattr(processor, "_attention_backend") for processor in _processors(denoiser).values())


def attention_of(pipeline: DiffusionPipeline) -> list[str]:
    """Classes of the attention that really runs, with the backend where one was chosen."""

    def names() -> Iterator[str]:
        for processor in _processors(denoiser_of(pipeline)).values():
            backend = getattr(processor, "_attention_backend", None)
            yield type(processor).__name__ + (f" ({getattr(backend, 'value', backend)})" if backend else "")

    return sorted(set(names()))


def place(pipeline: DiffusionPipeline, target: Target, device: str) -> None:
    """Move a pipeline to where it runs.

    Raises:
        SdevalError: offload is asked for, and there is no accelerator to move parts to.
    """
    if target.cpu_offload and device == "cpu":
        raise SdevalError(f"target {target.name}: cpu_offload moves parts to an accelerator, and this machine has none")
    if target.cpu_offload == "model":
        pipeline.enable_model_cpu_offload(device=device)
    elif target.cpu_offload == "sequential":
        pipeline.enable_sequential_cpu_offload(device=device)
    else:
        pipeline.to(device)
