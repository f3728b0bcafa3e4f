"""What the tests of servers share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sdeval import Case, Suite
from sdeval.config.image_store import CACHE
from sdeval.config.target import Target
from sdeval.engines.servers.engine import ServerEngine
from tests.engines.servers.fakes import Fake, serving

SETTINGS = {"num_inference_steps": 4, "guidance_scale": 5.0}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing of the user's cache, and no waiting."""
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    monkeypatch.setattr("sdeval._utils.http.WAITS", (0.0, 0.0, 0.0))
    return tmp_path / "cache" / "servers"


@pytest.fixture
def serve() -> Iterator[Callable[[Fake], Fake]]:
    """Starts fakes, and ends them with the test."""
    with ExitStack() as stack:
        yield lambda fake: stack.enter_context(serving(fake))


@pytest.fixture
def inputs(tmp_path: Path) -> tuple[Path, Path]:
    """An init image, and a mask that paints its left quarter."""
    rows, columns = np.mgrid[0:32, 0:32] * 8
    Image.fromarray(np.stack([rows, columns, 255 - rows], axis=-1).astype(np.uint8)).save(tmp_path / "image.png")
    mask = Image.new("L", (32, 32), 0)
    mask.paste(255, (0, 0, 8, 32))
    mask.save(tmp_path / "mask.png")
    return tmp_path / "image.png", tmp_path / "mask.png"


@pytest.fixture
def hat(tmp_path: Path) -> Path:
    """A second input image, of another size."""
    Image.new("RGB", (20, 12), "teal").save(tmp_path / "hat.png")
    return tmp_path / "hat.png"


@pytest.fixture
def suite_of(inputs: tuple[Path, Path]) -> Callable[..., Suite]:
    """A suite of one case for a task."""

    def make(task: str, *, settings: dict[str, Any] | None = None, **case: Any) -> Suite:
        image, mask = inputs
        if task != "text2img" and "images" not in case:
            case["image"] = image
        if task == "inpainting":
            case["mask"] = mask
        one = Case(id="red", prompt=case.pop("prompt", "a red cat"), **case)
        return Suite(
            name="few", task=task, cases=(one,), seeds=(3, 4), settings=SETTINGS if settings is None else settings
        )

    return make


def target_of(fake: Fake, family: str, **changes: Any) -> Target:
    """A target for a fake."""
    return Target(**{"name": "mine", "model": f"{family}:{fake.url}", "timeout": 20.0, **changes})


def generate(target: Target, suite: Suite, number: int = 0) -> Image.Image:
    """One image of a suite, once the server was probed."""
    engine = ServerEngine(target)
    settings = {**suite.settings, **target.settings}
    engine.prepare(suite, settings)
    return engine.generate(suite.task, [suite.samples[number]], settings)[0].image
