"""Beside other plugins of pytest, a session ends as it does without them: exit code, verdicts, page and junit agree."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.torture.sessions import FILES
from tests.conftest import ROOT
from tests.packages import install

pytestmark = pytest.mark.slow

PLUGINS = {
    "randomly": (),
    "rerunfailures": ("--reruns", "2"),
    "timeout": ("--timeout", "300"),
    "html": ("-p", "metadata", "--html", "report.html"),
    "pytest_repeat": ("--count", "2"),
    "asyncio": ("--asyncio-mode", "auto"),
    "pytest_cov": ("--cov", ".", "--cov-report", "xml"),
    "pytest_forked": ("--forked",),
    "xdist": ("-n", "1"),
}
"""Options with which a plugin does something, by the name that `-p` takes."""
TOGETHER = ("--reruns", "1", "--timeout", "300", "--html", "report.html", "--count", "1", "--cov", ".", "--forked")
ALONE = ("-p", "sdeval", "-p", "no:cacheprovider")
BY_NAME = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""Plugins are those that `-p` names."""
INSTALLED = ("pytest-randomly", "pytest-html", "pytest-metadata", "pytest-asyncio", "pytest-cov", "coverage>=7.10")
BLACK = "def paint(case, seed):\n    if case.id == 'case-2':\n        return np.zeros((64, 64, 3), dtype=np.uint8)"
OWN = """
import pytest

@pytest.mark.parametrize("number", range(6))
def test_own(number, tmp_path):
    assert number != 3

async def test_async():
    pass
"""


@dataclass(frozen=True)
class Outcome:
    """What a session left."""

    code: int
    verdicts: dict[str, str]
    reasons: dict[str, str]
    junit: dict[str, tuple[str, ...]]
    title: str
    cases: tuple[str, ...]


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("plugins") / "packages", *INSTALLED, "pytest-forked", "py")


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a baseline, and a case that has turned black since."""
    folder = tmp_path_factory.mktemp("project") / "broken"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    assert run(folder, *ALONE, **BY_NAME).returncode == 0
    subprocess.run([sys.executable, "-m", "sdeval.cli", "accept"], cwd=folder, env=environment(), check=True)
    shutil.rmtree(folder / "reports")
    source = (folder / "paint.py").read_text(encoding="utf-8")
    (folder / "paint.py").write_text(source.replace("def paint(case, seed):", BLACK), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def alone(broken: Path) -> Outcome:
    """How the session ends with no other plugin."""
    outcome = session(broken, "alone", *ALONE, **BY_NAME)
    assert outcome.code == pytest.ExitCode.TESTS_FAILED
    assert outcome.verdicts["case-2"] == "broken"
    assert outcome.verdicts["case-1"] == "passed"
    return outcome


def beside(plugins: Path) -> str:
    return os.pathsep.join((str(plugins), str(ROOT)))


def environment(**changes: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if name not in ("CI", "PYTEST_ADDOPTS")}
    return {**ours, "PYTHONPATH": str(ROOT), **changes}


def run(folder: Path, *options: str, **changes: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "--junitxml=junit.xml", *options]
    return subprocess.run(
        command, cwd=folder, env=environment(**changes), capture_output=True, text=True, check=False, timeout=600
    )


def session(project: Path, name: str, *options: str, **changes: str) -> Outcome:
    folder = shutil.copytree(project, project.parent / name)
    done = run(folder, "--sdeval-no-strict", *options, **changes)
    latest = folder / "reports" / "latest"
    assert (latest / "verdicts.json").is_file(), done.stdout + done.stderr
    verdicts = json.loads((latest / "verdicts.json").read_text(encoding="utf-8"))["verdicts"]
    page = (latest / "index.html").read_text(encoding="utf-8")
    title = re.search("<title>(.*?)</title>", page)
    assert title is not None
    return Outcome(
        code=done.returncode,
        verdicts={verdict["case"] or verdict["metric"]: verdict["verdict"] for verdict in verdicts},
        # Times and memory differ each time.
        reasons={verdict["case"]: verdict["reason"] for verdict in verdicts if verdict["case"]},
        junit=junit(folder),
        title=title[1],
        cases=tuple(sorted(set(re.findall('data-case="(.*?)"', page)))),
    )


def junit(folder: Path) -> dict[str, tuple[str, ...]]:
    """By test: what pytest made of it, and its verdict."""
    tests = ElementTree.parse(folder / "junit.xml").iter("testcase")
    return {
        str(test.get("name")): (
            *(element.tag for element in test if element.tag != "properties"),
            *(str(value.get("value")) for value in test.iter("property") if value.get("name") == "verdict"),
        )
        for test in tests
    }


@pytest.mark.parametrize("name", PLUGINS)
def test_beside_one_plugin_a_session_ends_as_without(name: str, broken: Path, alone: Outcome, plugins: Path) -> None:
    options = (*ALONE, "-p", name, *PLUGINS[name])
    assert session(broken, name, *options, PYTHONPATH=beside(plugins), **BY_NAME) == alone
    folder = broken.parent / name
    if name == "html":
        assert "painted-case-2" in (folder / "report.html").read_text(encoding="utf-8")
    if name == "pytest_cov":
        assert float(ElementTree.parse(folder / "coverage.xml").getroot().get("line-rate", "")) > 0


def test_beside_all_of_them_a_session_ends_as_without(broken: Path, alone: Outcome, plugins: Path) -> None:
    assert session(broken, "together", *TOGETHER, PYTHONPATH=beside(plugins)) == alone


def test_where_there_are_no_suites_all_of_them_do_as_ever(tmp_path: Path, plugins: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n", encoding="utf-8")
    (tmp_path / "test_own.py").write_text(OWN, encoding="utf-8")
    options = ("--reruns", "1", "--timeout", "300", "--count", "2", "-p", "randomly", "-p", "no:cacheprovider")
    outcomes = []
    for sdeval in ((), ("-p", "no:sdeval")):
        done = run(tmp_path, *options, "--randomly-seed=7", *sdeval, PYTHONPATH=beside(plugins))
        outcomes.append(
            (done.returncode, list(junit(tmp_path).items()), sorted(path.name for path in tmp_path.iterdir()))
        )
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][0] == pytest.ExitCode.TESTS_FAILED
