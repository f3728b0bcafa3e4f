"""The image that heads the README: FLUX.1-dev with weights of 4, 3 and 2 bits, compared with weights of 8 bits.

    python docs/screenshot.py FOLDER docs/report.png

FOLDER has the images of the README of stable-diffusion.cpp (MIT licence, see `ATTRIBUTION`) as `flux1-dev-q80.webp`,
`-q4k`, `-q40`, `-q3k` and `-q2k`. Two real sessions run: the first is accepted, the second is shown. RapidOCR reads
the signs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

ATTRIBUTION = "leejet/stable-diffusion.cpp at 97d2990, assets/flux, MIT licence"
TEST = '''
"""One image for each way to quantise the weights of FLUX.1-dev."""

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ["FOLDER"])


@pytest.mark.parametrize("weights", ["q4_k", "q4_0", "q3_k", "q2_k"])
def test_sign(weights, sdeval_image):
    name = os.environ.get("WEIGHTS", weights).replace("_", "")
    sdeval_image.check(
        FOLDER / f"flux1-dev-{name}.webp",
        prompt="a lovely cat holding a sign says 'flux.cpp'",
        text="flux.cpp",
        metrics=["text_accuracy", "sharpness", "noise"],
        suite="flux-quantised",
        target="flux-dev",
    )
'''


def run(project: Path, *arguments: str, **variables: str) -> int:
    """Run a module of Python in the project, and return its exit code."""
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | variables
    return subprocess.run([sys.executable, "-m", *arguments], cwd=project, env=environment, check=False).returncode


def generate_report(images: Path, project: Path) -> Path:
    """Accept the images of 8 bits, compare the others with them, and return the page of that session."""
    (project / "pyproject.toml").touch()
    (project / "test_signs.py").write_text(TEST, encoding="utf-8")
    folder = str(images.resolve())
    assert run(project, "pytest", "-q", FOLDER=folder, WEIGHTS="q8_0") == 0
    assert run(project, "sdeval.cli", "accept", "--reason", "weights of 8 bits") == 0
    assert run(project, "pytest", "-q", FOLDER=folder) == 1
    return project / "reports" / "latest" / "index.html"


def save_screenshot(page: Path, image: Path) -> None:
    """Open the page as a visitor sees it first, and save that."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        # Shown 900 pixels wide, its letters are nearly as large as on the page.
        context = browser.new_context(
            viewport={"width": 960, "height": 1090}, device_scale_factor=1.5, color_scheme="light"
        )
        opened = context.new_page()
        opened.goto(page.resolve().as_uri())
        opened.wait_for_load_state("networkidle")
        opened.screenshot(path=image)
        browser.close()


def main(images: Path, image: Path) -> None:
    """Write the image."""
    with TemporaryDirectory() as project:
        save_screenshot(generate_report(images, Path(project)), image)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
