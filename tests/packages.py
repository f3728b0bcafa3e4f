"""Packages for tests that run other versions, or other plugins: never in the environment of the tests themselves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def install(folder: Path, *requirements: str) -> Path:
    """Put packages, without what they need, into a folder for `PYTHONPATH`; skip the test where there is no index."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), *requirements]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot be installed: {done.stderr.strip().splitlines()[-1]}")
    return folder
