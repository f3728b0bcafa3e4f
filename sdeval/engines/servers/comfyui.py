"""ComfyUI: a workflow is filled in, queued, and asked for until it is done."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from PIL import Image

from sdeval._utils.files import dump_json
from sdeval._utils.validation import Plain
from sdeval.config.case import Task
from sdeval.config.target import Target
from sdeval.engines.digests import LETTERS
from sdeval.engines.servers.images import both_ways, decode, only, shown, to_png, with_hole
from sdeval.engines.servers.inference import Inference, refuse_ambiguous
from sdeval.engines.servers.options import ServerOptions, client_of, options_of
from sdeval.engines.servers.protocol import COMMON, SIZE, Answer, Facts, ImageRequest
from sdeval.engines.servers.workflow import Place, Workflow
from sdeval.errors import CallFailed, SdevalError, one_line

SHORTEST, LONGEST = 0.02, 0.5
"""Seconds between two questions."""
NEEDED: Mapping[Task, tuple[str, ...]] = {
    "text2img": ("prompt", "seed"),
    "img2img": ("prompt", "seed", "image"),
    "inpainting": ("prompt", "seed", "image", "mask"),
    "edit": ("prompt", "seed", "image"),
}
"""What a workflow must have a place for."""
FURTHER = "image_"
"""How the names of places for further input images of an edit begin: `image_2`, `image_3`."""
UNCACHED = "sdeval_request"
"""An input that no node has, and ComfyUI drops: with it, nothing is answered from its cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComfyOptions(ServerOptions):
    """The table `server` of a target `comfyui:URL`."""

    workflow: str
    """A file that was exported for the API."""
    bindings: Mapping[str, Plain] = field(default_factory=dict)
    """Where what goes: `6.text`, `title:Positive.text`, or a list of them; by the names of settings, or other names."""
    output: str = ""
    """The node whose image counts: its id, or `title:TITLE`; the only one that saves images where empty."""


class ComfyServer:
    """One server with one workflow.

    Args:
        target: its URL, its options and its time limit.
    """

    name = "comfyui"
    states_times = True

    def __init__(self, target: Target) -> None:
        self._where = f"target {target.name}: server"
        self._options = options_of(target, ComfyOptions)
        self._workflow = Workflow.read(Path(self._options.workflow).expanduser())
        self.client = client_of(target, self._options)

    @cached_property
    def _output(self) -> str:
        try:
            return self._workflow.output(self._options.output)
        except SdevalError as error:
            raise SdevalError(f"{self._where}: {self._options.workflow}: {error}") from None

    @cached_property
    def _stated(self) -> dict[str, tuple[Place, ...]]:
        stated = {}
        for name, value in self._options.bindings.items():
            texts = value if isinstance(value, list | tuple) else [value]
            where = f"{self._where}.bindings.{name}"
            if not texts or not all(isinstance(text, str) for text in texts):
                raise SdevalError(f"{where}: must be text such as 6.text, or a list of such texts")
            try:
                stated[name] = tuple(self._workflow.place(text) for text in texts)
            except SdevalError as error:
                raise SdevalError(f"{where}: {self._options.workflow}: {error}") from None
        return stated

    @cached_property
    def _inferred(self) -> dict[str, tuple[Place, ...]]:
        candidates = Inference(self._workflow, self._output).places()
        return {name: places for name, places in candidates.items() if name not in self._stated}

    def _places(self, name: str) -> tuple[Place, ...]:
        """Where a value goes; nothing where the workflow has no place for it."""
        if name in self._stated:
            return self._stated[name]
        places = self._inferred.get(name, ())
        try:
            refuse_ambiguous(name, places, self._workflow)
        except SdevalError as error:
            raise SdevalError(f"{self._where}: {self._options.workflow}: {error}") from None
        return places

    def parameters(self, task: Task) -> Mapping[str, str]:
        """What the workflow has a place for, or several."""
        for name in NEEDED[task]:
            if not self._places(name):
                raise SdevalError(
                    f"{self._where}: {self._options.workflow}: no place for {name} was found, which {task} needs; "
                    f'say where: server.bindings = {{ {name} = "NODE.INPUT" }}'
                )
        names = [name for name in (*self._stated, *self._inferred) if name not in ("prompt", "image", "mask")]
        kept = [name for name in names if not name.startswith(FURTHER) and not (task == "edit" and name == "strength")]
        return {name: self._problem(name) for name in kept}

    def inputs_problem(self, count: int) -> str:
        """As many as the workflow has places for: what is not filled would be what lies on the server."""
        places = 1 + sum(name.startswith(FURTHER) for name in self._stated)
        if count == places:
            return ""
        advice = f'; say where: server.bindings = {{ {FURTHER}{places + 1} = "NODE.INPUT" }}' if count > places else ""
        return f"{self._options.workflow} has places for {places}, got {count}{advice}"

    def _problem(self, name: str) -> str:
        """Why it is not clear where a value goes; empty where it is."""
        try:
            self._places(name)
        except SdevalError as error:
            return str(error).removeprefix(f"{self._where}: ")
        return ""

    def connect(self) -> Facts:
        """The version, and whether the server has the nodes of the workflow with the inputs that are used."""
        stats = self.client.get("/system_stats")
        system = stats.get("system") if isinstance(stats, Mapping) else None
        if not isinstance(system, Mapping):
            raise SdevalError(f"{self.client.url}/system_stats: answered no ComfyUI: {shown(stats)}")
        self._check_nodes()
        devices = stats.get("devices") if isinstance(stats.get("devices"), list) else []
        names = [str(device.get("name", "")) for device in devices if isinstance(device, Mapping)]
        other = {"torch": one_line(str(system["pytorch_version"]))} if system.get("pytorch_version") else {}
        version = one_line(str(system.get("comfyui_version") or ""))
        return Facts(version=version, model=self._digest, device=one_line(", ".join(names)), other=other)

    def _check_nodes(self) -> None:
        for kind in sorted({self._workflow.class_of(node) for node in self._workflow.upstream(self._output)}):
            info = self.client.get(f"/object_info/{quote(kind, safe='')}")
            if not isinstance(info, Mapping) or not isinstance(info.get(kind), Mapping):
                raise SdevalError(
                    f"{self._where}: {self.client.url} has no node {kind}, which {self._options.workflow} uses; "
                    "install what brings it"
                )
            known = info[kind].get("input") or {}
            names = {name for group in ("required", "optional") for name in known.get(group) or {}}
            for name, places in {**self._inferred, **self._stated}.items():
                for place in places:
                    if self._workflow.class_of(place.node) == kind and place.input not in names:
                        raise SdevalError(
                            f"{self._where}: bindings: {name} goes into {place}, and the {kind} of {self.client.url} "
                            f"has no input {place.input}; export the workflow again"
                        )

    def generate(self, request: ImageRequest) -> Answer:
        """One image."""
        graph = self._workflow.filled(self._values(request))
        graph[self._places("seed")[0].node]["inputs"][UNCACHED] = secrets.token_hex(8)
        where = f"{self.client.url}/prompt"
        answer = self.client.post("/prompt", {"prompt": graph})
        prompt_id = answer.get("prompt_id") if isinstance(answer, Mapping) else None
        if not isinstance(prompt_id, str) or not prompt_id.replace("-", "").replace("_", "").isalnum():
            raise CallFailed(f"{where}: answered without the id of a prompt: {shown(answer)}")
        job = self._wait(prompt_id)
        status: Any = job.get("status")
        status = status if isinstance(status, Mapping) else {}
        messages = dict(_messages(status))
        if "execution_error" in messages or status.get("status_str") == "error":
            raise CallFailed(f"{where}: {_failure(messages)}")
        image = self._image(job, where)
        cached = messages.get("execution_cached", {}).get("nodes") or []
        return Answer(image, _seconds(messages), from_cache=self._output in cached)

    def _values(self, request: ImageRequest) -> Iterator[tuple[Place, Any]]:
        values: dict[str, Any] = {"prompt": request.prompt, **request.values}
        if request.size:
            values |= dict(zip(SIZE, request.size, strict=True))
        for name, value in values.items():
            yield from ((place, value) for place in self._places(name))
        if request.image is not None:
            images, masks = self._places("image"), self._places("mask") if request.mask else ()
            hole = request.mask is not None and set(masks) & set(images)
            image = with_hole(request.image, request.mask) if hole and request.mask else request.image
            yield from ((place, self._upload(image)) for place in images)
            for number, further in enumerate(request.further_images, 2):
                yield from ((place, self._upload(further)) for place in self._places(f"{FURTHER}{number}"))
            if request.mask is not None:
                mask = both_ways(request.mask)
                yield from ((place, self._upload(mask)) for place in masks if place not in images)

    def _upload(self, image: Image.Image) -> str:
        """The name of an image on the server."""
        content = to_png(image)
        name = f"sdeval-{hashlib.sha256(content).hexdigest()[:LETTERS]}"
        answer = self.client.post_form(
            "/upload/image", {"type": "input", "overwrite": "true"}, [("image", content)], name
        )
        stored = answer.get("name") if isinstance(answer, Mapping) else None
        if not isinstance(stored, str):
            where = f"{self.client.url}/upload/image"
            raise CallFailed(f"{where}: answered without the name of the image: {shown(answer)}")
        folder = answer.get("subfolder")
        return f"{folder}/{stored}" if folder else stored

    def _wait(self, prompt_id: str) -> Mapping[str, Any]:
        """What became of a prompt."""
        pause = SHORTEST
        while True:
            try:
                history = self.client.get(f"/history/{prompt_id}")
                job = history.get(prompt_id) if isinstance(history, Mapping) else None
                if isinstance(job, Mapping):
                    return job
                time.sleep(min(pause, self.client.seconds_left))
            except CallFailed:
                self._cancel(prompt_id)
                raise
            pause = min(LONGEST, 1.5 * pause)

    def _cancel(self, prompt_id: str) -> None:
        """Take a prompt that nobody waits for out of the queue."""
        try:
            with self.client.cleanup():
                self.client.post("/queue", {"delete": [prompt_id]})
        except CallFailed:
            pass

    def _image(self, job: Mapping[str, Any], where: str) -> Image.Image:
        outputs = job.get("outputs")
        output = outputs.get(self._output) if isinstance(outputs, Mapping) else None
        address = f"{where}: node {self._output}"
        image = only(output, "images", address)
        if not isinstance(image, Mapping):
            raise CallFailed(f"{address}: answered without the name of an image: {shown(image)}")
        query = {name: str(image.get(name) or "") for name in ("filename", "subfolder", "type")}
        address = f"{self.client.url}/view?{urlencode(query)}"
        return decode(self.client.fetch(address), address)

    @cached_property
    def _digest(self) -> str:
        return hashlib.sha256(dump_json(dict(self._workflow.nodes)).encode()).hexdigest()[:LETTERS]

    def describe(self) -> dict[str, Any]:
        """The digest of the workflow, and where the values go."""
        bound = {name: ", ".join(map(str, places)) for name, places in {**self._inferred, **self._stated}.items()}
        return {"workflow": self._digest, "bindings": dict(sorted(bound.items()))}

    def announcements(self) -> list[str]:
        """What was inferred from the graph."""
        clear = {name: places for name, places in self._inferred.items() if not self._problem(name)}
        listed = ", ".join(f"{name} = {' and '.join(map(str, clear[name]))}" for name in _order(clear))
        return [f"bindings inferred from {self._options.workflow}: {listed}"] if listed else []


def _order(names: Mapping[str, Any]) -> list[str]:
    """The prompt first, then as everywhere else."""
    known = ("prompt", *COMMON, *SIZE, "image", "mask")
    return sorted(names, key=lambda name: known.index(name) if name in known else len(known))


def _messages(status: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What happened to a prompt, by the name of the event."""
    for message in status.get("messages") or []:
        if isinstance(message, list) and len(message) == 2 and isinstance(message[1], Mapping):
            yield str(message[0]), message[1]


def _failure(messages: Mapping[str, Mapping[str, Any]]) -> str:
    error = messages.get("execution_error", {})
    node = f"node {error.get('node_id', '?')} ({error.get('node_type', '?')})"
    return f"{one_line(node)} failed: {one_line(str(error.get('exception_message') or 'without a reason'))}"


def _seconds(messages: Mapping[str, Mapping[str, Any]]) -> float | None:
    """From start to end by the clock of the server, which counts in milliseconds."""
    start, end = (messages.get(f"execution_{name}", {}).get("timestamp") for name in ("start", "success"))
    if isinstance(start, int | float) and isinstance(end, int | float) and end > start:
        return (end - start) / 1000
    return None
