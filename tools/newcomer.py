"""Does what somebody does who begins, with an installed sdeval, and says how long each step takes.

    python -m tools.newcomer                                      # with this environment
    python -m tools.newcomer --wheel dist/NAME.whl --python python3.12    # in a new environment, from a wheel
    python -m tools.newcomer --wheel dist/NAME.whl --at-most 10   # minutes in all; exits with 1 beyond

The steps are those of the documentation: install, a first verdict on the embedded model, a baseline, a loss that
fails, its acceptance, a suite of one's own, and the commands of the CI workflow that `sdeval init` wrote. Each must end
with the exit code that it should have; otherwise its output is printed, and the exit code is 1. Nothing of this
repository can be imported there.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

WORKFLOW = Path(".github", "workflows", "images.yml")
LOSS = ("--sdeval-set", "num_inference_steps=2")
HIDDEN = ("CI", "GITHUB_STEP_SUMMARY", "PYTHONPATH", "PYTEST_ADDOPTS", "PYTEST_PLUGINS", "VIRTUAL_ENV")
"""Variables that would let the environment of whoever starts this through."""


@dataclass(frozen=True, slots=True)
class Step:
    """What somebody types, what it is for, and how it must end."""

    goal: str
    command: tuple[str, ...]
    code: int = 0
    in_ci: bool = False


FIRST_STEPS = (
    Step("a suite", ("sdeval", "init", "--yes", "--ci", "github")),
    Step("first verdict on the embedded model", ("pytest", "suites")),
    Step("a baseline", ("sdeval", "accept")),
    Step("unchanged images pass", ("pytest", "suites")),
    Step("a loss fails", ("pytest", "suites", *LOSS), code=1),
    Step("the loss is accepted", ("sdeval", "accept", "--reason", "two steps are enough")),
    Step("what was accepted passes", ("pytest", "suites", *LOSS)),
    Step("a suite of one's own", ("sdeval", "new", "suite", "portraits", "--task", "img2img")),
    Step("first verdict of that suite", ("pytest", "suites/test_portraits.py", *LOSS)),
    Step("a baseline of that suite", ("sdeval", "accept")),
    Step("is the machine fit to judge?", ("sdeval", "doctor")),
)


class StepFailed(Exception):
    """A step did not end as it should."""


@dataclass(frozen=True, slots=True)
class Done:
    """A step, and how long it took."""

    step: Step
    seconds: float


def ci_steps(root: Path) -> tuple[Step, ...]:
    """What the workflow of a project runs of sdeval and pytest, with the settings of the accepted baselines."""
    content = yaml.safe_load((root / WORKFLOW).read_text(encoding="utf-8"))
    lines = [
        line for job in content["jobs"].values() for step in job["steps"] for line in step.get("run", "").splitlines()
    ]
    commands = [tuple(line.split()) for line in lines if line.split()[:1] in (["pytest"], ["sdeval"])]
    return tuple(
        Step("in CI", (*command, *LOSS) if command[0] == "pytest" else command, in_ci=True) for command in commands
    )


def run_step(step: Step, folder: Path, binaries: Path) -> Done:
    """Run it with the programs of an environment; raises StepFailed where it ends otherwise than it should."""
    environment = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    environment |= {"PATH": f"{binaries}{os.pathsep}{environment['PATH']}", "HF_HUB_OFFLINE": "1"}
    environment |= {"CI": "true"} if step.in_ci else {}
    program = str(binaries / step.command[0])
    start = time.perf_counter()
    done = subprocess.run(
        [program, *step.command[1:]], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - start
    if done.returncode != step.code:
        output = f"{done.stdout}\n{done.stderr}".strip()
        line = " ".join(step.command)
        raise StepFailed(f"{line}: ended with {done.returncode} instead of {step.code}\n{output}")
    return Done(step, seconds)


def make_environment(folder: Path, python: str, wheel: Path) -> Iterator[Done]:
    """A virtual environment with nothing but a wheel and what it needs."""
    start = time.perf_counter()
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    yield Done(Step("an environment", (python, "-m", "venv")), time.perf_counter() - start)
    install = Step("install", ("python", "-m", "pip", "install", "--quiet", str(wheel.resolve())))
    yield run_step(install, folder, folder / "bin")


def journey(root: Path, binaries: Path) -> Iterator[Done]:
    """All steps in an empty folder."""
    for step in FIRST_STEPS:
        yield run_step(step, root, binaries)
    for step in ci_steps(root):
        yield run_step(step, root, binaries)


def report(steps: Iterator[Done]) -> float:
    """Print each step when it has ended; seconds in all."""
    total = 0.0
    print("   step    total  goal: command", flush=True)
    for done in steps:
        total += done.seconds
        ending = f" (exit code {done.step.code})" if done.step.code else ""
        line = " ".join(Path(part).name if part.startswith("/") else part for part in done.step.command)
        print(f"{done.seconds:6.1f}s {total:7.1f}s  {done.step.goal}: {line}{ending}", flush=True)
    return total


def begin(wheel: Path | None, python: str) -> Iterator[Done]:
    """Everything, in folders that are removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="newcomer-") as place:
        folder, root = Path(place, "environment"), Path(place, "project")
        root.mkdir()
        if wheel:
            yield from make_environment(folder, python, wheel)
        yield from journey(root, folder / "bin" if wheel else Path(sys.executable).parent)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the steps."""
    parser = argparse.ArgumentParser(prog="python -m tools.newcomer", description="How long the first steps take.")
    parser.add_argument("--wheel", type=Path, help="install it into a new environment first")
    parser.add_argument("--python", default=sys.executable, help="the Python of that environment")
    parser.add_argument("--at-most", type=float, metavar="MINUTES", help="exit with 1 if it takes longer in all")
    args = parser.parse_args(arguments)
    try:
        minutes = report(begin(args.wheel, args.python)) / 60
    except StepFailed as error:
        print(error)
        return 1
    print(f"{minutes:.1f} minutes in all")
    return int(args.at_most is not None and minutes > args.at_most)


if __name__ == "__main__":
    sys.exit(main())
