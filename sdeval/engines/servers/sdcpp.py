"""The server of stable-diffusion.cpp by its own API: a job is handed in, and asked for until it is done."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from sdeval.config.case import Task
from sdeval.config.target import Target
from sdeval.engines.servers.dialects import translate
from sdeval.engines.servers.images import image_in, only, shown, to_base64
from sdeval.engines.servers.options import FieldOptions, client_of, options_of
from sdeval.engines.servers.protocol import SIZE, Answer, Facts, ImageRequest
from sdeval.errors import CallFailed, SdevalError, one_line

NAMES = {
    "seed": "seed",
    "negative_prompt": "negative_prompt",
    "strength": "strength",
    "clip_skip": "clip_skip",
    "num_inference_steps": "sample_params.sample_steps",
    "guidance_scale": "sample_params.guidance.txt_cfg",
    "distilled_guidance": "sample_params.guidance.distilled_guidance",
    "img_cfg": "sample_params.guidance.img_cfg",
    "sample_method": "sample_params.sample_method",
    "scheduler": "sample_params.scheduler",
    "eta": "sample_params.eta",
    "flow_shift": "sample_params.flow_shift",
}
FEATURES: Mapping[Task, tuple[str, ...]] = {
    "text2img": (),
    "img2img": ("init_image",),
    "inpainting": ("init_image", "mask_image"),
    "edit": ("ref_images",),
}
"""What the loaded model must be able to do for a task."""
SHORTEST, LONGEST = 0.02, 0.5
"""Seconds between two questions."""
PENDING = ("queued", "generating")


class SdcppServer:
    """One server.

    Args:
        target: its URL, its options and its time limit.
    """

    name = "sd.cpp"
    states_times = False

    def __init__(self, target: Target) -> None:
        self._where = f"target {target.name}"
        self._options = options_of(target, FieldOptions)
        self._features: Mapping[str, Any] = {}
        self.client = client_of(target, self._options)

    def parameters(self, task: Task) -> Mapping[str, str]:
        """All that the API has a name for."""
        for feature in FEATURES[task]:
            if self._features.get(feature) is False:
                raise SdevalError(f"{self._where}: {task}: {self.client.url} says that its model takes no {feature}")
        names = [name for name in NAMES if name != "strength" or "init_image" in FEATURES[task]]
        return dict.fromkeys((*names, *SIZE), "")

    def inputs_problem(self, count: int) -> str:
        """It takes any number; what the model does with them is its own affair."""
        return ""

    def connect(self) -> Facts:
        """The model that is loaded, and what it can do."""
        answer = self.client.get("/sdcpp/v1/capabilities")
        if not isinstance(answer, Mapping):
            where = f"{self.client.url}/sdcpp/v1/capabilities"
            raise SdevalError(f"{where}: answered no capabilities: {shown(answer)}")
        modes = answer.get("features_by_mode")
        features = modes.get("img_gen") if isinstance(modes, Mapping) else None
        self._features = features if isinstance(features, Mapping) else {}
        model = answer.get("model")
        name = model.get("name") or model.get("stem") if isinstance(model, Mapping) else model
        return Facts(model=one_line(str(name or "")))

    def generate(self, request: ImageRequest) -> Answer:
        """One image."""
        path = "/sdcpp/v1/img_gen"
        job = self.client.post(path, self._body(request))
        number = job.get("id") if isinstance(job, Mapping) else None
        if not isinstance(number, str) or not number.replace("_", "").replace("-", "").isalnum():
            raise CallFailed(f"{self.client.url}{path}: answered without the id of a job: {shown(job)}")
        job_path = f"/sdcpp/v1/jobs/{number}"
        where = f"{self.client.url}{job_path}"
        done = self._wait(job_path)
        if done.get("status") != "completed":
            raise CallFailed(f"{where}: the job {done.get('status')!s:.20}: {one_line(str(done.get('error')))}")
        result = done.get("result")
        image = only(result, "images", where)
        # Its own times are whole seconds, too coarse to compare.
        return Answer(image_in(image, self.client, where))

    def _wait(self, path: str) -> Mapping[str, Any]:
        """The job, once it is over."""
        pause = SHORTEST
        while True:
            try:
                job = self.client.get(path)
                if not isinstance(job, Mapping):
                    raise CallFailed(f"{self.client.url}{path}: answered no job: {shown(job)}")
                if job.get("status") not in PENDING:
                    return job
                time.sleep(min(pause, self.client.seconds_left))
            except CallFailed:
                self._cancel(path)
                raise
            pause = min(LONGEST, 1.5 * pause)

    def _cancel(self, path: str) -> None:
        """A job that nobody waits for must not delay the next one."""
        try:
            with self.client.cleanup():
                self.client.post(f"{path}/cancel", {})
        except CallFailed:
            pass

    def _body(self, request: ImageRequest) -> dict[str, Any]:
        body: dict[str, Any] = {"prompt": request.prompt, "batch_count": 1, "output_format": "png"}
        if request.size:
            body |= dict(zip(SIZE, request.size, strict=True))
        if request.task == "edit":
            body["ref_images"] = list(map(to_base64, request.inputs))
        elif request.image is not None:
            body["init_image"] = to_base64(request.image)
        if request.mask is not None:
            body["mask_image"] = to_base64(request.mask)
        return {**body, **translate(NAMES, request), **self._options.fields}

    def describe(self) -> dict[str, Any]:
        """Nothing besides what the target says."""
        return {}

    def announcements(self) -> list[str]:
        """Nothing."""
        return []
