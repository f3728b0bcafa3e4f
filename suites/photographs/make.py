"""Cuts the photographs and makes the masks of this suite: `python suites/photographs/make.py FOLDER`.

FOLDER is `skimage/data` of scikit-image, which ships these photographs; all are free to use:

- cat: Stefan van der Walt, CC0
- coffee: Rachel Michetti, CC0
- astronaut: NASA, public domain (Eileen Collins, by Robert Markowitz, 1993)
- rocket: SpaceX, CC0
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

HERE = Path(__file__).parent
SIZE = (512, 512)
PHOTOGRAPHS = {"cat": "chelsea.png", "coffee": "coffee.png", "astronaut": "astronaut.png", "rocket": "rocket.jpg"}
MASKS = {
    # Left, top, right, bottom of an ellipse (or of a box), in pixels.
    "cat-eye": ("ellipse", (92, 136, 234, 262)),
    "cat-nose": ("ellipse", (236, 352, 392, 480)),
    "cat-right-half": ("box", (256, 0, 512, 512)),
    "coffee-cup": ("ellipse", (84, 10, 408, 400)),
    "coffee-surface": ("ellipse", (128, 112, 356, 258)),
    "coffee-spoon": ("box", (270, 230, 410, 430)),
    "astronaut-helmet": ("ellipse", (268, 336, 512, 512)),
    "astronaut-shuttle": ("box", (340, 0, 480, 290)),
    "astronaut-patch": ("ellipse", (118, 340, 216, 432)),
    "rocket-sky": ("box", (0, 0, 512, 130)),
    "rocket-body": ("box", (222, 140, 296, 500)),
    "rocket-left-tower": ("box", (66, 140, 140, 470)),
}


def main(source: Path) -> None:
    """Write everything beside this file."""
    for name, file in PHOTOGRAPHS.items():
        image = ImageOps.fit(Image.open(source / file).convert("RGB"), SIZE, Image.Resampling.LANCZOS)
        image.save(HERE / "images" / f"{name}.jpg", quality=92)
    for name, (shape, corners) in MASKS.items():
        mask = Image.new("L", SIZE)
        draw = ImageDraw.Draw(mask)
        (draw.ellipse if shape == "ellipse" else draw.rectangle)(corners, fill=255)
        mask.save(HERE / "masks" / f"{name}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
