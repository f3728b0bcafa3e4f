"""AUTOMATIC1111's web UI and its forks (Forge, SD.Next), by their API below /sdapi/v1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sdeval.config.case import Task
from sdeval.config.target import Target
from sdeval.engines.servers.images import decode, from_base64, only, to_base64
from sdeval.engines.servers.options import FieldOptions, client_of, options_of
from sdeval.engines.servers.protocol import SIZE, Answer, Facts, ImageRequest
from sdeval.errors import CallFailed, SdevalError, one_line, unknown

NAMES = {
    "seed": "seed",
    "num_inference_steps": "steps",
    "guidance_scale": "cfg_scale",
    "negative_prompt": "negative_prompt",
}
OWN = ("sampler_name", "scheduler", "eta", "subseed", "subseed_strength", "distilled_cfg_scale")
"""Settings that a suite may state by the server's own names."""
OWN_IN_MASKS = ("mask_blur", "inpainting_fill", "inpaint_full_res", "inpaint_full_res_padding")
CONSTANTS: Mapping[str, Any] = {
    "batch_size": 1,
    "n_iter": 1,
    "send_images": True,
    "save_images": False,
    "override_settings": {"samples_format": "png"},
    "override_settings_restore_afterwards": True,
}
MASKED: Mapping[str, Any] = {
    "mask_blur": 0,
    "inpainting_fill": 1,
    "inpaint_full_res": False,
    "inpainting_mask_invert": 0,
}
"""What keeps a mask as it is: the server's own defaults blur it, and paint a cut-out of the image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class A1111Options(FieldOptions):
    """The table `server` of a target `a1111:URL`."""

    model: str = ""
    """The checkpoint, as the server lists it; the one that is loaded where empty."""


class A1111Server:
    """One server.

    Args:
        target: its URL, its options and its time limit.
    """

    name = "a1111"
    states_times = False

    def __init__(self, target: Target) -> None:
        self._where = f"target {target.name}"
        self._options = options_of(target, A1111Options)
        self.client = client_of(target, self._options, basic=True)

    def parameters(self, task: Task) -> Mapping[str, str]:
        """All that the API has a name for."""
        if task == "edit":
            raise SdevalError(f"{self._where}: {self.name} cannot do edit: its API has no such thing; ask for img2img")
        strength = () if task == "text2img" else ("strength",)
        masks = OWN_IN_MASKS if task == "inpainting" else ()
        return dict.fromkeys((*NAMES, *OWN, *SIZE, *strength, *masks), "")

    def inputs_problem(self, count: int) -> str:
        """It takes one init image."""
        return "" if count == 1 else f"{self.name} takes one, got {count}"

    def connect(self) -> Facts:
        """The checkpoint, and the version where the server tells it."""
        if self._options.model:
            self._check_model()
            return Facts(version=self._version(), model=self._options.model)
        options = self.client.get("/sdapi/v1/options")
        if not isinstance(options, Mapping):
            raise SdevalError(
                f"{self.client.url}/sdapi/v1/options: answered no options: {one_line(repr(options))[:80]}"
            )
        return Facts(version=self._version(), model=one_line(str(options.get("sd_model_checkpoint") or "")))

    def _check_model(self) -> None:
        models = self.client.get("/sdapi/v1/sd-models")
        entries = [entry for entry in models if isinstance(entry, Mapping)] if isinstance(models, list) else []
        names = {str(entry[key]) for entry in entries for key in ("title", "model_name") if entry.get(key)}
        if self._options.model not in names:
            raise SdevalError(f"{self._where}: server.model: {unknown('model', self._options.model, names)}")

    def _version(self) -> str:
        try:
            system = self.client.get("/internal/sysinfo")
        except CallFailed:
            return ""
        return one_line(str(system.get("Version") or "")) if isinstance(system, Mapping) else ""

    def generate(self, request: ImageRequest) -> Answer:
        """One image."""
        path = "/sdapi/v1/txt2img" if request.task == "text2img" else "/sdapi/v1/img2img"
        where = f"{self.client.url}{path}"
        answer = self.client.post(path, self._body(request))
        image = only(answer, "images", where)
        return Answer(decode(from_base64(image, where), where))

    def _body(self, request: ImageRequest) -> dict[str, Any]:
        own = {name: value for name, value in request.values.items() if name in (*OWN, *OWN_IN_MASKS)}
        body = {"prompt": request.prompt, **CONSTANTS}
        if self._options.model:
            body["override_settings"] = {**body["override_settings"], "sd_model_checkpoint": self._options.model}
        if request.size:
            body |= dict(zip(SIZE, request.size, strict=True))
        if request.image is not None:
            body |= {"init_images": [to_base64(request.image)], "include_init_images": False}
        if "strength" in request.values:
            body["denoising_strength"] = request.values["strength"]
        if request.mask is not None:
            # No transparency: it would be taken for the mask, and the other way round.
            body |= {**MASKED, "mask": to_base64(request.mask)}
        translated = {NAMES[name]: value for name, value in request.values.items() if name in NAMES}
        return {**body, **translated, **own, **self._options.fields}

    def describe(self) -> dict[str, Any]:
        """Nothing besides what the target says."""
        return {}

    def announcements(self) -> list[str]:
        """Nothing."""
        return []
