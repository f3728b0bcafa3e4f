"""The shipped suites against the committed baselines: what must pass, and what must be caught and named."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sdeval.results.session_names import sessions
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

Verdicts = list[dict[str, Any]]


def command(output: Path, *arguments: str) -> list[str]:
    run = [sys.executable, "-m", "pytest", "suites", "-q", "-p", "no:cacheprovider", "--sdeval-strict"]
    return [*run, "--sdeval-output", str(output), "-p", "tests.end_to_end.plant", *arguments]


def run(output: Path, *arguments: str, **environment: str) -> tuple[int, Verdicts]:
    """Exit code and verdicts of one session."""
    done = subprocess.run(
        command(output, *arguments), cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True
    )
    found = output / "latest" / "verdicts.json"
    assert found.is_file(), done.stdout + done.stderr
    return done.returncode, json.loads(found.read_text())["verdicts"]


def records_of(path: Path) -> list[dict[str, Any]]:
    """The samples of a run."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def kinds(verdicts: Verdicts) -> set[str]:
    """Without the suites that need a GPU."""
    return {each["verdict"] for each in verdicts} - {"skipped"}


def named(verdicts: Verdicts, *, verdict: str) -> set[str]:
    """Metrics of whole suites with a verdict."""
    return {each["metric"] for each in verdicts if each["verdict"] == verdict and not each["case"]}


HARMLESS: dict[str, tuple[str, ...]] = {
    "as it is": (),
    "again": (),
    "batches of one": ("--sdeval-batch-size", "1"),
    "batches of four": ("--sdeval-batch-size", "4"),
    "batches of eight": ("--sdeval-batch-size", "8"),
    "bfloat16": ("--sdeval-set", "dtype=bfloat16"),
    "another good scheduler": ("--sdeval-set", "scheduler=DPMSolverMultistepScheduler"),
}


@pytest.mark.parametrize("what", HARMLESS)
def test_what_is_not_worse_passes(tmp_path: Path, what: str) -> None:
    code, verdicts = run(tmp_path, *HARMLESS[what])
    assert (code, kinds(verdicts) & {"regressed", "broken", "new", "not_comparable", "unscored"}) == (0, set())


@pytest.mark.parametrize("threads", ["1", "2"])
def test_the_number_of_threads_does_not_matter(tmp_path: Path, threads: str) -> None:
    code, verdicts = run(tmp_path, OMP_NUM_THREADS=threads)
    assert (code, kinds(verdicts)) == (0, {"passed", "informational"})


CAUGHT: dict[str, tuple[tuple[str, ...], str]] = {
    "guidance off": (("--sdeval-set", "guidance_scale=1"), "clip_score"),
    # Divided by 1.5; multiplied by it, this autoencoder generates the same images to the eye.
    "autoencoder scaled wrongly": (("--plant", "vae-scale-0.67"), "frechet_distance"),
    "two steps": (("-k", "text2img", "--sdeval-set", "num_inference_steps=2"), "clip_score"),
    "prompts shuffled": (("--plant", "prompts-shuffled", "-k", "text2img"), "clip_score"),
    "red and blue swapped": (("--plant", "red-and-blue-swapped"), "clip_score"),
    "mask inverted": (("--plant", "mask-inverted", "-k", "inpainting"), "clip_score"),
    # In all three suites at once, as a server does it that ignores what it does not know.
    "mask ignored": (("--plant", "mask-ignored"), "outside_change"),
    "one image in eight from another prompt": (("--plant", "some-prompts-swapped"), "clip_score"),
    "init image ignored": (("--plant", "init-image-ignored", "-k", "img2img"), "init_similarity"),
}


@pytest.mark.parametrize("what", CAUGHT)
def test_what_is_worse_is_caught_and_named(tmp_path: Path, what: str) -> None:
    arguments, metric = CAUGHT[what]
    code, verdicts = run(tmp_path, *arguments)
    assert code == 1
    assert metric in named(verdicts, verdict="regressed")


def test_one_black_image_in_ten_is_broken(tmp_path: Path) -> None:
    code, verdicts = run(tmp_path, "--plant", "one-in-ten-black", "-k", "text2img")
    broken = [each for each in verdicts if each["verdict"] == "broken" and each["case"]]
    assert code == 1
    # More than the first two seeds are generated, and whichever seed is black breaks its case.
    assert len(broken) >= 6
    assert all("is black" in each["reason"] for each in broken)


def test_a_killed_session_leaves_no_half_file_and_goes_on_to_the_same_end(tmp_path: Path) -> None:
    process = subprocess.Popen(command(tmp_path, "-k", "text2img"), cwd=ROOT, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(list(tmp_path.glob("2*/*/*/images/*.png"))) < 9 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    images = list(tmp_path.glob("2*/*/*/images/*.png"))
    assert 9 <= len(images) < 64
    for path in images:
        Image.open(path).load()
    assert not (tmp_path / "latest" / "verdicts.json").exists()
    assert not list(tmp_path.glob("*/*/*/run.json"))
    (stopped,) = sessions(tmp_path)
    code, verdicts = run(tmp_path, "-k", "text2img", "--sdeval-resume")
    assert (code, kinds(verdicts)) == (0, {"passed", "informational"})
    # It went on in the same place, and ended as one that was never stopped.
    assert (tmp_path / "latest").resolve() == stopped
    assert not list(tmp_path.rglob("generated.jsonl"))
    code, verdicts = run(tmp_path, "-k", "text2img")
    assert (code, kinds(verdicts)) == (0, {"passed", "informational"})
    whole = (tmp_path / "latest").resolve()
    records = [records_of(session / "shapes-text2img" / "shapes" / "samples.jsonl") for session in (whole, stopped)]
    first, second = ([(each["case"], each["seed"]) for each in side] for side in records)
    assert first == second
    for one, other in zip(*records, strict=True):
        # Now and then one of the 64 images has a pixel of another level: the session that was never stopped was seen to
        # differ from the baseline while the resumed one did not. Presumably torch rounds otherwise where memory begins
        # at another address. Where a program generates, tests/torture asks for the same bytes.
        pixels = [
            np.asarray(Image.open(session / "shapes-text2img" / "shapes" / each["image"]), dtype=int)
            for session, each in ((whole, one), (stopped, other))
        ]
        assert np.abs(pixels[0] - pixels[1]).max() <= 1
    assert sum(one["sha256"] != other["sha256"] for one, other in zip(*records, strict=True)) <= 3
