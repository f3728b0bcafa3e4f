"""Images and masks of others: read as they are meant, or refused by name (field cases F01, F02 and F03)."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sdeval import Case, SdevalError, Suite
from sdeval.imaging.io import (
    header,
    mask_hash,
    open_mask,
    open_rgb,
    painted_share,
    pixel_hash,
    png_bytes,
    png_text,
    without_metadata,
)

ALPHA = np.zeros((16, 16), dtype=np.uint8)
ALPHA[2:10, 2:8] = 255
SHARE = (ALPHA == 255).mean()


def with_alpha(levels: int, alpha: np.ndarray) -> Image.Image:
    channel = np.full((16, 16), levels, dtype=np.uint8)
    return Image.fromarray(np.stack([channel, channel, channel, alpha], axis=-1))


def indexed() -> Image.Image:
    image = Image.fromarray(ALPHA // 255).convert("P")
    image.putpalette([255, 255, 255] * 2)
    image.info["transparency"] = 0
    return image


MASKS = {
    "white-brush.png": with_alpha(255, ALPHA),
    "erased-photo.png": with_alpha(130, 255 - ALPHA),
    "black-brush.png": with_alpha(0, ALPHA),
    "grey.png": with_alpha(255, ALPHA).convert("LA"),
    "brush.webp": with_alpha(255, ALPHA),
    "indexed.png": indexed(),
}


def save(image: Image.Image, path: Path, **options: object) -> Path:
    image.save(path, **options)
    return path


@pytest.mark.parametrize("name", MASKS)
def test_f01_a_mask_whose_shape_is_in_its_transparency_is_refused(tmp_path: Path, name: str) -> None:
    path = save(MASKS[name], tmp_path / name, **({"lossless": True} if name.endswith("webp") else {}))
    with pytest.raises(SdevalError, match=r"is transparent in \d+\.\d% of its pixels; that can mean either side"):
        open_mask(path)


def test_f01_a_mask_that_is_opaque_says_what_it_paints(tmp_path: Path) -> None:
    opaque = Image.merge("LA", (Image.fromarray(ALPHA), Image.new("L", (16, 16), 255)))
    path = save(opaque, tmp_path / "mask.png")
    assert np.array_equal(np.asarray(open_mask(path)), ALPHA)
    assert painted_share(path) == pytest.approx(SHARE)


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        (0 * ALPHA, "paints nothing: its brightest level is 0 of 255"),
        (ALPHA // 5 + 200, "paints everything: its darkest level is 200 of 255"),
        (ALPHA // 255, "brightest level is 1 of 255; in a mask of labels, save 255 in place of 1"),
    ],
)
def test_f01_f03_a_mask_that_paints_nothing_or_everything_is_refused_at_collection(
    tmp_path: Path, levels: np.ndarray, message: str
) -> None:
    mask = save(Image.fromarray(levels.astype(np.uint8)), tmp_path / "mask.png")
    image = save(Image.new("RGB", (16, 16)), tmp_path / "image.png")
    case = Case(id="cat", prompt="a cat", image=image, mask=mask, origin="cases.yaml:3")
    with pytest.raises(SdevalError) as error:
        Suite(name="animals", task="inpainting", cases=(case,))
    assert str(error.value).startswith("cases.yaml:3: mask: ")
    assert message in str(error.value)


def lying(path: Path) -> Path:
    """A photo of a phone: 96x64 as stored, 64x96 upright; its upper left quarter is red when upright."""
    upright = Image.new("RGB", (64, 96))
    upright.paste((255, 0, 0), (0, 0, 32, 48))
    exif = Image.Exif()
    exif[0x0112] = 6
    return save(upright.transpose(Image.Transpose.ROTATE_90), path, exif=exif)


@pytest.mark.parametrize("name", ["photo.jpg", "photo.png", "photo.webp", "photo.tiff"])
def test_f02_a_photo_is_upright(tmp_path: Path, name: str) -> None:
    path = lying(tmp_path / name)
    assert header(path) == open_rgb(path).size == (64, 96)
    assert open_rgb(path).getpixel((8, 8))[0] > 200


def test_f02_an_upright_mask_fits_a_photo(tmp_path: Path) -> None:
    mask = Image.new("L", (64, 96))
    mask.paste(255, (0, 0, 8, 8))
    case = Case(id="cat", prompt="a cat", image=lying(tmp_path / "photo.jpg"), mask=save(mask, tmp_path / "mask.png"))
    assert Suite(name="animals", task="inpainting", cases=(case,)).cases == (case,)


@pytest.mark.parametrize("name", ["ramp.png", "ramp.tif"])
@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_f03_levels_of_16_bits_are_scaled(tmp_path: Path, name: str, order: str) -> None:
    ramp = np.linspace(0, 65535, 256).round().astype(np.uint16).reshape(16, 16)
    path = save(Image.fromarray(ramp.astype(order)), tmp_path / name)
    assert np.array_equal(np.asarray(open_mask(path)), np.arange(256, dtype=np.uint8).reshape(16, 16))
    assert np.array_equal(np.asarray(open_rgb(path))[..., 0], np.asarray(open_mask(path)))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (Image.fromarray(np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)), "holds numbers with a fraction"),
        (Image.fromarray(np.arange(256, dtype=np.int32).reshape(16, 16)), "holds numbers of 32 bits"),
        (Image.new("CMYK", (16, 16)), "holds CMYK colours"),
    ],
)
def test_f03_numbers_without_a_known_white_are_refused(tmp_path: Path, image: Image.Image, message: str) -> None:
    path = save(image, tmp_path / "image.tif")
    for read in (open_rgb, open_mask):
        with pytest.raises(SdevalError, match=message):
            read(path)


def test_an_init_image_with_transparency_is_refused(tmp_path: Path) -> None:
    path = save(with_alpha(255, ALPHA), tmp_path / "image.png")
    with pytest.raises(SdevalError, match="lay it on the background that is meant"):
        open_rgb(path)


def test_one_of_several_frames_is_not_chosen_in_silence(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "green")]
    path = save(frames[0], tmp_path / "image.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(SdevalError, match="has 2 frames"):
        open_rgb(path)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 50).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


BOMB = zlib.compress(bytes(200_000_000), 1)
HEADER_ENDS = 33
DAMAGED = {
    "zTXt": png()[:HEADER_ENDS] + chunk(b"zTXt", b"a\0\0" + BOMB) + png()[HEADER_ENDS:],
    "iCCP": png()[:HEADER_ENDS] + chunk(b"iCCP", b"a\0\0" + BOMB) + png()[HEADER_ENDS:],
    "truncated": png()[:2000],
    "broken": png()[:100] + bytes(50) + png()[150:],
    "huge": png()[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)) + png()[HEADER_ENDS:],
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n",
    "empty": b"",
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_found_at_collection_and_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(DAMAGED[name])
    case = Case(id="cat", prompt="a cat", image=path, origin="cases.yaml:3")
    with pytest.raises(SdevalError, match=r"^cases\.yaml:3: image: .*image\.png") as error:
        Suite(name="animals", task="img2img", cases=(case,))
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("kind", ["fifo", "folder", "loop", "device", "long", "null", "link to a device"])
def test_what_is_no_file_is_named(tmp_path: Path, kind: str) -> None:
    path = {"long": tmp_path / ("a" * 5000), "null": tmp_path / "a\0b", "device": Path("/dev/zero")}.get(
        kind, tmp_path / "image.png"
    )
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind in ("loop", "link to a device"):
        path.symlink_to(path if kind == "loop" else "/dev/zero")
    with pytest.raises(SdevalError, match="cannot be read"):
        open_rgb(path)


def test_the_hash_of_a_grey_mask_is_that_of_its_pixels(tmp_path: Path) -> None:
    path = save(Image.fromarray(ALPHA), tmp_path / "mask.png")
    assert mask_hash(path) == pixel_hash(path)


def test_a_file_without_its_texts_is_the_one_that_never_had_any() -> None:
    image = Image.new("RGB", (8, 8), "red")
    texts = {"Software": "sdeval", "Description": "黒い猫", "parameters": "a\nb"}
    assert without_metadata(png_bytes(image, texts)) == png_bytes(image)


@pytest.mark.parametrize(("keyword", "text"), [("Software", "sdeval"), ("Description", "黒い猫"), ("sdeval", "")])
def test_a_text_of_a_file_is_read(keyword: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(png_bytes(Image.new("RGB", (8, 8)), {"Software": "sdeval", "Description": "黒い猫"}))
    assert png_text(path, keyword) == text


@given(st.binary(max_size=200), st.booleans())
def test_what_is_no_png_file_loses_nothing_but_text_chunks(content: bytes, signed: bool) -> None:
    content = b"\x89PNG\r\n\x1a\n" + content if signed else content
    assert len(without_metadata(content)) <= len(content)
    assert without_metadata(content) == content or signed
