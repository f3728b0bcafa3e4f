"""The dialects of the OpenAI images API: what each server calls what, and which answers tell them apart.

A name that is in no table is not sent: most of these servers pass over what they do not know. Whether they read what
is in the table is found out by the probe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sdeval.config.case import Task
from sdeval.engines.servers.protocol import ImageRequest

DIFFUSERS = {name: name for name in ("seed", "num_inference_steps", "guidance_scale", "negative_prompt")}
"""Of servers that call everything as diffusers does."""
Packing = Literal["fields", "kwargs", "tag"]
"""Where the values go: into fields of the request, into one field as JSON, or into a tag in the prompt."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How one task is asked for."""

    path: str
    names: Mapping[str, str] = field(default_factory=dict)
    """What a suite calls something, and what the server calls it."""
    image: str = ""
    """The field of the init image; empty where there is none."""
    masks: tuple[str, ...] = ()
    """Fields that the mask goes into."""
    form: bool = True
    """Whether it is a form; JSON with images in base64 otherwise."""
    takes_several: bool = False
    """Whether the field of the image may be there several times: input images of an edit."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one kind of server is asked."""

    name: str
    endpoints: Mapping[Task, Endpoint]
    constants: Mapping[str, Any] = field(default_factory=dict)
    """Fields of every request."""
    packing: Packing = "fields"
    times: str = "x"
    """What stands between width and height."""
    white_masks: bool = False
    """Whether masks are plain grey levels; otherwise they say the same with transparency too."""
    version: str = "/version"
    """Where the server tells its version; empty where it does not."""
    states_times: bool = False
    """Whether an answer says how long it took."""
    lossless: str = ""
    """How to get a PNG where the server answers with something else whatever it is asked for."""
    negative_in_prompt: bool = False
    """Whether a negative prompt follows the prompt, after a bar."""
    missing: Mapping[Task, str] = field(default_factory=dict)
    """Why a task cannot be done, and what to do instead."""


EDITS = "/v1/images/edits"


def _edits(names: Mapping[str, str], *masks: str, takes_several: bool = True) -> dict[Task, Endpoint]:
    """Generations and edits, as OpenAI has them."""
    return {
        "text2img": Endpoint("/v1/images/generations", names, form=False),
        "img2img": Endpoint(EDITS, {**names, "strength": "strength"}, "image"),
        "inpainting": Endpoint(EDITS, {**names, "strength": "strength"}, "image", masks),
        "edit": Endpoint(EDITS, names, "image", takes_several=takes_several),
    }


def _own(*names: str) -> dict[str, str]:
    return {name: name for name in names}


PNG_IN_BASE64 = {"response_format": "b64_json", "output_format": "png"}
_OPENAI_EDITS = _own("quality", "background", "input_fidelity")
OPENAI = Dialect(
    "openai",
    {
        "text2img": Endpoint("/v1/images/generations", _own("quality", "background", "moderation"), form=False),
        "img2img": Endpoint(EDITS, _OPENAI_EDITS, "image[]"),
        "inpainting": Endpoint(EDITS, _OPENAI_EDITS, "image[]", ("mask",)),
        "edit": Endpoint(EDITS, _OPENAI_EDITS, "image[]", takes_several=True),
    },
    constants={"output_format": "png"},
    version="",
)
VLLM_OMNI = Dialect(
    "vllm-omni",
    _edits({**DIFFUSERS, **_own("true_cfg_scale", "flow_shift", "max_sequence_length")}, "mask", "mask_image"),
    constants={**PNG_IN_BASE64, "generator_device": "cpu", "return_stage_metrics": True},
    states_times=True,
)
SGLANG = Dialect(
    "sglang",
    _edits({**DIFFUSERS, **_own("true_cfg_scale", "enable_teacache")}, "mask", "mask_image"),
    constants={**PNG_IN_BASE64, "generator_device": "cpu"},
    states_times=True,
    version="",
)
TENSORRT_LLM = Dialect(
    "tensorrt-llm",
    # It refuses fields that it does not know, and gives PNG unless another format is asked for.
    _edits({**DIFFUSERS, **_own("max_sequence_length")}, "mask", takes_several=False),
    constants={"response_format": "b64_json"},
)
LOCALAI = Dialect(
    "localai",
    {
        "text2img": Endpoint(
            "/v1/images/generations", {"seed": "seed", "num_inference_steps": "step", "negative_prompt": ""}, form=False
        ),
        "img2img": Endpoint(
            "/v1/images/generations",
            {"seed": "seed", "num_inference_steps": "step", "negative_prompt": ""},
            "file",
            form=False,
        ),
        "inpainting": Endpoint("/v1/images/inpainting", {}, "image", ("mask",)),
    },
    constants={"response_format": "b64_json"},
    white_masks=True,
    negative_in_prompt=True,
    missing={"edit": "it has no endpoint for images without strength or mask; ask for img2img"},
)
XINFERENCE = Dialect(
    "xinference",
    {
        "text2img": Endpoint("/v1/images/generations", DIFFUSERS, form=False),
        "img2img": Endpoint("/v1/images/variations", {**DIFFUSERS, "strength": "strength"}, "image"),
        "inpainting": Endpoint(
            "/v1/images/inpainting", {**DIFFUSERS, "strength": "strength"}, "image", ("mask_image",)
        ),
    },
    constants={"response_format": "b64_json"},
    packing="kwargs",
    # Its version 4.1.0 saves all that is opaque as JPEG.
    lossless='its API for web UIs gives PNG: model = "a1111:URL", with server.model',
    times="*",
    white_masks=True,
    version="/v1/cluster/version",
    missing={"edit": "its endpoint for edits takes no seed; ask for img2img"},
)
_NATIVE = 'ask the same server by its own API: model = "sdcpp:URL"'
SDCPP = Dialect(
    "sd.cpp",
    {
        "text2img": Endpoint(
            "/v1/images/generations",
            {
                "seed": "seed",
                "negative_prompt": "negative_prompt",
                "num_inference_steps": "sample_params.sample_steps",
                "guidance_scale": "sample_params.guidance.txt_cfg",
            },
            form=False,
        )
    },
    constants={"output_format": "png"},
    packing="tag",
    version="",
    missing={"img2img": _NATIVE, "inpainting": _NATIVE, "edit": _NATIVE},
)
DIALECTS = {dialect.name: dialect for dialect in (OPENAI, VLLM_OMNI, SGLANG, TENSORRT_LLM, LOCALAI, XINFERENCE, SDCPP)}
OWNERS = {
    "sglang": "sglang",
    "vllm": "vllm-omni",
    "vllm-omni": "vllm-omni",
    "tensorrt_llm": "tensorrt-llm",
    "xinference": "xinference",
}
"""What `owned_by` of a model says, and the dialect that it means."""


def recognise(models: list[Mapping[str, Any]], host: str, answers: Callable[[str], bool]) -> Dialect | None:
    """The dialect that a server speaks, by its list of models; None where that says too little.

    Args:
        models: entries of `/v1/models`.
        host: of the server.
        answers: whether the server has something at a path.
    """
    if host == "api.openai.com":
        return OPENAI
    for model in models:
        if model.get("id") == "sd-cpp-local":
            return SDCPP
        owner = OWNERS.get(str(model.get("owned_by", "")).lower())
        if owner:
            return DIALECTS[owner]
    if answers(XINFERENCE.version):
        return XINFERENCE
    # LocalAI's models have no owner.
    return LOCALAI if models and all("owned_by" not in model for model in models) and answers("/readyz") else None


def translate(names: Mapping[str, str], request: ImageRequest) -> dict[str, Any]:
    """The values of a request by the server's own names; a dot leads into a mapping."""
    translated: dict[str, Any] = {}
    for name, value in request.values.items():
        own_name = names.get(name)
        if not own_name:
            continue
        *folders, last = own_name.split(".")
        place = translated
        for folder in folders:
            place = place.setdefault(folder, {})
        place[last] = value
    return translated
