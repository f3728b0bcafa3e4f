"""ComfyUI as far as a workflow with a sampler needs it, with its cache, and workflows to run on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.engines.servers.fakes import Fake, Reply, Wish, as_json

NODES: Mapping[str, tuple[str, ...]] = {
    "CheckpointLoaderSimple": ("ckpt_name",),
    "CLIPTextEncode": ("text", "clip"),
    "EmptyLatentImage": ("width", "height", "batch_size"),
    "KSampler": (
        *("model", "seed", "steps", "cfg", "sampler_name", "scheduler", "positive", "negative", "latent_image"),
        "denoise",
    ),
    "VAEDecode": ("samples", "vae"),
    "VAEEncode": ("pixels", "vae"),
    "VAEEncodeForInpaint": ("pixels", "vae", "mask", "grow_mask_by"),
    "LoadImage": ("image",),
    "LoadImageMask": ("image", "channel"),
    "SaveImage": ("images", "filename_prefix"),
    "ControlNetApplyAdvanced": ("positive", "negative", "control_net", "image", "strength"),
    "PrimitiveInt": ("value",),
}


def node(kind: str, title: str = "", **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs, "_meta": {"title": title or kind}}


def workflow(task: str = "text2img", *, mask_node: bool = True) -> dict[str, Any]:
    """A workflow in API format."""
    nodes = {
        "4": node("CheckpointLoaderSimple", ckpt_name="tiny.safetensors"),
        "6": node("CLIPTextEncode", "Positive", text="a cat", clip=["4", 1]),
        "7": node("CLIPTextEncode", "Negative", text="", clip=["4", 1]),
        "3": node(
            "KSampler",
            model=["4", 0],
            seed=1,
            steps=20,
            cfg=7.0,
            sampler_name="euler",
            scheduler="normal",
            positive=["6", 0],
            negative=["7", 0],
            latent_image=["5", 0],
            denoise=1.0,
        ),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", images=["8", 0], filename_prefix="ComfyUI"),
    }
    if task == "text2img":
        nodes["5"] = node("EmptyLatentImage", width=32, height=32, batch_size=1)
        return nodes
    nodes["10"] = node("LoadImage", image="example.png")
    nodes["5"] = node("VAEEncode", pixels=["10", 0], vae=["4", 2])
    if task == "inpainting":
        nodes["5"] = node("VAEEncodeForInpaint", pixels=["10", 0], vae=["4", 2], mask=["10", 1], grow_mask_by=0)
    if task == "inpainting" and mask_node:
        nodes["11"] = node("LoadImageMask", image="mask.png", channel="red")
        nodes["5"]["inputs"]["mask"] = ["11", 0]
    return nodes


def write(folder: Path, nodes: object, name: str = "workflow.json") -> str:
    (folder / name).write_text(json.dumps(nodes), encoding="utf-8")
    return str(folder / name)


class ComfyFake(Fake):
    """The routes that a client without a websocket uses."""

    def __init__(self, **faults: Any) -> None:
        super().__init__(**faults)
        self.nodes = dict(NODES)
        self._uploads: dict[str, Image.Image] = {}
        self._history: dict[str, dict[str, Any]] = {}
        self._outputs: dict[str, bytes] = {}
        self._cache: dict[str, str] = {}
        self._asked: set[str] = set()

    def handle(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Reply:
        if path == "/system_stats":
            system = {"comfyui_version": "0.34.0", "pytorch_version": "2.13.0"}
            return as_json({"system": system, "devices": [{"name": "cuda:0 Fake GPU"}]})
        if path.startswith("/object_info/"):
            kind = path.removeprefix("/object_info/")
            inputs = {"required": {name: ["INT"] for name in self.nodes.get(kind, ())}}
            return as_json({kind: {"input": inputs}} if kind in self.nodes else {})
        if path == "/upload/image":
            # A name that is taken gets another one.
            name = f"stored-{body['image'].info['file name']}"
            self._uploads[name] = body["image"]
            return as_json({"name": name, "subfolder": "", "type": "input"})
        if path == "/prompt":
            return self.misbehave() or self._queue(body["prompt"])
        if path.startswith("/history/"):
            return self._progress(path.removeprefix("/history/"))
        if path == "/view":
            return 200, {}, self._outputs[query["filename"]]
        if path == "/queue":
            return as_json({})
        return super().handle(method, path, query, body)

    def _progress(self, number: str) -> Reply:
        # The first time, it is not done yet.
        if number not in self._asked:
            self._asked.add(number)
            return as_json({})
        return as_json({number: self._history[number]})

    def _queue(self, graph: dict[str, Any]) -> Reply:
        number = f"prompt-{len(self._history)}"
        sampler = graph["3"]["inputs"]
        if sampler["cfg"] == 666:
            errors = {"3": {"errors": [{"message": "Value 666 bigger than max", "details": "cfg"}]}}
            return as_json({"error": {"message": "Prompt outputs failed validation"}, "node_errors": errors}, 400)
        messages: list[Any] = [["execution_start", {"timestamp": 1000}]]
        if self._read(graph, "6.text") == "fail":
            failure = {"node_id": "3", "node_type": "KSampler", "exception_message": "out\nof memory"}
            status = {"status_str": "error", "completed": False, "messages": [["execution_error", failure]]}
            self._history[number] = {"outputs": {}, "status": status}
            return as_json({"prompt_id": number})
        key = json.dumps(graph, sort_keys=True) if not self.faults.cache else json.dumps(sampler["seed"])
        name = self._cache.get(key)
        messages.append(["execution_cached", {"nodes": list(graph) if name else []}])
        if name is None:
            name = f"out-{len(self._outputs)}.png"
            self._outputs[name], _ = self.paint(self._wish(graph))
            self._cache[key] = name
        messages.append(["execution_success", {"timestamp": 1003}])
        images = [{"filename": name, "subfolder": "", "type": "output"}]
        images *= {"two": 2, "empty": 0}.get(self.faults.answer, 1)
        status = {"status_str": "success", "completed": True, "messages": messages}
        self._history[number] = {"outputs": {"9": {"images": images}}, "status": status}
        return as_json({"prompt_id": number})

    def _read(self, graph: dict[str, Any], place: str) -> Any:
        name, _, key = place.partition(".")
        value = graph[name]["inputs"][key]
        return self._read(graph, f"{value[0]}.value") if isinstance(value, list) else value

    def _wish(self, graph: dict[str, Any]) -> Wish:
        latent = graph["5"]["inputs"]
        wish = Wish(
            prompt=self._read(graph, "6.text"),
            negative=self._read(graph, "7.text"),
            seed=self._read(graph, "3.seed"),
            steps=self._read(graph, "3.steps"),
            guidance=self._read(graph, "3.cfg"),
            strength=self._read(graph, "3.denoise"),
        )
        if "width" in latent:
            wish.size = latent["width"], latent["height"]
        if "10" in graph:
            image = self._uploads[graph["10"]["inputs"]["image"]]
            wish.image = image.convert("RGB")
            if latent.get("mask") == ["10", 1]:
                # Transparent is painted.
                wish.mask = Image.fromarray(255 - np.asarray(image.convert("RGBA"))[..., 3])
        if "30" in graph:
            wish.further = (self._uploads[graph["30"]["inputs"]["image"]],)
        if "11" in graph:
            wish.mask = self._uploads[graph["11"]["inputs"]["image"]].getchannel("R")
        return wish
