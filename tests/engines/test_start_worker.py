"""How the worker starts: with the code of this package, and without anything else that lies beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sdeval.engines import start_worker
from sdeval.engines.worker_process import START

ISOLATED = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


IMPORTS = """
import sys
import sdeval.engines.worker, sdeval.engines.callable_engine, sdeval.engines.diffusers_engine, sdeval.engines.engine
print("FILES", *sorted(module.__file__ for name, module in sys.modules.items() if name.partition(".")[0] == "sdeval"))
"""
LAZY = ("tomllib", "typing.NotRequired")
"""Of Python 3.11, and imported within functions that no worker calls."""


def start(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *options, str(START), "--check"]
    return subprocess.run(command, cwd=folder, env=ISOLATED, capture_output=True, text=True, check=False)


def test_no_other_sdeval_is_taken_for_it(tmp_path: Path) -> None:
    (tmp_path / "sdeval").mkdir()
    (tmp_path / "sdeval" / "__init__.py").write_text("raise SystemExit('another one')", encoding="utf-8")
    done = start(tmp_path)
    assert done.stdout.startswith("generates for sdeval (worker protocol "), done.stderr


def test_modules_beside_it_hide_none_of_the_environment(tmp_path: Path) -> None:
    # `attempt` lies beside it, and modules of the working directory are found as with `python -m`.
    (tmp_path / "numpy.py").write_text("import attempt", encoding="utf-8")
    (tmp_path / "attempt.py").write_text("raise SystemExit('the one of the working directory')", encoding="utf-8")
    assert "the one of the working directory" in start(tmp_path).stderr


def test_without_the_libraries_it_says_in_one_line_what_it_takes(tmp_path: Path) -> None:
    done = start(tmp_path, "-IS")
    assert done.returncode == 1
    assert done.stderr == f"generating for sdeval takes {start_worker.NEEDED}: No module named 'numpy'\n"


def test_a_python_that_is_too_old_says_so_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    with pytest.raises(SystemExit, match=r"takes Python 3\.10 or later, and this is 3\.9"):
        start_worker.start()


def test_its_modules_can_be_read_by_the_oldest_python() -> None:
    pytest.importorskip("vermin")
    done = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True)
    files = next(line for line in done.stdout.splitlines() if line.startswith("FILES")).split()[1:]
    assert str(START.with_name("diffusers_engine.py")) in files
    oldest = ".".join(map(str, start_worker.OLDEST))
    excluded = [option for name in LAZY for option in ("--exclude", name)]
    command = [sys.executable, "-c", "from vermin import main; main()", f"--target={oldest}-", "--violations"]
    checked = subprocess.run([*command, *excluded, *files, str(START)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
