"""Writes the workflows of docs/ci from the templates that `sdeval init` uses: `python -m tools.write_workflows`."""

from __future__ import annotations

from pathlib import Path

from sdeval._utils.files import write_text
from sdeval.scaffold.templating import rendered

FOLDER = Path(__file__).parent.parent / "docs" / "ci"
MODEL = "stable-diffusion-v1-5/stable-diffusion-v1-5"


def workflows() -> dict[str, str]:
    """By name: as they are printed, for a project that is a package, and for Stable Diffusion 1.5."""
    cpu, gpu = ". pytest-sdeval", '. "pytest-sdeval[gpu]"'
    values = {"printed": True, "target": "sd15", "model": MODEL, "weights": True}
    return {
        "github-cpu.yml": rendered("github-cpu.yml.j2", **values, gpu=False, packages=cpu),
        "github-gpu.yml": rendered("github-gpu.yml.j2", **values, gpu=True, packages=gpu),
    }


if __name__ == "__main__":
    for name, text in workflows().items():
        write_text(FOLDER / name, text)
