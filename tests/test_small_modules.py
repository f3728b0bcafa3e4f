"""Small modules: files, images, environment, progress, distribution."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sdeval import SdevalError
from sdeval._utils.environment import describe, differences
from sdeval._utils.files import dump_json, write_bytes, write_text
from sdeval._utils.progress import Shown, line
from sdeval.errors import CannotWrite, unknown
from sdeval.imaging.io import header, open_mask, open_rgb, pixel_hash, write_png
from sdeval.plugin.distribution import declared, scope


def test_a_file_appears_whole(tmp_path: Path) -> None:
    write_text(tmp_path / "deep" / "a.txt", "ünïcode\n")
    assert (tmp_path / "deep" / "a.txt").read_text(encoding="utf-8") == "ünïcode\n"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.txt"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_text(tmp_path / "a.txt", "old")

    def full(descriptor: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(CannotWrite, match="no space"):
        write_bytes(tmp_path / "a.txt", b"new", durable=True)
    assert (tmp_path / "a.txt").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_json_never_holds_nan() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        dump_json({"a": float("nan")})


def test_the_pixel_hash_follows_pixels_and_not_files(tmp_path: Path, image: Image.Image) -> None:
    write_png(tmp_path / "a.png", image)
    image.save(tmp_path / "b.bmp")
    assert pixel_hash(tmp_path / "a.png") == pixel_hash(tmp_path / "b.bmp") == pixel_hash(image)
    changed = image.copy()
    changed.putpixel((3, 3), (1, 2, 3))
    assert pixel_hash(changed) != pixel_hash(image)


def test_a_changed_file_is_hashed_anew(tmp_path: Path, image: Image.Image) -> None:
    write_png(tmp_path / "a.png", image)
    before = pixel_hash(tmp_path / "a.png")
    write_png(tmp_path / "a.png", image.transpose(Image.Transpose.ROTATE_90))
    assert pixel_hash(tmp_path / "a.png") != before


def test_images_open_in_the_mode_that_is_needed(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 4), (255, 0, 0, 255)).save(tmp_path / "a.png")
    assert open_rgb(tmp_path / "a.png").mode == "RGB"
    assert open_mask(tmp_path / "a.png").mode == "L"
    assert header(tmp_path / "a.png") == (8, 4)


def test_an_image_that_is_cut_off_is_named(tmp_path: Path, image: Image.Image) -> None:
    write_png(tmp_path / "a.png", image)
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:300])
    with pytest.raises(SdevalError, match="cannot be decoded"):
        open_rgb(tmp_path / "a.png")


def test_the_environment_names_versions_and_hardware() -> None:
    found = describe()
    assert {"torch", "diffusers", "transformers", "numpy"} <= set(found["packages"])
    assert found["hardware"]
    assert found["threads"] >= 1


def test_differences_are_told_leaf_by_leaf() -> None:
    before = {"dtype": "float32", "packages": {"torch": "2.9"}, "same": 1}
    after = {"dtype": "bfloat16", "packages": {"torch": "2.10", "xformers": "0.1"}, "same": 1}
    told = ["dtype: float32 → bfloat16", "torch: 2.9 → 2.10", "xformers: none → 0.1"]
    assert differences(before, after) == told


def test_a_difference_in_kind_is_told_as_it_is() -> None:
    assert differences({"a": {"b": 1}}, {"a": 3}) == ["a: {'b': 1} → 3"]
    assert differences({"a": {"b": 1}}, {"a": None}) == ["b: 1 → none"]


def test_unknown_names_come_with_near_matches() -> None:
    near = "unknown metric 'clipscore'; did you mean clip_score? Known: clip_score"
    assert unknown("metric", "clipscore", ["clip_score"]) == near
    assert unknown("metric", "zzz", ["b", "a"]) == "unknown metric 'zzz'. Known: a, b"


def test_progress_is_plain_lines_without_a_terminal() -> None:
    stream = io.StringIO()
    with Shown(lambda: stream, bar=False, aside=nullcontext).watch("cats on tiny", 3) as progress:
        progress(1)
        progress(2)
    assert stream.getvalue().strip().splitlines()[-1].startswith("cats on tiny: 3/3 images, ")
    assert "\r" not in stream.getvalue()


@pytest.mark.parametrize("bar", [True, False])
def test_progress_of_what_is_done_soon_is_not_shown(bar: bool) -> None:
    stream = io.StringIO()
    with Shown(lambda: stream, bar=bar, aside=nullcontext, after=60.0).watch("cats on tiny", 1) as progress:
        progress(1)
    assert stream.getvalue() == ""


@pytest.mark.parametrize("bar", [True, False])
def test_progress_of_what_takes_longer_is_shown(bar: bool) -> None:
    stream = io.StringIO()
    with Shown(lambda: stream, bar=bar, aside=nullcontext, after=1e-9).watch("cats on tiny", 1) as progress:
        progress(1)
    assert "1/1 images, " in stream.getvalue()


def test_progress_is_a_bar_on_a_terminal() -> None:
    stream = io.StringIO()
    with Shown(lambda: stream, bar=True, aside=nullcontext).watch("cats on tiny", 3) as progress:
        progress(1)
    before, _, after = stream.getvalue().rpartition("\r")
    assert "cats on tiny" in before
    assert "1/3 images, " in after
    assert "━" in after


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_a_bar_that_is_interrupted_ends_its_line_and_leaves_the_cursor_visible(error: type[BaseException]) -> None:
    stream = io.StringIO()

    def generate() -> None:
        with Shown(lambda: stream, bar=True, aside=nullcontext).watch("cats on tiny", 3) as progress:
            progress(1)
            raise error

    with pytest.raises(error):
        generate()
    assert stream.getvalue().endswith("\n\x1b[?25h")


def test_a_second_interrupt_while_a_bar_ends_leaves_its_line_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    stream = io.StringIO()
    watched = Shown(lambda: stream, bar=True, aside=nullcontext).watch("cats on tiny", 3)
    watched.__enter__()
    monkeypatch.setattr("rich.progress.Progress.stop", interrupt)
    with pytest.raises(KeyboardInterrupt):
        watched.__exit__(None, None, None)
    assert stream.getvalue().endswith("\n")


def test_a_bar_is_one_line_in_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    stream = io.StringIO()
    with Shown(lambda: stream, bar=True, aside=nullcontext).watch("a suite on a target " * 3, 3) as progress:
        progress(1)
    assert stream.getvalue().count("\n") == 2


def test_a_bar_without_colour_has_none() -> None:
    stream = io.StringIO()
    with Shown(lambda: stream, bar=True, aside=nullcontext, colour=False).watch("cats on tiny", 3) as progress:
        progress(3)
    assert "m" not in re.findall(r"\x1b\[[0-9;?]*([A-Za-z])", stream.getvalue())


def test_a_bar_is_written_aside_alone() -> None:
    inside: list[bool] = []

    @contextmanager
    def aside() -> Iterator[None]:
        inside.append(True)
        yield
        inside.pop()

    class Stream(io.StringIO):
        def write(self, text: str) -> int:
            assert inside
            return super().write(text)

    stream = Stream()
    with Shown(lambda: stream, bar=True, aside=aside).watch("cats on tiny", 3) as progress:
        progress(3)
    assert "3/3 images" in stream.getvalue()


@pytest.mark.parametrize("bar", [True, False])
def test_progress_that_cannot_be_shown_stops_nothing(bar: bool) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError("no space left")

    with Shown(Full, bar=bar, aside=nullcontext).watch("cats on tiny", 1) as progress:
        progress(1)


def test_a_title_of_progress_does_not_control_the_terminal() -> None:
    stream = io.StringIO()
    with Shown(lambda: stream, bar=False, aside=nullcontext).watch("cats \x1b[31m", 1) as progress:
        progress(1)
    assert "\x1b" not in stream.getvalue()


def test_a_line_says_rate_and_time_left() -> None:
    assert line("a", 24, 48, 2.4) == "a: 24/48 images, 10.0/s, 2 s left"
    assert line("a", 0, 48, 0.0) == "a: 0/48 images, 0.0/s, …"


@pytest.mark.parametrize(
    ("nodeid", "expected"),
    [
        ("suites/test_a.py::test_a[sd15-cat]", "sd15"),
        ("suites/test_b.py::test_b[sd15-ddim-cat]", "sd15-ddim"),
        ("suites/test_b.py::test_b[sd15-ddim-cat]@slow", "sd15-ddim"),
        ("tests/test_x.py::test_plain", "tests/test_x.py::test_plain"),
        ("tests/test_x.py::test_plain@slow", "slow"),
        ("tests/test_x.py::test_plain[me@home]", "tests/test_x.py::test_plain[me@home]"),
        ("tests/test_x.py::test_plain[other-1]", "tests/test_x.py::test_plain[other-1]"),
    ],
)
def test_items_of_a_target_stay_together(nodeid: str, expected: str) -> None:
    assert scope(nodeid, ["sd15", "sd15-ddim"]) == expected


def test_targets_that_suites_declare_are_read_off_the_ids() -> None:
    ids = ["a.py::test_a[my-model-cat]", "a.py::test_a[my-model-seconds_per_image]", "b.py::test_b[x]"]
    assert declared([*ids, "c.py::test_c[other-peak_memory]@slow"]) == {"my-model", "other"}


def test_levels_outside_of_a_byte_do_not_wrap() -> None:
    from sdeval.engines.generated import to_image

    image = to_image(np.array([[[2.0, -1.0, np.inf]]]))
    assert image.getpixel((0, 0)) == (255, 0, 255)
