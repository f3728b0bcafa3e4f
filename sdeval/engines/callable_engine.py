"""Programs of one's own as targets: an ONNX or OpenVINO session, a server, anything that turns a case into an image.

`model = "python:MODULE:NAME"`, or `python:FILE.py:NAME`, names a function `(case, seed) -> image`, or a class with
`generate(self, case, seed)` and, where it has something to prepare, `load(self)`. Settings arrive as keyword arguments.
An image is a PIL image, or an array `[height, width, 3]` of floats in 0..1 or of bytes.

Example:
    >>> def generate(case, seed, steps=20):
    ...     return my_engine(case.prompt, seed=seed, steps=steps)
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sdeval._utils import environment
from sdeval.config.case import Sample, Task
from sdeval.config.target import OWN, Target
from sdeval.engines.attempt import attempt, check_timeout
from sdeval.engines.digests import LETTERS, file_digest
from sdeval.engines.generated import Generated, to_image
from sdeval.errors import CallFailed, SdevalError, one_line, unknown

_OF_EACH_SAMPLE = ("self", "case", "seed")
"""Parameters of a program that are no settings."""
_FITTING = ("model", "device", "needs", "batch_size", "timeout", "settings")
"""Fields of a target that say something to a program of one's own."""


def check(target: Target, task: Task, settings: Iterable[str]) -> None:
    """Find the program, and refuse settings that it does not take.

    Raises:
        SdevalError: there is no such program, or a setting would have no effect.
    """
    for name in target.describe():
        if name not in _FITTING and getattr(target, name) not in (None, "float32"):
            raise SdevalError(f"target {target.name}: {name} has no effect: {target.model} is no diffusers pipeline")
    check_timeout(target)
    parameters = inspect.signature(_generation(find(target))).parameters
    for name in settings:
        if name in _OF_EACH_SAMPLE and name in parameters:
            raise SdevalError(f"target {target.name}: {name}: is no setting; {target.model} gets one with each sample")
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    for name in settings:
        if name not in parameters:
            raise SdevalError(f"target {target.name}: {unknown(f'argument of {target.model}', name, parameters)}")


def find(target: Target) -> Any:
    """The function or class that a target names.

    Raises:
        SdevalError: the text, the module or the name in it is wrong.
    """
    where, text = f"target {target.name}: model", target.model.removeprefix(OWN)
    module, colon, name = text.rpartition(":")
    if not colon or not module or not name:
        raise SdevalError(f"{where}: must be python:MODULE:NAME or python:FILE.py:NAME, got {target.model}")
    try:
        program = attempt(lambda: getattr(_import_program(module), name))
    except CallFailed as error:
        raise SdevalError(f"{where}: {target.model} cannot be imported: {error}") from error
    if not callable(program):
        raise SdevalError(f"{where}: {target.model} is no function and no class")
    if inspect.isclass(program) and not callable(getattr(program, "generate", None)):
        raise SdevalError(f"{where}: {target.model} has no generate(self, case, seed)")
    return program


def _import_program(text: str) -> Any:
    if not text.endswith(".py"):
        return importlib.import_module(text)
    path = Path(text).expanduser().resolve()
    name = f"sdeval_own_{path.stem}"
    if name in sys.modules and sys.modules[name].__file__ == str(path):
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise OSError(f"no such file: {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        # Half a module must not be taken for one that was imported.
        del sys.modules[name]
        raise
    return module


def _generation(program: Any) -> Callable[..., Any]:
    """What is called for each image."""
    generation: Callable[..., Any] = getattr(program, "generate") if inspect.isclass(program) else program  # noqa: B009
    return generation


class OwnEngine:
    """A program of one's own that is ready to generate."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.batch_size = 1
        self.load_seconds = 0.0
        self._warm = False
        self._program = find(target)

    @property
    def environment(self) -> Mapping[str, Any]:
        """Of this process."""
        return environment.describe()

    @cached_property
    def device(self) -> str:
        """Where images are scored."""
        from sdeval.engines.diffusers_engine import pick_device

        return pick_device(self.target.device)

    @cached_property
    def _generate(self) -> Callable[..., Any]:
        if not inspect.isclass(self._program):
            return _generation(self._program)
        started = time.perf_counter()
        try:
            # Without a limit: it may take longer than any call.
            engine = attempt(self._loaded)
        except CallFailed as error:
            raise SdevalError(f"target {self.target.name}: {self.target.model} cannot be loaded: {error}") from error
        self.load_seconds = time.perf_counter() - started
        generation: Callable[..., Any] = engine.generate
        return generation

    def _loaded(self) -> Any:
        """An instance of the program's class, with all that it prepares."""
        engine = self._program()
        if callable(getattr(engine, "load", None)):
            engine.load()
        return engine

    def generate(self, task: Task, batch: Sequence[Sample], settings: Mapping[str, Any]) -> list[Generated]:
        """One image at a time.

        Raises:
            CallFailed: the program failed, took too long, or gave no image.
        """
        check_timeout(self.target)
        return [self._generated(sample, settings) for sample in batch]

    def _generated(self, sample: Sample, settings: Mapping[str, Any]) -> Generated:
        # Loaded first, for a time limit is for calls.
        call = self._generate

        def image() -> tuple[Image.Image, bool, float]:
            started = time.perf_counter()
            values = call(sample.case, sample.seed, **settings)
            seconds = time.perf_counter() - started
            return (*_image(values, self.target.model), seconds)

        pixels, finite, seconds = attempt(image, self.target.timeout)
        warming, self._warm = not self._warm, True
        return Generated(sample, pixels, finite, None, seconds, warming=warming)

    def describe(self, task: Task) -> dict[str, Any]:
        """The program with the digest of its file, and where it is scored."""
        path = inspect.getsourcefile(self._program)
        program = {"program": file_digest(Path(path))[:LETTERS]} if path else {}
        return {"pipeline": self.target.model, "device": self.device, **program}


def _image(values: Any, model: str) -> tuple[Image.Image, bool]:
    """An image, and whether all its values were finite numbers.

    Raises:
        CallFailed: it is neither an image nor an array of one.
    """
    if isinstance(values, Image.Image):
        return values.convert("RGB"), True
    array = np.asarray(values)
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype.kind not in "fu" or 0 in array.shape:
        kind = one_line(f"{type(values).__name__} {array.shape} of {array.dtype}")
        raise CallFailed(
            f"{model} must give a PIL image, or an array [height, width, 3] of floats in 0..1 or of bytes; got {kind}"
        )
    if array.dtype == np.uint8:
        return Image.fromarray(array), True
    return to_image(array), bool(np.isfinite(array).all())
