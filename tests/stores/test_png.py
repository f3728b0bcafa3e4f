"""An object of a store holds the pixels of its name, and nothing else."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from sdeval.imaging.io import pixel_hash, png_bytes, without_metadata
from sdeval.stores.failures import WrongContent
from sdeval.stores.png import decoded


def with_prompt(image: Image.Image) -> bytes:
    text = PngInfo()
    text.add_text("parameters", "a secret prompt")
    text.add_itxt("prompt", "ein geheimer Text", zip=True)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=text, dpi=(72, 72), exif=Image.Exif())
    return buffer.getvalue()


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_pixels_stay_and_all_else_goes(width: int, height: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    content = without_metadata(with_prompt(image))
    assert b"secret" not in content
    again = decoded(content, pixel_hash(image), "it")
    assert again.info == {}
    assert np.array_equal(np.asarray(again), pixels)


def test_an_image_without_metadata_stays_to_the_last_byte(image: Image.Image) -> None:
    content = png_bytes(image)
    assert without_metadata(content) == content


@given(st.binary(max_size=200))
def test_any_bytes_pass_through(content: bytes) -> None:
    for text in (content, b"\x89PNG\r\n\x1a\n" + content):
        assert len(without_metadata(text)) <= len(text)


def test_another_image_is_refused(image: Image.Image) -> None:
    with pytest.raises(WrongContent, match=r"^it: holds another image: its pixels do not have the hash"):
        decoded(png_bytes(image), "0" * 64, "it")


@pytest.mark.parametrize("cut", [0, 1, 20, -30])
def test_a_part_of_an_image_is_refused(image: Image.Image, cut: int) -> None:
    with pytest.raises(WrongContent, match=r"^it: is no image that can be decoded"):
        decoded(png_bytes(image)[:cut], pixel_hash(image), "it")


def test_what_claims_to_be_gigantic_is_not_decoded(image: Image.Image) -> None:
    content = bytearray(png_bytes(image))
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    with pytest.raises(WrongContent, match="is no image that can be decoded"):
        decoded(bytes(content), pixel_hash(image), "it")
