"""What generates: a model and the way it is run. Pure data; `pipelines` turns it into something that generates."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from sdeval._utils import validation as typed
from sdeval._utils.validation import Plain
from sdeval.config.names import naming_problem
from sdeval.errors import SdevalError, unknown

Dtype = Literal["float32", "float16", "bfloat16"]
SHORT_DTYPES: Mapping[str, Dtype] = {
    "fp32": "float32",
    "fp16": "float16",
    "half": "float16",
    "bf16": "bfloat16",
}
"""Other names that users give them."""
EMBEDDED = "embedded:shapes"
"""The model that comes with sdeval, independent of the folder that it is installed in."""
OWN = "python:"
"""How the model of a target begins that is a program of one's own."""
SERVERS = ("openai-images:", "comfyui:", "a1111:", "sdcpp:")
"""How the model of a target begins that is a server; the URL of the server follows."""
NAME = r"[a-z0-9]+(?:[.-][a-z0-9]+)*"
DEVICES = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target(typed.Checked):
    """A model and how it is run.

    Raises:
        SdevalError: a value is not allowed; says which are.
    """

    name: str
    """What ids and folders call it: lower-case words, digits, dots and hyphens."""
    model: str
    """A folder in diffusers format, a hub id, `embedded:shapes`, a program (`python:FILE.py:NAME`), or a server
    (`openai-images:URL`, `comfyui:URL`, `a1111:URL`, `sdcpp:URL`)."""
    revision: str | None = None
    variant: str | None = None
    pipeline: str | None = None
    """Class name of the diffusers pipeline that generates; the one for the model and the task where None."""
    dtype: Dtype = "float32"
    scheduler: str | None = None
    """Class name of a diffusers scheduler; the model's own where None."""
    scheduler_config: Mapping[str, Plain] = field(default_factory=dict)
    """Arguments of the scheduler, over those that the model states."""
    loras: Mapping[str, float] = field(default_factory=dict)
    """Low-rank adaptations and their weights: files or folders of safetensors, or `org/name[/file]` on the hub."""
    vae: str | None = None
    """A folder or hub id whose autoencoder takes the place of the model's."""
    prior: str | None = None
    """A folder or hub id of the prior, for models that have one; their model card names it where None."""
    controlnet: str | None = None
    """A folder or hub id of a network that lets the control images of cases guide the model."""
    ip_adapter: str | None = None
    """Lets the reference images of cases guide the model: a file of safetensors, or `org/name/path/file` on the hub."""
    ip_adapter_scale: float = 1.0
    """How much reference images count, from 0 on."""
    device: str = "auto"
    needs: Literal["cuda"] | None = None
    """Hardware without which the items of this target are skipped, wherever they run."""
    cpu_offload: Literal["model", "sequential"] | None = None
    """Parts wait in main memory until they are needed: whole models, or single layers."""
    attention: str | None = None
    """`xformers`, `sliced`, or an attention backend of diffusers; the library's choice where None."""
    vae_slicing: bool = False
    vae_tiling: bool = False
    channels_last: bool = False
    compile: bool = False
    """Compile the denoiser with torch.compile; the first images pay for it."""
    quantization: Mapping[str, Plain] = field(default_factory=dict)
    """`backend` of diffusers' `PipelineQuantizationConfig`, `components`, and the backend's own arguments."""
    safety_checker: bool = True
    """Whether a checkpoint that has a safety checker keeps it."""
    batch_size: int = 8
    timeout: float | None = None
    """Seconds that one call may take before it is ended and its images are reported as missing; no limit where None."""
    settings: Mapping[str, Plain] = field(default_factory=dict)
    """Arguments of the pipeline call; they override the suite's."""
    server: Mapping[str, Plain] = field(default_factory=dict)
    """Of a server: its dialect, its model, the environment variable with its key, a workflow; see docs/targets.md."""

    def __post_init__(self) -> None:
        where = f"target {typed.label(self.name)}"
        if isinstance(self.dtype, str):
            object.__setattr__(self, "dtype", SHORT_DTYPES.get(self.dtype, self.dtype))
        typed.check(self, where)
        for name in ("settings", "scheduler_config", "loras", "quantization", "server"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        if not re.fullmatch(NAME, self.name):
            raise SdevalError(
                f"target name {typed.preview(self.name)} must be lower-case words and digits joined by hyphens or dots"
            )
        if problem := naming_problem(self.name):
            raise SdevalError(f"target name {typed.preview(self.name)} {problem}")
        if self.device not in DEVICES and not re.fullmatch(r"cuda:\d+", self.device):
            raise SdevalError(f"{where}: {unknown('device', self.device, DEVICES)}")
        if self.batch_size < 1:
            raise SdevalError(f"{where}: batch_size must be a whole number from 1 on, got {self.batch_size}")
        if self.timeout is not None and not self.timeout > 0:
            raise SdevalError(f"{where}: timeout must be a number of seconds above 0, got {self.timeout}")
        if self.quantization and "backend" not in self.quantization:
            raise SdevalError(f"{where}: quantization: backend is missing, such as bitsandbytes_4bit")
        self._check_together(where)

    def _check_together(self, where: str) -> None:
        """Refuse fields that do not go together."""
        if self.server and not self.is_server:
            raise SdevalError(f"{where}: server has no effect: {typed.preview(self.model)} is no server")
        if self.ip_adapter_scale != 1.0 and not self.ip_adapter:
            raise SdevalError(f"{where}: ip_adapter_scale has no effect without an ip_adapter")
        if self.ip_adapter_scale < 0:
            raise SdevalError(f"{where}: ip_adapter_scale must be from 0 on, got {self.ip_adapter_scale}")
        if self.cpu_offload and self.device == "cpu":
            raise SdevalError(f"{where}: cpu_offload moves parts to an accelerator; with device cpu there is none")

    def with_values(self, values: Mapping[str, Any]) -> Target:
        """The target with fields and call settings replaced by name.

        Example:
            >>> Target(name="a", model="b").with_values({"dtype": "bfloat16", "guidance_scale": 1}).dtype
            'bfloat16'
        """
        own = {name: value for name, value in values.items() if name in FIELDS}
        rest = {name: value for name, value in values.items() if name not in FIELDS}
        return replace(self, **own, settings={**self.settings, **rest})

    def describe(self) -> dict[str, Any]:
        """How samples are generated, as plain values: what is on trial when two runs differ.

        Switches that are left alone are left out: a new one must not look like a change. How long a call may take says
        nothing of its image.
        """
        values = {
            attribute.name: getattr(self, attribute.name)
            for attribute in fields(self)
            if attribute.name not in ("name", "timeout")
        }
        plain_values = {name: dict(value) if isinstance(value, Mapping) else value for name, value in values.items()}
        return {
            name: value for name, value in plain_values.items() if name in _ALWAYS_DESCRIBED or value != _DEFAULTS[name]
        }

    @property
    def is_own(self) -> bool:
        """Whether it is a program of one's own, and no diffusers pipeline."""
        return self.model.startswith(OWN)

    @property
    def is_server(self) -> bool:
        """Whether a server generates, and no program of this machine."""
        return self.model.startswith(SERVERS)

    @property
    def is_pipeline(self) -> bool:
        """Whether diffusers generates."""
        return not self.is_own and not self.is_server

    @property
    def fingerprint(self) -> str:
        """Hash of `describe()`, 16 hex digits."""
        return hashlib.sha256(json.dumps(self.describe(), sort_keys=True, default=str).encode()).hexdigest()[:16]


FIELDS = tuple(attribute.name for attribute in fields(Target) if attribute.name not in ("name", "settings"))
"""Fields that `--sdeval-set` and named targets may give."""


_ALWAYS_DESCRIBED = ("model", "dtype", "scheduler", "device", "batch_size", "settings")
_DEFAULTS: dict[str, Any] = {
    attribute.name: {} if attribute.default is MISSING else attribute.default
    for attribute in fields(Target)
    if attribute.name != "name"
}


def find(text: str, named: Mapping[str, Target]) -> Target:
    """A target by name, by folder, by hub id, a program of one's own (`python:FILE.py:NAME`), or a server.

    A text that names no target is a folder where it exists or looks like one (`./x`, `/x`, `~/x`), and a hub id
    where it has one slash in it.

    Raises:
        SdevalError: it is none of these; lists the near matches.
    """
    if text in named:
        return named[text]
    if text.startswith(OWN):
        module, _, name = text.removeprefix(OWN).rpartition(":")
        return Target(name=slug(f"{Path(module.removesuffix('.py')).name.rpartition('.')[2]}-{name}"), model=text)
    if text.startswith(SERVERS):
        return Target(name=slug(text.partition("://")[2]), model=text)
    folder = _folder(text)
    if folder is not None:
        return Target(name=slug(folder.resolve().name), model=str(folder))
    if text.startswith(("/", ".", "~")) or text.count("/") > 1:
        raise SdevalError(f"target: no such folder: {typed.readable(text)}")
    if text.count("/") == 1:
        return Target(name=slug(text.split("/")[1]), model=text)
    raise SdevalError(
        f"{unknown('target', text, named, 'sdeval targets')}; a folder, a hub id such as org/model, "
        "python:FILE.py:NAME, or a server such as comfyui:URL is allowed too"
    )


def _folder(text: str) -> Path | None:
    """The folder that a text names, if there is one."""
    try:
        folder = Path(text).expanduser()
        return folder if text and folder.is_dir() else None
    # A name too long for a file, a folder that may not be read, nobody's home.
    except (OSError, RuntimeError):
        return None


def slug(text: str) -> str:
    """A text as ids and folder names hold it.

    Example:
        >>> slug("Stable_Diffusion v1.5")
        'stable-diffusion-v1.5'
    """
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.") or "target"


def parse_settings(texts: Iterable[str]) -> dict[str, Any]:
    """`KEY=VALUE` texts as values: numbers, true and false, null, otherwise text.

    Raises:
        SdevalError: no equals sign, or no key before it.
    """
    values: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise SdevalError(f"setting {text!r}: must be KEY=VALUE, such as guidance_scale=4")
        values[key.strip()] = _value(value.strip())
    return values


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    # Also numbers of thousands of digits, and thousands of brackets.
    except (ValueError, RecursionError):
        return text


def _no_number(text: str) -> float:
    raise SdevalError(f"setting: {text} is no number that can be used")
