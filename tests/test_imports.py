"""Start-up is light, and imports go one way."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

HEAVY = ("torch", "diffusers", "transformers", "pandas", "torchmetrics", "open_clip", "scipy", "matplotlib")


def imported(code: str, cwd: Path = ROOT) -> set[str]:
    """Heavy modules that a fresh interpreter has after running `code`."""
    check = f"{code}\nimport sys; print('HAVE', *[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, cwd=cwd, check=True)
    return set(done.stdout.strip().splitlines()[-1].split()[1:])


def test_importing_sdeval_is_light() -> None:
    assert imported("import sdeval, sdeval.plugin, sdeval.cli") == set()


@pytest.mark.parametrize("command", [["--help"], ["accept", "--help"], ["--version"]])
def test_help_is_light(command: list[str]) -> None:
    code = f"import contextlib, sdeval.cli\nwith contextlib.suppress(SystemExit): sdeval.cli.main({command})"
    assert imported(code) == set()


def test_collecting_the_suites_is_light() -> None:
    code = "import pytest; assert pytest.main(['--collect-only', '-q', '-p', 'no:cacheprovider', 'suites']) == 0"
    assert imported(code) == set()


def test_the_facts_of_all_metrics_are_light() -> None:
    assert imported("from sdeval import metrics\nfor name in metrics.known(): metrics.info(name)") == set()


LAYERS = (
    ("errors", "typed", "files", "images", "environment", "shapes"),
    ("suite", "casefile", "target", "named_targets", "hardware", "stats", "cusum", "collect", "by_hand"),
    ("metrics", "pipelines", "imaging", "faults", "progress", "drift"),
    ("run", "records", "runfiles", "references", "noise", "journal"),
    ("score",),
    ("compare", "plan", "inputs", "drawing", "evaluate", "shapes.train"),
    ("shapes.check",),
    ("baseline", "provenance", "accepting", "fitting", "seeds", "pace", "history"),
    ("runner", "calibrate"),
    ("session", "report", "slow_drift"),
    ("side_by_side", "recorded"),
    ("sensitivity", "doctor"),
    ("config", "distribute"),
    ("plugin", "cli", "arm"),
)
"""Rooms from the ground up: a room may import its own storey and those below."""


def room(module: str) -> str:
    """The room of `sdeval.…`; the tools that make and measure the embedded model live above it."""
    inside = module.removeprefix("sdeval.").split(".")
    two = ".".join(inside[:2])
    return two if two in ("shapes.train", "shapes.check") else inside[0]


def test_imports_go_down_only() -> None:
    storey = {name: number for number, names in enumerate(LAYERS) for name in names}
    wrong = []
    for path in sorted((ROOT / "sdeval").rglob("*.py")):
        own = room(".".join(path.relative_to(ROOT).with_suffix("").parts))
        if own == "__init__":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("sdeval"):
                continue
            names = [f"sdeval.{alias.name}" for alias in node.names] if node.module == "sdeval" else [node.module or ""]
            wrong += [f"{path.name}: {name}" for name in names if storey[room(name)] > storey[own]]
    assert wrong == []


def test_only_pipelines_and_training_import_diffusers() -> None:
    allowed = {"pipelines", "shapes", "faults"}
    found = {
        path.relative_to(ROOT / "sdeval").parts[0]
        for path in (ROOT / "sdeval").rglob("*.py")
        if "import diffusers" in path.read_text(encoding="utf-8")
        or "from diffusers" in path.read_text(encoding="utf-8")
    }
    assert found <= allowed
