"""What runs on a node of the cluster: answers requests as `engines.worker` does, and hands images over.

Images lie in a folder of the node until they are written to where both sides look; only their names and digests go
through Ray.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from sdeval._utils.environment import calm_threads, package_version
from sdeval.engines.worker_protocol import VERSION, Hello, answer_prefix
from sdeval.errors import SdevalError, first_line
from sdeval.executors.cluster.exchange import open_exchange

if TYPE_CHECKING:
    from sdeval.stores.objects import Objects

Answer = tuple[str, dict[str, str]]
"""The line that answers a request, and the digests of the files that came of it, by name."""


class Actor:
    """Answers requests, one after the other; an actor of Ray once it is started on a node.

    Args:
        directory: of the other side, which relative paths of targets are meant from; used where it is on this node.
    """

    def __init__(self, directory: str) -> None:
        with contextlib.suppress(OSError):
            os.chdir(directory)
        os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
        calm_threads()
        from sdeval.engines.worker import Worker

        self._worker = Worker()
        self._temporary = TemporaryDirectory(prefix="sdeval-", ignore_cleanup_errors=True)
        self._folder = Path(self._temporary.name).resolve()
        self._objects: Objects | None = None
        self._prefix = ""

    def hello(self) -> dict[str, Any]:
        """Which version of sdeval is here."""
        return asdict(Hello(protocol=VERSION, sdeval=package_version("pytest-sdeval") or ""))

    def exchange_by(self, place: str, question: str, prefix: str) -> str:
        """Exchange files by way of a place from now on, if the other side has written a question there.

        Args:
            place: a folder, or a URL of fsspec.
            question: name of an object that the other side wrote.
            prefix: how the names of objects from here begin.

        Returns:
            Why that cannot be; empty where it can.
        """
        objects = open_exchange(place)
        try:
            objects.write(f"{prefix}/answer", objects.read(question))
        except SdevalError as error:
            return str(error)
        self._objects, self._prefix = objects, prefix
        return ""

    def answer(self, number: int, request: str) -> Answer:
        """Answer a request; its images are handed over."""
        from sdeval.engines.worker import answer_line

        asked = json.loads(request)
        if "folder" in asked:
            asked["folder"] = str(self._folder)
        line = answer_line(self._worker, number, json.dumps(asked))
        if not line.startswith(answer_prefix(number)):
            return line, {}
        names = [sample["file"] for sample in asked.get("samples", ())]
        return line, {name: self._hand_over(name) for name in names}

    def _hand_over(self, name: str) -> str:
        """Write a file to where the other side looks.

        Returns:
            Its digest, or why it was not written.
        """
        assert self._objects is not None
        file = self._folder / name
        try:
            content = file.read_bytes()
            self._objects.write(f"{self._prefix}/{name}", content)
            file.unlink()
        except (SdevalError, OSError) as error:
            return f"not written: {first_line(error)}"
        return hashlib.sha256(content).hexdigest()
