"""A small project with a program of its own as target, and a session of it, for tests of commands."""

from __future__ import annotations

from pathlib import Path

from sdeval.cli import main
from sdeval.config.discovery import find_suites
from sdeval.config.options import Config, read_table
from sdeval.report.publish import publish
from sdeval.session.session import Session

ENGINE = """
import numpy as np

def generate(case, seed, levels=255, nudge=0):
    if case.id == "green" and seed == 13:
        raise RuntimeError("this seed is unlucky")
    image = np.random.default_rng(seed + len(case.id)).integers(0, levels, (4, 4, 3), dtype=np.uint8)
    image[0, 0, 0] ^= nudge
    return np.kron(image, np.ones((16, 16, 1), dtype=np.uint8))
"""
SUITE = """
from sdeval import Case, Suite

test_{name} = Suite(
    name="{name}", task="text2img", targets={targets}, metrics=("sharpness",), seeds=(0, 1),
    cases=tuple(Case(id=name, prompt=f"something {{name}}", negative_prompt="blue") for name in {cases}),
)
"""
TABLE = """
[tool.sdeval.targets.ours]
model = "python:engine.py:generate"
[tool.sdeval.targets.dark]
model = "python:engine.py:generate"
settings = { levels = 99 }
"""


def write_suite(
    folder: Path, name: str = "few", targets: tuple[str, ...] = ("ours",), cases: tuple[str, ...] = ("red", "green")
) -> None:
    """Write the module of a suite."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"test_{name}.py").write_text(SUITE.format(name=name, targets=targets, cases=cases), encoding="utf-8")


def write_project(root: Path) -> None:
    """Write a project with the suite `few` and the targets `ours` and `dark`."""
    (root / "pyproject.toml").write_text(TABLE, encoding="utf-8")
    (root / "engine.py").write_text(ENGINE, encoding="utf-8")
    write_suite(root / "suites")


def run_session(root: Path, name: str, *settings: str, suites: str = "suites") -> Path:
    """Generate and judge all suites of a folder, as pytest does it; what comes of it is the latest session."""
    config = Config.merge({"set": list(settings)}, read_table(root), root, ci=False)
    folder = config.output / name
    session = Session(config.options, folder)
    items = [item for suite in find_suites(str(root / suites), root) for item in session.items(suite)]
    session.select(items)
    publish(folder, [session.judge(item) for item in items])
    return folder


def accept(folder: Path) -> None:
    """Make a session the baseline."""
    assert main(["accept", str(folder)]) == 0
