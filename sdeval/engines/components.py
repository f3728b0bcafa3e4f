"""Parts of a pipeline that are not the checkpoint's own weights: another autoencoder, a prior, quantised weights."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import diffusers
from diffusers import DiffusionPipeline

from sdeval._utils.files import parse_json, read_text
from sdeval.config.case import Task
from sdeval.config.target import Target
from sdeval.engines.arguments import number_format
from sdeval.engines.checkpoints import find_ip_adapter, find_lora, find_part, find_prior
from sdeval.errors import NotAvailable, SdevalError, first_line, unknown

DENOISERS = ("unet", "transformer")
"""What is quantized where a target names no parts."""


def find_parts(target: Target, folder: Path) -> None:
    """Find out, without loading weights, whether everything that goes into a pipeline is there and fits.

    Raises:
        SdevalError: something is wrong, or would have no effect.
        NotAvailable: weights are not on this machine.
    """
    if target.vae:
        _class_of(target, "vae", find_part(target, "vae", target.vae, "config.json"))
    if target.controlnet:
        _class_of(target, "controlnet", find_part(target, "controlnet", target.controlnet, "config.json"))
    if target.ip_adapter:
        find_ip_adapter(target, target.ip_adapter)
    find_prior(target, folder)
    for text in target.loras:
        find_lora(target, text)
    if not target.safety_checker:
        _without_safety_checker(target, folder)
    if target.quantization:
        _quantization(target, folder)


def parts_of(target: Target, folder: Path, task: Task) -> dict[str, Any]:
    """Arguments of `from_pretrained`: parts that are already loaded, and what to leave out.

    Raises:
        SdevalError: something is wrong, or would have no effect.
        NotAvailable: weights or a package is not on this machine.
    """
    parts: dict[str, Any] = {}
    dtype = number_format(target.dtype)
    for name, text in (("vae", target.vae), ("controlnet", target.controlnet)):
        if text:
            part = find_part(target, name, text, "config.json")
            parts[name] = _class_of(target, name, part).from_pretrained(part, **dtype, use_safetensors=True)
    prior = find_prior(target, folder)
    if prior is not None:
        # Given as parts: a model card of a local folder can only name a hub id or an absolute path.
        pipeline = DiffusionPipeline.from_pretrained(prior, **dtype, use_safetensors=True)
        parts |= {f"prior_{name}": part for name, part in pipeline.components.items()}
    if not target.safety_checker:
        parts |= _without_safety_checker(target, folder)
    if target.quantization:
        parts["quantization_config"] = _quantization(target, folder)
    return parts


_CLASSES = {"vae": r"(Autoencoder|Asymmetric|Consistency)\w*", "controlnet": r"\w*ControlNet\w*Model"}
"""How classes are called that take the place of a part."""


def _class_of(target: Target, part: str, folder: Path) -> Any:
    """The class of a vae or a controlnet in a folder."""
    where = f"target {target.name}: {part}"
    try:
        name = str(parse_json(read_text(folder / "config.json"))["_class_name"])
    except (SdevalError, ValueError, RecursionError, KeyError, TypeError) as error:
        raise SdevalError(f"{where}: {folder / 'config.json'} cannot be read: {error}") from None
    kind = getattr(diffusers, name, None) if re.fullmatch(_CLASSES[part], name) else None
    if kind is None:
        noun = {"vae": "autoencoder"}.get(part, part)
        raise SdevalError(f"{where}: {folder} holds a {name}, which is no {noun} of diffusers")
    return kind


def _without_safety_checker(target: Target, folder: Path) -> dict[str, Any]:
    own = DiffusionPipeline.load_config(folder).get("safety_checker", (None, None))[1]
    if own is None:
        raise SdevalError(f"target {target.name}: safety_checker: {target.model} has none; leave the switch alone")
    return {"safety_checker": None, "requires_safety_checker": False}


def _quantization(target: Target, folder: Path) -> Any:
    """How parts are quantized: diffusers and transformers have classes of their own for the same backend."""
    where = f"target {target.name}: quantization"
    try:
        from diffusers.quantizers import PipelineQuantizationConfig
    # It came with diffusers 0.33.
    except ImportError as error:
        raise NotAvailable(f"{where}: {first_line(error)}") from error
    options = dict(target.quantization)
    backend, components = options.pop("backend"), options.pop("components", None)
    libraries = {
        name: part[0]
        for name, part in DiffusionPipeline.load_config(folder).items()
        if isinstance(part, list | tuple) and part[0] in ("diffusers", "transformers")
    }
    components_or_default = components or [name for name in DENOISERS if name in libraries]
    names = [components_or_default] if isinstance(components_or_default, str) else list(components_or_default)
    for name in names:
        if name not in libraries:
            raise SdevalError(f"{where}: components: {unknown('part', name, libraries)}")
    try:
        if backend == "torchao" and isinstance(options.get("quant_type"), str):
            options["quant_type"] = _torchao_type(options["quant_type"], where)
        kinds = {name: _quantization_class(libraries[name], backend, where) for name in names}
        return PipelineQuantizationConfig(quant_mapping={name: kind(**options) for name, kind in kinds.items()})
    except ImportError as error:
        raise NotAvailable(f"{where}: {error}".splitlines()[0]) from error
    except (TypeError, ValueError) as error:
        raise SdevalError(f"{where}: {error}".splitlines()[0]) from error


def _quantization_class(library: str, backend: str, where: str) -> Any:
    from diffusers.quantizers import auto as of_diffusers
    from transformers.quantizers import auto as of_transformers

    module = of_transformers if library == "transformers" else of_diffusers
    classes = module.AUTO_QUANTIZATION_CONFIG_MAPPING
    if backend not in classes:
        raise SdevalError(f"{where}: {unknown('backend', backend, classes)}")
    return classes[backend]


def _torchao_type(name: str, where: str) -> Any:
    """An object of the class that torchao calls so; text is all that a file of targets can hold."""
    import torchao.quantization

    names = [attribute for attribute in dir(torchao.quantization) if attribute.endswith("Config")]
    if name not in names:
        raise SdevalError(f"{where}: {unknown('quant_type', name, names)}")
    return getattr(torchao.quantization, name)()
