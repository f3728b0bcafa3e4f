"""The examples in `docs/machines`: read as what they are, and their commands asked whether they know their options."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from sdeval.cli import _parser
from sdeval.config.shard import Shard
from tests.conftest import ROOT

EXAMPLES = sorted((ROOT / "docs" / "machines").iterdir())


def texts(path: Path) -> list[str]:
    """The shell scripts of an example."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".sh":
        return [text]
    content: dict[str, Any] = yaml.safe_load(text)
    if "jobs" in content:
        return [step["run"] for job in content["jobs"].values() for step in job["steps"] if "run" in step]
    return list(content["spec"]["template"]["spec"]["containers"][0]["args"])


def commands(path: Path, program: str) -> list[list[str]]:
    """Arguments of a program in an example, with numbers in the place of variables."""
    joined = "\n".join(texts(path)).replace("\\\n", " ")
    plain = re.sub(
        r"\$\{\{.*?\}\}|\$\{\w+COUNT\}|\$\{\w+\}|\$\w+", lambda match: "4" if "COUNT" in match[0] else "1", joined
    )
    return [
        shlex.split(line)[1:] for line in plain.splitlines() if line.split() and Path(line.split()[0]).name == program
    ]


def test_there_is_one_for_each_kind_of_cluster() -> None:
    assert [path.name for path in EXAMPLES] == ["github.yml", "kubernetes.yaml", "slurm.sh"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_its_scripts_are_bash(path: Path) -> None:
    for text in texts(path):
        script = re.sub(r"\$\{\{.*?\}\}", "1", text)
        done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_pytest_knows_its_options(path: Path, pytester: pytest.Pytester) -> None:
    (arguments,) = commands(path, "pytest")
    config = pytester.parseconfig(*arguments)
    assert Shard.parse(config.getoption("sdeval_shard")).count == 4


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_says_how_to_merge(path: Path) -> None:
    line = next(line for line in path.read_text(encoding="utf-8").splitlines() if "sdeval merge" in line)
    arguments = shlex.split(line.partition("sdeval merge ")[2])
    assert _parser("merge").parse_args(["merge", *arguments]).into is not None


def test_the_job_has_as_many_parts_as_its_pods() -> None:
    job = yaml.safe_load((ROOT / "docs" / "machines" / "kubernetes.yaml").read_text(encoding="utf-8"))
    assert job["spec"]["completionMode"] == "Indexed"
    assert f'"$shard/{job["spec"]["completions"]}"' in texts(ROOT / "docs" / "machines" / "kubernetes.yaml")[0]
