"""Servers of each kind that paint instead of running a model, and that misbehave where a test says so.

An image depends on everything that it is asked for, so that what a server passes over shows.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from PIL import Image

Reply = tuple[int, dict[str, str], bytes]
HANG = 30.0
"""Seconds that a server hangs, unless it is closed before."""


@dataclass
class Wish:
    """What a fake understood of a request."""

    prompt: str = ""
    negative: str = ""
    seed: int | None = None
    steps: int = 20
    guidance: float = 7.0
    strength: float = 0.75
    size: tuple[int, int] = (32, 32)
    image: Image.Image | None = None
    mask: Image.Image | None = None
    """White where it is painted."""
    further: tuple[Image.Image, ...] = ()
    """Input images of an edit after the first."""


@dataclass
class Faults:
    """How a fake misbehaves."""

    ignore: set[str] = field(default_factory=set)
    """Names of `Wish` that it passes over."""
    random: bool = False
    inverted: bool = False
    """Whether it takes masks the other way round."""
    answer: str = ""
    """jpeg, url, elsewhere, size, 429, 500, hang, garbage, truncated, huge, redirect, empty, two, transparent."""
    times: int = 10**9
    """Requests that are answered so, before the others are answered well."""
    cache: bool = False
    """Whether a request that came before is answered in no time."""


class Fake(ThreadingHTTPServer):
    """A server in a thread."""

    daemon_threads = True
    name = ""

    def __init__(self, **faults: Any) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.faults = Faults(**faults)
        self.requests: list[tuple[str, str, Any]] = []
        """Method, path and body of each."""
        self.headers: list[Mapping[str, str]] = []
        self.painted: list[Wish] = []
        self._seen: set[str] = set()
        self._files: dict[str, bytes] = {}
        self._closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what some tests are about."""

    def close(self) -> None:
        self._closing.set()
        self.shutdown()
        self.server_close()

    def posts(self, path: str) -> list[Any]:
        """Bodies of what was sent to a path."""
        return [body for method, where, body in self.requests if method == "POST" and where == path]

    def respond(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Reply:
        if path.startswith("/files/"):
            return 200, {"Content-Type": "image/png"}, self._files[path]
        return self.handle(method, path, query, body)

    def handle(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Reply:
        return 404, {}, b'{"detail":"Not Found"}'

    def misbehave(self) -> Reply | None:
        """An answer in place of the one that was asked for."""
        if not self.faults.answer or self.faults.times <= 0:
            return None
        self.faults.times -= 1
        match self.faults.answer:
            case "429":
                return 429, {"Retry-After": "0"}, b'{"error":{"message":"queue full"}}'
            case "500":
                return 500, {}, b'{"detail":"CUDA out of memory\\n  at kernel"}'
            case "hang":
                self._closing.wait(HANG)
            case "garbage":
                return 200, {}, b"<html>\nnot what you think</html>"
            case "huge":
                return 200, {"Content-Length": str(2**40)}, b"{"
            case "redirect":
                return 302, {"Location": "http://elsewhere.example/v1"}, b""
        self.faults.times += 1
        return None

    def paint(self, wish: Wish) -> tuple[bytes, float]:
        """The file of an image, and the seconds that a model would have taken."""
        for name in self.faults.ignore:
            setattr(wish, name, getattr(Wish(), name))
        if self.faults.inverted and wish.mask is not None:
            wish.mask = Image.fromarray(255 - np.asarray(wish.mask.convert("L")))
        self.painted.append(wish)
        asked = repr((wish.prompt, wish.negative, wish.seed, wish.steps, wish.guidance, wish.strength, wish.size))
        asked += "".join(hashlib.sha256(image.tobytes()).hexdigest() for image in wish.further)
        is_known, seconds = asked in self._seen, 0.1
        self._seen.add(asked)
        if self.faults.cache and is_known:
            seconds = 0.001
        if self.faults.random or (wish.seed is None and "seed" not in self.faults.ignore):
            asked += repr(time.perf_counter_ns())
        return self._encoded(_painted(wish, asked)), seconds

    def _encoded(self, image: Image.Image) -> bytes:
        kind, buffer = self.faults.answer if self.faults.times > 0 else "", io.BytesIO()
        if kind == "size":
            image = image.resize((image.width * 2, image.height))
        if kind == "transparent":
            image.putalpha(100)
        image.save(buffer, "JPEG" if kind == "jpeg" else "PNG")
        content = buffer.getvalue()
        return content[: len(content) // 2] if kind == "truncated" else content

    def publish(self, content: bytes) -> str:
        """A URL of a file."""
        path = f"/files/{hashlib.sha256(content).hexdigest()[:12]}.png"
        self._files[path] = content
        return f"http://images.example{path}" if self.faults.answer == "elsewhere" else f"{self.url}{path}"


def _painted(wish: Wish, asked: str) -> Image.Image:
    width, height = wish.image.size if wish.image else wish.size
    rng = np.random.default_rng(list(hashlib.sha256(asked.encode()).digest()))
    # Squares of some colours: nothing that counts as broken.
    colours = rng.integers(0, 255, (4, 4, 3))
    pixels = np.kron(colours, np.ones((-(-height // 4), -(-width // 4), 1)))[:height, :width]
    if wish.image is not None:
        original = np.asarray(wish.image.convert("RGB"))
        pixels = (1 - wish.strength) * original + wish.strength * pixels
        if wish.mask is not None:
            white = np.asarray(wish.mask.convert("L").resize((width, height)))[..., None] >= 128
            pixels = np.where(white, pixels, original)
    return Image.fromarray(pixels.astype(np.uint8))


class _Handler(BaseHTTPRequestHandler):
    server: Fake

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kind = self.headers.get("Content-Type", "")
        self._answer(_form(kind, content) if kind.startswith("multipart/") else json.loads(content or b"null"))

    def _answer(self, body: Any) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.server.requests.append((self.command, parts.path, body))
        self.server.headers.append(dict(self.headers))
        status, headers, content = self.server.respond(self.command, parts.path, query, body)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _form(kind: str, content: bytes) -> dict[str, Any]:
    message = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + content)
    parts: dict[str, Any] = {}
    for part in message.get_payload():
        value = part.get_payload(decode=True)
        name = part.get_param("name", header="content-disposition")
        if part.get_filename():
            image = Image.open(io.BytesIO(value))
            image.info["file name"] = part.get_filename()
            if name in parts:
                parts[name].info.setdefault("further", []).append(image)
            parts.setdefault(name, image)
        else:
            parts[name] = value.decode()
    return parts


def as_json(content: object, status: int = 200) -> Reply:
    return status, {"Content-Type": "application/json"}, json.dumps(content).encode()


def from_base64(text: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text)))


def by_alpha(mask: Image.Image) -> Image.Image:
    """A mask by OpenAI's convention: transparent is painted."""
    return Image.fromarray(255 - np.asarray(mask.convert("RGBA"))[..., 3])


class OpenAIFake(Fake):
    """The OpenAI images API, as each dialect has it."""

    def __init__(self, dialect: str, **faults: Any) -> None:
        super().__init__(**faults)
        self.dialect = dialect

    def handle(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Reply:
        if path == "/v1/models":
            return as_json({"data": [self._model()]})
        versions = {"xinference": "/v1/cluster/version", "sglang": "", "openai": "", "sd.cpp": ""}
        if path == versions.get(self.dialect, "/version"):
            return as_json({"version": "1.2.3"})
        if path == "/readyz" and self.dialect == "localai":
            return as_json("ok")
        if method == "POST" and path.startswith("/v1/images/"):
            return self.misbehave() or self._generate(path, body)
        return super().handle(method, path, query, body)

    def _model(self) -> dict[str, str]:
        owners = {"vllm-omni": "vllm", "tensorrt-llm": "tensorrt_llm", "sd.cpp": "local", "localai": ""}
        name = "sd-cpp-local" if self.dialect == "sd.cpp" else "tiny"
        owner = owners.get(self.dialect, self.dialect)
        return {"id": name, "object": "model", **({"owned_by": owner} if owner else {})}

    def _generate(self, path: str, body: dict[str, Any]) -> Reply:
        if self.dialect == "tensorrt-llm" and (unknown := set(body) - TENSORRT_FIELDS):
            return as_json({"detail": f"extra fields not permitted: {sorted(unknown)}"}, 422)
        content, seconds = self.paint(self._understand(path, body))
        default = "b64_json" if self.dialect in ("vllm-omni", "openai", "sd.cpp") else "url"
        as_url = body.get("response_format", default) == "url" or self.faults.answer in ("url", "elsewhere")
        entry = {"url": self.publish(content)} if as_url else {"b64_json": base64.b64encode(content).decode()}
        entries = {"empty": [], "two": [entry, entry]}.get(self.faults.answer, [entry])
        extra = {
            "vllm-omni": {"metrics": {"stage_durations": {"denoise": seconds / 10**5, "decode": seconds / 10**6}}},
            "sglang": {"inference_time_s": seconds / 10**5},
        }.get(self.dialect, {})
        return as_json({"created": 1, "data": entries, **extra})

    def _understand(self, path: str, body: dict[str, Any]) -> Wish:
        wish = Wish(prompt=body["prompt"])
        values = dict(body)
        if self.dialect == "xinference":
            kwargs = json.loads(body.get("kwargs", "{}"))
            # Its forms have a field of that name, and Python takes no argument twice.
            assert path.endswith("/generations") or "negative_prompt" not in kwargs
            values |= kwargs
        if self.dialect == "sd.cpp":
            wish.prompt, _, rest = body["prompt"].partition(" <sd_cpp_extra_args>")
            native = json.loads(rest.removesuffix("</sd_cpp_extra_args>"))
            sampling = native.get("sample_params", {})
            values |= {**native, "num_inference_steps": sampling.get("sample_steps")}
            values["guidance_scale"] = sampling.get("guidance", {}).get("txt_cfg")
        if self.dialect == "localai":
            wish.prompt, _, wish.negative = body["prompt"].partition("|")
            values["num_inference_steps"] = body.get("step")
        else:
            wish.negative = values.get("negative_prompt") or ""
        if self.dialect != "openai" and not path.endswith("/inpainting" if self.dialect == "localai" else "nowhere"):
            wish.seed = int(values["seed"]) if values.get("seed") is not None else None
            wish.steps = int(values.get("num_inference_steps") or wish.steps)
            wish.guidance = float(values.get("guidance_scale") or wish.guidance)
        if self.dialect != "localai":
            wish.strength = float(values.get("strength") or wish.strength)
        if body.get("size"):
            width, height = body["size"].split("*" if self.dialect == "xinference" else "x")
            wish.size = int(width), int(height)
        wish.image = body.get("image[]") or body.get("image")
        wish.further = tuple(wish.image.info.get("further", ())) if wish.image else ()
        if isinstance(body.get("file"), str):
            wish.image = from_base64(body["file"])
        wish.mask = self._mask(body)
        return wish

    def _mask(self, body: dict[str, Any]) -> Image.Image | None:
        match self.dialect:
            case "openai":
                return by_alpha(body["mask"]) if "mask" in body else None
            case "vllm-omni" | "xinference":
                return body.get("mask_image")
            case "localai":
                return body.get("mask")
        # sglang and TensorRT-LLM take a mask and never look at it.
        return None


TENSORRT_FIELDS = {
    *("model", "prompt", "n", "size", "seed", "num_inference_steps", "guidance_scale", "negative_prompt"),
    *("max_sequence_length", "response_format", "image", "mask", "strength"),
}


class A1111Fake(Fake):
    """AUTOMATIC1111."""

    samplers = ("Euler", "Euler a")

    def handle(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Reply:
        if path == "/sdapi/v1/sd-models":
            return as_json([{"title": "tiny.safetensors [abc]", "model_name": "tiny"}, {"model_name": "other"}])
        if path == "/sdapi/v1/options":
            return as_json({"sd_model_checkpoint": "tiny.safetensors [abc]", "samples_format": "jpg"})
        if path in ("/sdapi/v1/txt2img", "/sdapi/v1/img2img"):
            if body.get("sampler_name", "Euler") not in self.samplers:
                return as_json({"detail": "Sampler not found"}, 404)
            return self.misbehave() or self._generate(body)
        return super().handle(method, path, query, body)

    def _generate(self, body: dict[str, Any]) -> Reply:
        mask = from_base64(body["mask"]) if "mask" in body else None
        if mask is not None and mask.mode == "RGBA":
            mask = mask.getchannel("A")
        wish = Wish(
            prompt=body["prompt"] + body.get("sampler_name", ""),
            negative=body.get("negative_prompt", ""),
            seed=None if body.get("seed", -1) == -1 else body["seed"],
            steps=body.get("steps", 50),
            guidance=body.get("cfg_scale", 7),
            strength=body.get("denoising_strength", 0.75),
            size=(body.get("width", 512), body.get("height", 512)),
            image=from_base64(body["init_images"][0]) if "init_images" in body else None,
            mask=mask,
        )
        content, _ = self.paint(wish)
        images = [base64.b64encode(content).decode()]
        return as_json({"images": images, "parameters": {}, "info": json.dumps({"all_seeds": [wish.seed]})})


class SdcppFake(Fake):
    """stable-diffusion.cpp by its own API."""

    def __init__(self, **faults: Any) -> None:
        super().__init__(**faults)
        self._jobs: dict[str, dict[str, Any]] = {}
        self.features = {"init_image": True, "mask_image": True, "ref_images": True}

    def handle(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Reply:
        if path == "/sdcpp/v1/capabilities":
            return as_json({"model": {"name": "tiny.gguf"}, "features_by_mode": {"img_gen": self.features}})
        if path == "/sdcpp/v1/img_gen":
            return self.misbehave() or self._begin(body)
        if path.endswith("/cancel"):
            return as_json({})
        number = path.removeprefix("/sdcpp/v1/jobs/")
        if number in self._jobs:
            job = self._jobs[number]
            job["asked"] += 1
            return as_json({"id": number, "status": "generating"} if job["asked"] == 1 else job["answer"])
        return super().handle(method, path, query, body)

    def _begin(self, body: dict[str, Any]) -> Reply:
        sampling = body.get("sample_params", {})
        wish = Wish(
            prompt=body["prompt"],
            negative=body.get("negative_prompt", ""),
            seed=None if body.get("seed", -1) == -1 else body["seed"],
            steps=sampling.get("sample_steps", 20),
            guidance=sampling.get("guidance", {}).get("txt_cfg", 7.0),
            strength=body.get("strength", 0.75),
            size=(body.get("width", 512), body.get("height", 512)),
            image=from_base64(body["init_image"]) if body.get("init_image") else None,
            mask=from_base64(body["mask_image"]) if body.get("mask_image") else None,
        )
        if body.get("ref_images"):
            wish.image, *further = map(from_base64, body["ref_images"])
            wish.further = tuple(further)
        number = f"job_{len(self._jobs)}"
        if wish.prompt == "fail":
            answer = {"status": "failed", "error": {"code": "generation_failed", "message": "empty results"}}
        else:
            content, _ = self.paint(wish)
            result = {"images": [{"index": 0, "b64_json": base64.b64encode(content).decode()}]}
            answer = {"status": "completed", "started": 1, "completed": 2, "result": result}
        self._jobs[number] = {"asked": 0, "answer": {"id": number, **answer}}
        return as_json({"id": number, "status": "queued"}, 202)


@contextmanager
def serving(fake: Fake) -> Iterator[Fake]:
    """A fake that answers while the context lasts."""
    threading.Thread(target=fake.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield fake
    finally:
        fake.close()
