"""Mutation testing: puts small faults into a package, one at a time, and counts those that its tests notice.

    python -m benchmarks.mutants --package stats --sample 80 --seed 1
    python -m benchmarks.mutants --package stats --at cusum.py:61      # all mutants of a line

A mutant is killed if a test fails, and survives if none does. It is tried with the tests of its package that call the
changed function (all of them where it lies in none), the fastest ones first, and if it survives those with such tests
of the packages in `WIDER`. `benchmarks/mutations.py` says which faults there are. A sample is drawn from all mutants of
the package with the seed.

Every mutant is tried in a process that is forked from this one, where the libraries are imported already, in a copy of
the project: nothing is written into the project itself. A mutant that takes `PATIENCE` times as long as its tests
usually take counts as killed.

mutmut 3 leaves out constants of modules and classes, properties and decorated functions, and cosmic-ray starts Python
anew for every mutant; neither draws a sample.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib.util import cache_from_source
from pathlib import Path
from types import CodeType, FrameType, ModuleType

import pytest

from benchmarks.mutations import WHOLE_MODULE, Mutation, function_id, mutations

ROOT = Path(__file__).parent.parent
WIDER = {
    "stats": ("comparison", "history", "session", "frozen"),
    "comparison": ("session", "frozen"),
    "baselines": ("session", "frozen", "cli"),
    "results": ("session", "frozen"),
}
"""Packages whose tests are tried as well, as they build on a package."""
PATIENCE = 3.0
LEAST_SECONDS = 20.0
"""Seconds of computing that every mutant may take, whatever its tests take."""
OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-header", "--tb=line")


@dataclass(slots=True)
class Survey:
    """What the tests do without any fault."""

    callers: dict[str, list[str]] = field(default_factory=dict)
    """Tests that call a function, by file and function."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Seconds that each test takes."""
    modules: list[str] = field(default_factory=list)
    """Modules that they import, without those of the project."""

    def tests_of(self, mutation: Mutation) -> list[str]:
        """The tests that a mutation may break."""
        if mutation.function == WHOLE_MODULE:
            return list(self.seconds)
        return self.callers.get(f"{mutation.path}:{mutation.function}", [])


class Surveyor:
    """A pytest plugin that records which functions of a package each test calls.

    What a fixture of a module or a session calls counts for every test that uses the fixture, and what is called while
    tests are collected counts for all.
    """

    def __init__(self, package: Path) -> None:
        self._package = f"{package.resolve()}{os.sep}"
        self._user = ""
        self._calls: defaultdict[str, set[CodeType]] = defaultdict(set)
        self._fixtures: dict[str, list[str]] = {}
        self._seconds: dict[str, float] = {}

    def trace(self, frame: FrameType, event: str, argument: object) -> None:
        """Note a call; other events are not asked for."""
        if frame.f_code.co_filename.startswith(self._package):
            self._calls[self._user].add(frame.f_code)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Note who calls, and how long it takes."""
        self._user, start = item.nodeid, time.process_time()
        self._fixtures[item.nodeid] = list(getattr(item, "fixturenames", ()))
        result = yield
        self._seconds[item.nodeid] = time.process_time() - start
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[object]) -> Iterator[None]:
        """Note which shared fixture calls."""
        test = self._user
        if fixturedef.scope != "function":
            self._user = fixturedef.argname
        result = yield
        self._user = test
        return result

    def survey(self) -> Survey:
        """What was recorded."""
        callers: defaultdict[str, list[str]] = defaultdict(list)
        for test, fixtures in self._fixtures.items():
            for code in set().union(*(self._calls[user] for user in ("", test, *fixtures))):
                path = Path(code.co_filename).relative_to(Path.cwd().resolve())
                callers[f"{path}:{function_id(code.co_name, code.co_firstlineno)}"].append(test)
        names = [name for name, module in sys.modules.items() if not _is_ours(module)]
        return Survey(dict(callers), self._seconds, names)


class Selection:
    """A pytest plugin that runs some tests only: those of the quickest file first, and its quickest test first."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self._seconds = seconds

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave those tests, in that order."""
        files: defaultdict[str, float] = defaultdict(float)
        for test, seconds in self._seconds.items():
            files[_file(test)] += seconds
        selected = [item for item in items if item.nodeid in self._seconds]
        items[:] = sorted(
            selected,
            key=lambda item: (files[_file(item.nodeid)], _file(item.nodeid), self._seconds[item.nodeid]),
        )


def _is_ours(module: ModuleType) -> bool:
    """Whether a module is part of the project, or runs it."""
    return module.__name__ == "__main__" or str(getattr(module, "__file__", "")).startswith(str(Path.cwd()))


def _file(test: str) -> str:
    return test.partition("::")[0]


def main() -> None:
    """Try a sample of mutants, and print which of them the tests notice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", required=True, choices=WIDER, help="a package of sdeval")
    parser.add_argument("--sample", type=int, default=80, help="number of mutants")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at", nargs="*", metavar="FILE:LINE", help="try all mutants of these lines instead")
    options = parser.parse_args()
    with _project_copy():
        survey = _survey(Path("sdeval", options.package), [f"tests/{options.package}"])
        wider = _survey(Path("sdeval", options.package), [f"tests/{name}" for name in WIDER[options.package]])
        _import(survey.modules + wider.modules)
        chosen = _choose(options.package, options.sample, options.seed, options.at)
        survivors = [mutation for mutation in chosen if not _is_killed(mutation, survey, wider)]
    killed = len(chosen) - len(survivors)
    print(f"\n{options.package}: {killed} of {len(chosen)} killed ({killed / max(1, len(chosen)):.0%}); survivors:")
    print(*survivors, sep="\n")


def _choose(package: str, sample: int, seed: int, lines: Sequence[str] | None) -> list[Mutation]:
    paths = sorted(Path("sdeval", package).glob("*.py"))
    everything = [mutation for path in paths for mutation in mutations(path, path.read_bytes())]
    if lines:
        return [mutation for mutation in everything if f"{mutation.path.name}:{mutation.line}" in lines]
    print(f"{package}: {min(sample, len(everything))} of {len(everything)} mutants, seed {seed}", flush=True)
    # In random order: what was tried before somebody stops it is a sample as well.
    return random.Random(seed).sample(everything, min(sample, len(everything)))


@contextlib.contextmanager
def _project_copy() -> Iterator[None]:
    """Work in a copy of the project, as git lists its files; processes that tests start import the copy as well."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, Path(folder) / name)
        sys.path[:] = [folder, *(path for path in sys.path if Path(path).resolve() != ROOT)]
        os.environ.update(PYTHONPATH=folder, OMP_NUM_THREADS="1", OMP_WAIT_POLICY="PASSIVE", HF_HUB_OFFLINE="1")
        with contextlib.chdir(folder):
            yield


def _survey(package: Path, tests: Sequence[str]) -> Survey:
    """Run tests without a fault, in a process of their own."""

    def run() -> int:
        surveyor = Surveyor(package)
        threading.settrace(surveyor.trace)
        sys.settrace(surveyor.trace)
        status = pytest.main([*OPTIONS, *tests], plugins=[surveyor])
        sys.settrace(None)
        Path("survey.json").write_text(json.dumps(asdict(surveyor.survey())))
        return status

    if _forked(run) != 0:
        raise SystemExit(f"the tests fail without any mutant:\n{Path('output.txt').read_text()[-2000:]}")
    return Survey(**json.loads(Path("survey.json").read_text()))


def _import(modules: Sequence[str]) -> None:
    """Import libraries, which the forked processes then have."""
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.dont_write_bytecode = True
    for name in dict.fromkeys(modules):
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    if "sdeval" in sys.modules:
        raise SystemExit("a library imports sdeval, so that no mutant would be imported")


def _is_killed(mutation: Mutation, survey: Survey, wider: Survey) -> bool:
    """Whether any test notices a mutation."""
    source = mutation.path.read_bytes()
    mutation.path.write_bytes(mutation.apply(source))
    # Bytecode is taken to be current by the second of the file's time.
    Path(cache_from_source(str(mutation.path))).unlink(missing_ok=True)
    killed = any(_fails(known.tests_of(mutation), known) for known in (survey, wider))
    mutation.path.write_bytes(source)
    print("killed  " if killed else "SURVIVED", mutation, flush=True)
    return killed


def _fails(tests: Sequence[str], survey: Survey) -> bool:
    """Whether any of these tests fails, or takes far too long."""
    if not tests:
        return False
    seconds = {test: survey.seconds[test] for test in tests}
    limit = LEAST_SECONDS + PATIENCE * sum(seconds.values())
    files = sorted({_file(test) for test in tests})
    return _forked(lambda: pytest.main([*OPTIONS, *files], plugins=[Selection(seconds)]), limit) != 0


def _forked(function: Callable[[], int], limit: float | None = None) -> int:
    """The result of a function in a forked process.

    Args:
        function: returns an exit status.
        limit: seconds of computing after which the process is killed; it may wait for four times as long.
    """
    process = os.fork()
    if not process:
        _run_and_exit(function, limit)
    end = time.monotonic() + (4 * limit if limit else float("inf"))
    while True:
        finished, status = os.waitpid(process, os.WNOHANG)
        if finished:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            os.killpg(process, signal.SIGKILL)
        time.sleep(0.05)


def _run_and_exit(function: Callable[[], int], limit: float | None) -> None:
    """Everything that the forked process does."""
    status = 1
    try:
        os.setsid()
        output = os.open("output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        _with_fixed_examples()
        if limit:
            resource.setrlimit(resource.RLIMIT_CPU, (int(limit), int(limit) + 5))
        status = int(function())
    finally:
        sys.stdout.flush()
        os._exit(status)


def _with_fixed_examples() -> None:
    """Let Hypothesis try the same examples for every mutant, and not look for the smallest one that fails."""
    from hypothesis import Phase, settings

    settings.register_profile("mutants", phases=[Phase.explicit, Phase.generate], database=None, derandomize=True)
    settings.load_profile("mutants")


if __name__ == "__main__":
    main()
