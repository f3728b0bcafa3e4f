"""A server as a target: what a team writes to have its own engine judged. The tests serve it on localhost."""

from __future__ import annotations

import base64
import io
import json
import os
import urllib.request
from typing import Any

from PIL import Image

from sdeval import Case


class Server:
    """Asks a server for every image: a POST of JSON, answered by a PNG."""

    def load(self) -> None:
        """Find the server."""
        self.address = os.environ["PICTURE_SERVER"]

    def generate(self, case: Case, seed: int, steps: int = 4) -> Image.Image:
        """One image."""
        request: dict[str, Any] = {"prompt": case.prompt, "seed": seed, "steps": steps}
        for name in ("image", "mask"):
            path = getattr(case, name)
            if path is not None:
                request[name] = base64.b64encode(path.read_bytes()).decode()
        request = urllib.request.Request(self.address, json.dumps(request).encode())
        with urllib.request.urlopen(request, timeout=60) as answer:
            return Image.open(io.BytesIO(answer.read()))
