"""An OpenAI-compatible endpoint that judges colours instead of running a model, and misbehaves on demand."""

from __future__ import annotations

import base64
import io
import json
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image

WORDS = ("red", "green", "blue")


class VisionFake(ThreadingHTTPServer):
    """Says how much of the colour that a question names is in an image.

    Args:
        fault: 429, 500, garbage, no logprobs, neither, slow; empty for none.
        times: requests that are answered so, before the others are answered well.
    """

    daemon_threads = True

    def __init__(self, fault: str = "", times: int = 10**9) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.fault, self.times = fault, times
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


@contextmanager
def serving(fake: VisionFake) -> Iterator[VisionFake]:
    thread = threading.Thread(target=fake.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        fake.closing.set()
        fake.shutdown()
        fake.server_close()
        thread.join()


def answer(body: dict[str, Any]) -> dict[str, Any]:
    shown, question = body["messages"][0]["content"]
    data = base64.b64decode(shown["image_url"]["url"].partition(",")[2])
    levels = Image.open(io.BytesIO(data)).convert("RGB").resize((1, 1)).getpixel((0, 0))
    words = [word for word in WORDS if word in question["text"]]
    sure = max((levels[WORDS.index(word)] / 255 for word in words), default=0.5)
    sure = min(max(sure, 0.01), 0.99)
    tokens = {"Yes": 0.7 * sure, " yes": 0.2 * sure, "No": 0.9 * (1 - sure), "The": 0.1}
    top = [{"token": token, "logprob": math.log(chance)} for token, chance in tokens.items()]
    return {"choices": [{"message": {"content": "Yes"}, "logprobs": {"content": [{**top[0], "top_logprobs": top}]}}]}


class _Handler(BaseHTTPRequestHandler):
    server: VisionFake

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(body)
        self.server.keys.append(self.headers.get("Authorization", ""))
        fault = self.server.fault if len(self.server.requests) <= self.server.times else ""
        content = answer(body)
        status = int(fault) if fault.isdecimal() else 200
        if fault == "no logprobs":
            content["choices"][0]["logprobs"] = None
        if fault == "neither":
            content["choices"][0]["logprobs"]["content"][0]["top_logprobs"] = [{"token": "Maybe", "logprob": 0.0}]
        if fault == "slow":
            self.server.closing.wait(20)
        reply = b"<html>" if fault == "garbage" else json.dumps(content).encode()
        if status != 200:
            # A server may say back what it was sent.
            reply = json.dumps({"error": {"message": f"no, {self.server.keys[-1]}"}}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_: Any) -> None:
        """Nothing."""
