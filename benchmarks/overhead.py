"""What the harness costs: `pytest suites` beside a bare diffusers loop that generates the same images.

Both are whole processes, run interleaved so that a change of the machine's mood meets both; the ratio is taken pair by
pair. The baseline is made of this machine's own images first: without `--new` images are the baseline's, and their
scores are reused; with it, every image is changed a little, so that all of them are scored and every metric is tested.
Prints medians and, with `--at-most`, exits with 1 where the ratio of processor time is above it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
# Hypothesis, which the tests of sdeval need, has a plugin that imports it at the end of every run.
PYTEST = (sys.executable, "-m", "pytest", "suites", "-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest")
SDEVAL = (sys.executable, "-c", "import sys; from sdeval.cli import main; sys.exit(main())")

BARE = """
import json
import sys
from pathlib import Path

import torch
from diffusers import AutoPipelineForImage2Image, AutoPipelineForInpainting, AutoPipelineForText2Image
from PIL import Image

sys.path.insert(0, "suites")
from test_shapes import test_img2img, test_inpainting, test_text2img

from sdeval.shapes import pipeline_folder
from sdeval.config.case import Sample

session, out, settings = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
text2img = AutoPipelineForText2Image.from_pretrained(pipeline_folder(), dtype=torch.float32)
pipelines = {
    "text2img": text2img,
    "img2img": AutoPipelineForImage2Image.from_pipe(text2img),
    "inpainting": AutoPipelineForInpainting.from_pipe(text2img),
}
for suite in (test_text2img, test_img2img, test_inpainting):
    pipeline = pipelines[suite.task]
    pipeline.set_progress_bar_config(disable=True)
    lines = (session / suite.name / "shapes" / "samples.jsonl").read_text().splitlines()
    cases = {case.id: case for case in suite.cases}
    samples = [Sample(cases[each["case"]], each["seed"]) for each in map(json.loads, lines)]
    samples.sort(key=lambda sample: sample.case.strength or 0)
    while samples:
        batch = [each for each in samples[:8] if each.case.strength == samples[0].case.strength]
        samples = samples[len(batch):]
        call = {"prompt": [each.case.prompt for each in batch]}
        call["generator"] = [torch.Generator("cpu").manual_seed(each.seed) for each in batch]
        if batch[0].case.negative_prompt:
            call["negative_prompt"] = [each.case.negative_prompt for each in batch]
        if batch[0].case.image:
            call["image"] = [Image.open(each.case.image).convert("RGB") for each in batch]
        if batch[0].case.mask:
            call["mask_image"] = [Image.open(each.case.mask).convert("L") for each in batch]
        if batch[0].case.strength:
            call["strength"] = batch[0].case.strength
        for each, image in zip(batch, pipeline(**call, **{**suite.settings, **settings}).images):
            image.save(out / f"{suite.name}-{each.name}.png")
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One process."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def measure(command: Sequence[str]) -> Measured:
    """Run a command to its end and account for it."""
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
    # Compiled modules are kept, as everywhere but in some containers.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    # A first session has no baseline, which would fail in CI.
    environment.pop("CI", None)
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        raise SystemExit(f"{command[:4]} ended with status {os.waitstatus_to_exitcode(status)}")
    return Measured(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def main() -> int:
    """Measure both interleaved and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--at-most", type=float, default=None, metavar="RATIO", help="exit with 1 above this ratio")
    parser.add_argument("--new", action="store_true", help="other images than the baseline's")
    args = parser.parse_args()
    out = ROOT / "reports" / "overhead"
    baselines = out / "baselines"
    shutil.rmtree(out, ignore_errors=True)
    baselines.mkdir(parents=True)
    measure([*PYTEST, "--sdeval-output", str(out), "--sdeval-baselines", str(baselines)])
    measure([*SDEVAL, "accept", str(out / "latest"), "--baselines", str(baselines)])
    settings = {"guidance_scale": 4.01} if args.new else {}
    harness_command = [*PYTEST, "--sdeval-output", str(out), "--sdeval-baselines", str(baselines)]
    for name, value in settings.items():
        harness_command += ["--sdeval-set", f"{name}={value}"]
    bare_command = [sys.executable, "-c", BARE, str(out / "latest"), str(out), json.dumps(settings)]
    bare, harness = [], []
    for _ in range(args.rounds):
        harness.append(measure(harness_command))
        bare.append(measure(bare_command))
    for name, runs in (("pytest suites", harness), ("bare loop", bare)):
        wall = statistics.median(run.seconds for run in runs)
        cpu = statistics.median(run.cpu_seconds for run in runs)
        peak = statistics.median(run.peak_bytes for run in runs) / 2**20
        print(f"{name:14} {wall:7.1f} s wall  {cpu:7.1f} s processor  {peak:7.0f} MiB at peak  (n={len(runs)})")
    wall = statistics.median(a.seconds / b.seconds for a, b in zip(harness, bare, strict=True))
    cpu = statistics.median(a.cpu_seconds / b.cpu_seconds for a, b in zip(harness, bare, strict=True))
    print(f"ratio          {wall:7.2f} wall    {cpu:7.2f} processor")
    return int(args.at_most is not None and cpu > args.at_most)


if __name__ == "__main__":
    sys.exit(main())
