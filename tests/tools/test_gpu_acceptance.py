"""The program that proves sdeval on a GPU: its frame, and all that a CPU can do of its checks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.gpu_acceptance import CHECKS, Bench, Check, CheckFailed, Figures, Report, Skipped, require, run_checks
from sdeval import SdevalError
from tests.conftest import ROOT

FACTS = {"hardware": "1x NVIDIA H100 80GB HBM3", "python": "3.11", "packages": {"torch": "2"}}


def made(checks: Sequence[Check], folder: Path, limit: float = 60.0, device: str = "cpu") -> Report:
    bench = Bench(device, tiny=False, folder=folder)
    report = Report(bench, folder, FACTS)
    run_checks(checks, bench, report, limit, slack=1.0)
    return report


def raising(error: BaseException) -> Check:
    def run(bench: Bench) -> Figures:
        raise error

    return Check("broken", run, 5)


FINE = Check("fine", lambda bench: {"dB": 3.5}, 5)


@pytest.mark.parametrize(
    ("error", "outcome", "reason"),
    [
        (CheckFailed("too slow"), "failed", "too slow"),
        (SdevalError("no such model"), "failed", "no such model"),
        (RuntimeError("CUDA error"), "failed", "RuntimeError: "),
        (Skipped("not installed"), "skipped", "not installed"),
    ],
)
def test_a_check_that_goes_wrong_costs_no_other(error: Exception, outcome: str, reason: str, tmp_path: Path) -> None:
    broken, fine = made([raising(error), FINE], tmp_path).results
    assert (broken.outcome, fine.outcome) == (outcome, "passed")
    assert broken.reason.startswith(reason)


def test_a_check_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    def hang(bench: Bench) -> Figures:
        while True:
            # As an engine does, which reports any error of a call as one of its sample.
            try:
                time.sleep(60)
            except Exception:
                continue

    late, fine = made([Check("late", hang, 0.2), FINE], tmp_path).results
    assert (late.outcome, late.reason, fine.outcome) == ("failed", "took more than its 0.2 s", "passed")


def test_what_does_not_fit_into_the_limit_is_skipped_by_name(tmp_path: Path) -> None:
    long, fine = made([Check("long", FINE.run, 1000), FINE], tmp_path).results
    assert (long.name, long.outcome, fine.outcome) == ("long", "skipped", "passed")
    assert long.reason == "takes up to 1000 s, and 60 of 60 s are left"


def test_what_says_nothing_on_a_cpu_is_skipped_there(tmp_path: Path) -> None:
    check = Check("offload", FINE.run, 5, "no other memory")
    assert made([check], tmp_path).results[0].reason == "no other memory"
    assert made([check], tmp_path, device="cuda").results[0].outcome == "passed"


def test_both_files_hold_all_results(tmp_path: Path) -> None:
    made([raising(CheckFailed("a | b")), FINE], tmp_path)
    (page,), (data,) = tmp_path.glob("*-nvidia-h100-80gb-hbm3.md"), tmp_path.glob("*.json")
    assert "| broken | failed |" in page.read_text()
    assert "a / b |" in page.read_text()
    assert "| fine | passed | 0.0 | dB 3.5 |" in page.read_text()
    assert [check["figures"] for check in json.loads(data.read_text())["checks"]] == [{}, {"dB": 3.5}]


def test_what_is_required_is_required() -> None:
    require(True, "fine")
    with pytest.raises(CheckFailed, match="not fine"):
        require(False, "not fine")


HANGING = """
import signal, sys, time
from pathlib import Path
from benchmarks.gpu_acceptance import Bench, Check, Report, run_checks

def stuck(bench):
    # As a call into the driver that never comes back.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    time.sleep(600)

folder = Path(sys.argv[1])
bench = Bench("cpu", tiny=True, folder=folder)
report = Report(bench, folder, {"hardware": "GPU", "python": "3", "packages": {}})
checks = [Check("fine", lambda bench: {"dB": 1}, 1), Check("stuck", stuck, 1), Check("never", stuck, 1)]
run_checks(checks, bench, report, 3.0, 1.0)
"""


@pytest.mark.slow
def test_a_check_that_no_signal_reaches_ends_the_program_with_results_on_disk(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", HANGING, str(tmp_path)], cwd=ROOT, timeout=120, check=False)
    assert done.returncode == 1
    (data,) = tmp_path.glob("*.json")
    outcomes = {check["name"]: check["outcome"] for check in json.loads(data.read_text())["checks"]}
    assert outcomes == {"fine": "passed", "stuck": "failed"}


@pytest.mark.slow
def test_every_check_that_a_cpu_can_make_passes_with_tiny_models(tmp_path: Path) -> None:
    arguments = ["--device", "cpu", "--tiny", "--slack", "20", "--limit", "3000", "--output", str(tmp_path)]
    subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu_acceptance", *arguments],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=True,
        capture_output=True,
        timeout=3000,
    )
    (data,) = tmp_path.glob("*-tiny.json")
    outcomes = {check["name"]: check["outcome"] for check in json.loads(data.read_text())["checks"]}
    assert list(outcomes) == [check.name for check in CHECKS]
    skipped = {name for name, outcome in outcomes.items() if outcome == "skipped"}
    assert {check.name for check in CHECKS if check.needs_gpu} <= skipped
    assert skipped <= {"memory", "out-of-memory", "offload-model", "offload-sequential", "xformers"}
