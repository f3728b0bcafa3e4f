"""Start-up is light."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

HEAVY = ("torch", "diffusers", "transformers", "pandas", "torchmetrics", "open_clip", "scipy", "matplotlib", "rich")
LATE = (*HEAVY, "pydantic")
"""What is not there before a first file or suite is looked at."""


def imported(code: str, names: tuple[str, ...] = HEAVY, cwd: Path = ROOT) -> set[str]:
    """Which of these modules a fresh interpreter has after running `code`."""
    check = f"{code}\nimport sys; print('HAVE', *[name for name in {names} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, cwd=cwd, check=True)
    return set(done.stdout.strip().splitlines()[-1].split()[1:])


def test_importing_sdeval_is_light() -> None:
    assert imported("import sdeval, sdeval.plugin, sdeval.cli", LATE) == set()


@pytest.mark.parametrize("command", ["--help", "accept --help", "show --help", "generate --help", "--version"])
def test_help_is_light(command: str) -> None:
    code = f"import contextlib, sdeval.cli\nwith contextlib.suppress(SystemExit): sdeval.cli.main({command.split()})"
    assert imported(code, LATE) == set()


def test_collecting_the_suites_is_light() -> None:
    code = "import pytest; assert pytest.main(['--collect-only', '-q', '-p', 'no:cacheprovider', 'suites']) == 0"
    assert imported(code) == set()


def test_the_facts_of_all_metrics_are_light() -> None:
    assert imported("from sdeval import metrics\nfor name in metrics.metric_names(): metrics.info(name)") == set()


def test_only_engines_and_faults_import_diffusers() -> None:
    allowed = {"engines", "shapes", "diagnostics"}
    found = {
        path.relative_to(ROOT / "sdeval").parts[0]
        for path in (ROOT / "sdeval").rglob("*.py")
        if "import diffusers" in path.read_text(encoding="utf-8")
        or "from diffusers" in path.read_text(encoding="utf-8")
    }
    assert found <= allowed
