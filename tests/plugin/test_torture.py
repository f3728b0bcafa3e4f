"""A smaller run of the torture of sessions."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="its processes are forked")
def test_kills_full_disks_and_sessions_at_once_lose_nothing() -> None:
    command = [sys.executable, "-m", "benchmarks.torture.sessions", "--kills", "12", "--full", "6", "--pairs", "3"]
    process = subprocess.run([*command, "--seed", "1"], cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr
    nothing = "0 lost, 0 other verdicts, 0 other bytes, 0 parts, 0 history, 0 baseline, 0 joined, 0 wrong code"
    assert process.stdout.count(nothing) == 3
    assert "12 trials" in process.stdout
