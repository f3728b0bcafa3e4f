"""Programs of one's own as targets."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sdeval import Case, SdevalError, Target
from sdeval.config.case import Sample
from sdeval.engines.engine import check, open_target
from sdeval.imaging.io import to_pixels

HTTP = f"python:{Path(__file__).with_name('http_engine.py')}:Server"
SAMPLES = [Sample(Case(id="red", prompt="red"), 3), Sample(Case(id="blue", prompt="blue"), 4)]


def noise(case: Case, seed: int, level: int = 128) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, level, (16, 16, 3), dtype=np.uint8)


def broken(case: Case, seed: int) -> np.ndarray:
    return np.full((16, 16, 3), np.nan)


def anything(case: Case, seed: int, **settings: object) -> np.ndarray:
    return np.zeros((16, 16, 3)) + len(settings) / 10


def words(case: Case, seed: int) -> str:
    return case.prompt


class Silent:
    pass


NOT_CALLABLE = 3


def target(name: str, **changes: object) -> Target:
    return Target(**{"name": "mine", "model": name if ":" in name else f"python:{__name__}:{name}", **changes})


def test_a_function_generates_one_image_at_a_time() -> None:
    engine = open_target(target("noise"))
    generated = engine.generate("text2img", SAMPLES, {"level": 9})
    assert [each.sample for each in generated] == SAMPLES
    assert to_pixels(generated[0].image).max() < 9
    assert all(each.finite for each in generated)


def test_values_that_are_no_numbers_are_seen() -> None:
    assert not open_target(target("broken")).generate("text2img", SAMPLES[:1], {})[0].finite


def test_a_program_may_take_any_setting() -> None:
    check(target("anything"), "text2img", {"whatever": 1})
    generated = open_target(target("anything")).generate("text2img", SAMPLES[:1], {"whatever": 1})
    assert to_pixels(generated[0].image).max() == round(25.5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (target("python:nowhere"), "must be python:MODULE:NAME"),
        (target("python:no_such_module:generate"), "cannot be imported: ModuleNotFoundError: No module named"),
        (target("python:no/such/file.py:generate"), "no such file"),
        (target("nothing"), "cannot be imported: AttributeError: module .* has no attribute 'nothing'"),
        (target("NOT_CALLABLE"), "is no function and no class"),
        (target("Silent"), r"has no generate\(self, case, seed\)"),
        (target("noise", scheduler="DDIMScheduler"), "scheduler has no effect: .* is no diffusers pipeline"),
        (target("noise", dtype="float16"), "dtype has no effect"),
    ],
)
def test_what_cannot_generate_is_named_before_anything_is_generated(given: Target, message: str) -> None:
    with pytest.raises(SdevalError, match=message):
        check(given, "text2img", {})


def test_a_setting_that_a_program_does_not_take_is_refused() -> None:
    with pytest.raises(SdevalError, match=r"unknown argument of .*noise 'lvel'; did you mean level"):
        check(target("noise"), "text2img", {"lvel": 1})


@pytest.mark.parametrize("name", ["noise", "anything"])
@pytest.mark.parametrize("setting", ["case", "seed"])
def test_what_belongs_to_each_sample_is_no_setting(name: str, setting: str) -> None:
    with pytest.raises(SdevalError, match=f"target mine: {setting}: is no setting; python:.*:{name} gets one"):
        check(target(name), "text2img", [setting])


def test_what_is_no_image_is_named() -> None:
    with pytest.raises(SdevalError, match="must give a PIL image, or an array"):
        open_target(target("words")).generate("text2img", SAMPLES[:1], {})


class Painter(BaseHTTPRequestHandler):
    """Stands for an engine of its own: paints the prompt's colour, with noise from the seed."""

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        image = Image.new("RGB", (32, 32), "white")
        image.paste(request["prompt"], (6, 6, 26, 26))
        grain = np.random.default_rng(request["seed"]).integers(-request["steps"], request["steps"] + 1, (32, 32, 3))
        content = io.BytesIO()
        Image.fromarray(np.clip(np.asarray(image).astype(int) + grain, 0, 255).astype(np.uint8)).save(content, "PNG")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(content.getvalue())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    served = ThreadingHTTPServer(("127.0.0.1", 0), Painter)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    monkeypatch.setenv("PICTURE_SERVER", f"http://127.0.0.1:{served.server_port}")
    yield
    served.shutdown()
    served.server_close()


@pytest.mark.usefixtures("server")
def test_a_server_is_judged_like_any_other_target(pytester: pytest.Pytester) -> None:
    pytester.makefile(
        ".toml", pyproject="[tool.pytest.ini_options]\n[tool.sdeval.targets.server]\n" + f'model = "{HTTP}"\n'
    )
    pytester.makepyfile(
        test_suite="""
        from sdeval import Case, Suite
        test_colours = Suite(
            name="colours", task="text2img", targets=("server",), metrics=("sharpness",), seeds=(0, 1),
            cases=tuple(Case(id=name, prompt=name) for name in ("red", "green", "blue")), settings={"steps": 4},
        )
        """
    )
    quiet = ("-p", "no:cacheprovider", "--sdeval-no-strict")
    pytester.runpytest_inprocess(*quiet).assert_outcomes(passed=2, skipped=5)
    import sdeval.cli

    assert sdeval.cli.main(["accept"]) == 0
    pytester.runpytest_inprocess(*quiet).assert_outcomes(passed=7)
    result = pytester.runpytest_inprocess("--sdeval-set", "steps=8", *quiet)
    result.assert_outcomes(passed=7)
