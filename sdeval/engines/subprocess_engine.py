"""A target that another Python environment generates with: other versions of libraries, the same suite, one session.

The other environment runs `python -m sdeval.engines.worker`, which needs this version of sdeval in it. Requests and
answers are lines of JSON; images go through a folder.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sdeval.config.suite import Sample, Task
from sdeval.config.target import Target
from sdeval.engines.generated import Generated, Stages
from sdeval.errors import SdevalError
from sdeval.imaging.io import open_rgb


class RemoteEngine:
    """Generates by way of another Python.

    Args:
        target: what generates.
        python: the interpreter of the other environment.

    Raises:
        SdevalError: it is no Python with sdeval in it, or the target cannot be generated with there.
    """

    def __init__(self, target: Target, python: Path) -> None:
        self.target = target
        self._python = python
        # Goes with this object, and the images in it.
        self._folder = TemporaryDirectory(prefix="sdeval-")
        try:
            self._process = subprocess.Popen(
                [str(python), "-m", "sdeval.engines.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        except OSError as error:
            raise SdevalError(f"--sdeval-compare-to-python: {python}: {error.strerror}") from error
        self._end = weakref.finalize(self, _end, self._process)
        answer = self._ask({"open": {"name": target.name, **target.describe()}, "folder": self._folder.name})
        self.batch_size: int = answer["batch_size"]
        self._environment: dict[str, Any] = answer["environment"]

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except OSError:
            answer = ""
        if not answer:
            code = self._process.wait()
            raise SdevalError(
                f"--sdeval-compare-to-python: {self._python} ended with code {code}; is this version of sdeval in it? "
                f"Try: {self._python} -m sdeval.engines.worker --check"
            )
        content: dict[str, Any] = json.loads(answer)
        if "error" in content:
            raise SdevalError(f"{self._python}: {content['error']}")
        return content

    def close(self) -> None:
        """End the other process, which otherwise goes with this object."""
        self._end()

    @cached_property
    def device(self) -> str:
        """Where images are scored, which is done here."""
        from sdeval.engines.diffusers_engine import pick_device

        return pick_device(self.target.device)

    @property
    def load_seconds(self) -> float:
        """To read the weights, in the other environment."""
        return float(self._ask({"load_seconds": True})["load_seconds"])

    @property
    def environment(self) -> Mapping[str, Any]:
        """Of the other Python."""
        return self._environment

    def describe(self, task: Task) -> dict[str, Any]:
        """What really runs there."""
        return dict(self._ask({"describe": task})["described"])

    def generate(self, task: Task, batch: Sequence[Sample], settings: Mapping[str, Any]) -> list[Generated]:
        """Generate a batch there, and fetch its images."""
        samples = [{"case": _plain(asdict(sample.case)), "seed": sample.seed} for sample in batch]
        answer = self._ask({"generate": task, "samples": samples, "settings": dict(settings)})
        return [self._generated(sample, facts) for sample, facts in zip(batch, answer["generated"], strict=True)]

    def _generated(self, sample: Sample, facts: Mapping[str, Any]) -> Generated:
        path = Path(self._folder.name) / facts["image"]
        image = open_rgb(path)
        path.unlink()
        stages = Stages(**facts["stages"]) if facts["stages"] else None
        return Generated(sample, image, facts["finite"], facts["flagged"], facts["seconds"], stages, facts["warming"])


def _end(process: subprocess.Popen[str]) -> None:
    """Without requests it has nothing more to do."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    process.wait()


def _plain(case: Mapping[str, Any]) -> dict[str, Any]:
    """A case as JSON: paths as text, from wherever the other process stands."""
    return {name: str(value.resolve()) if isinstance(value, Path) else value for name, value in case.items()}
