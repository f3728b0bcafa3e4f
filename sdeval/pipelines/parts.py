"""What goes into a pipeline beside the checkpoint's own weights: another autoencoder, a prior, fewer bits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import DiffusionPipeline

from sdeval.errors import NotAvailable, SdevalError, unknown
from sdeval.pipelines.check import find_lora, find_part, find_prior
from sdeval.suite import Task
from sdeval.target import Target


def find_parts(target: Target, folder: Path) -> None:
    """Find out, without loading weights, whether everything that goes into a pipeline is there and fits.

    Raises:
        SdevalError: something is wrong, or would have no effect.
        NotAvailable: weights are not on this machine.
    """
    if target.vae:
        _vae_class(target, find_part(target, "vae", target.vae, "config.json"))
    find_prior(target, folder)
    for text in target.loras:
        find_lora(target, text)
    if not target.safety_checker:
        _without_safety_checker(target, folder)


def parts_of(target: Target, folder: Path, task: Task) -> dict[str, Any]:
    """Arguments of `from_pretrained`: parts that are already loaded, and what to leave out.

    Raises:
        SdevalError: something is wrong, or would have no effect.
        NotAvailable: weights or a package is not on this machine.
    """
    parts: dict[str, Any] = {}
    dtype = getattr(torch, target.dtype)
    if target.vae:
        found = find_part(target, "vae", target.vae, "config.json")
        parts["vae"] = _vae_class(target, found).from_pretrained(found, dtype=dtype, use_safetensors=True)
    prior = find_prior(target, folder)
    if prior is not None:
        # Given as parts: a model card of a local folder can only name a hub id or an absolute path.
        pipeline = DiffusionPipeline.from_pretrained(prior, dtype=dtype, use_safetensors=True)
        parts |= {f"prior_{name}": part for name, part in pipeline.components.items()}
    if not target.safety_checker:
        parts |= _without_safety_checker(target, folder)
    if target.quantization:
        parts["quantization_config"] = _quantization(target)
    return parts


def own_scheduler(folder: Path) -> str:
    """Class of the scheduler that a checkpoint comes with."""
    return str(DiffusionPipeline.load_config(folder).get("scheduler", (None, "no scheduler"))[1])


def _vae_class(target: Target, folder: Path) -> Any:
    try:
        name = str(json.loads((folder / "config.json").read_text(encoding="utf-8"))["_class_name"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SdevalError(f"target {target.name}: vae: {folder / 'config.json'} cannot be read: {error}") from None
    found = getattr(diffusers, name, None) if name.startswith(("Autoencoder", "Asymmetric", "Consistency")) else None
    if found is None:
        raise SdevalError(f"target {target.name}: vae: {folder} holds a {name}, which is no autoencoder of diffusers")
    return found


def _without_safety_checker(target: Target, folder: Path) -> dict[str, Any]:
    own = DiffusionPipeline.load_config(folder).get("safety_checker", (None, None))[1]
    if own is None:
        raise SdevalError(f"target {target.name}: safety_checker: {target.model} has none; leave the switch alone")
    return {"safety_checker": None, "requires_safety_checker": False}


def _quantization(target: Target) -> Any:
    from diffusers.quantizers import PipelineQuantizationConfig
    from diffusers.quantizers.auto import AUTO_QUANTIZER_MAPPING

    given = dict(target.quantization)
    backend, components = given.pop("backend"), given.pop("components", None)
    if backend not in AUTO_QUANTIZER_MAPPING:
        raise SdevalError(f"target {target.name}: quantization: {unknown('backend', backend, AUTO_QUANTIZER_MAPPING)}")
    try:
        return PipelineQuantizationConfig(quant_backend=backend, quant_kwargs=given, components_to_quantize=components)
    except ImportError as error:
        raise NotAvailable(f"target {target.name}: quantization: {error}".splitlines()[0]) from error
    except (TypeError, ValueError) as error:
        raise SdevalError(f"target {target.name}: quantization: {error}".splitlines()[0]) from error
