"""Images that cases name."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture
def images(tmp_path: Path) -> Path:
    Image.new("RGB", (16, 16)).save(tmp_path / "image.png")
    for name, width in {"mask": 16, "small": 8, "odd": 12}.items():
        mask = Image.new("L", (width, 16))
        mask.paste(255, (0, 0, 4, 4))
        mask.save(tmp_path / f"{name}.png")
    (tmp_path / "text.png").write_text("no image")
    return tmp_path
