"""A smaller run of the torture of `sdeval accept`."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="its processes are forked")
@pytest.mark.parametrize("seed", [0, 1])
def test_kills_and_interleavings_of_accepts_harm_no_baseline(seed: int) -> None:
    command = [sys.executable, "-m", "benchmarks.torture.accept", "--kills", "60", "--interleavings", "60"]
    process = subprocess.run([*command, "--seed", str(seed)], cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr
    assert process.stdout.count("60 trials, 0 lost, 0 mixed, 0 damaged, 0 half read, 0 again refused") == 2
