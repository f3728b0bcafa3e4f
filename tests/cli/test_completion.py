"""Completion as the shells do it; those that are not on this machine are left out."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from sdeval.cli import COMMANDS, main
from sdeval.cli.completion import SHELLS, script

needs_fish = pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not on this machine")
BASH = """
source {script}
COMP_WORDS=({words} ''); COMP_CWORD={last}; COMPREPLY=()
[ -n "{part}" ] && COMP_WORDS[{last}]="{part}"
$(complete -p sdeval | sed 's/.*-F \\([^ ]*\\).*/\\1/') sdeval "{part}" sdeval
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture(params=SHELLS)
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The script of each shell, in a file."""
    path = tmp_path / f"sdeval.{request.param}"
    path.write_text(script(request.param), encoding="utf-8")
    return path


def test_the_shell_reads_it(written: Path) -> None:
    shell = written.suffix[1:]
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not on this machine")
    option = "--no-execute" if shell == "fish" else "-n"
    subprocess.run([shell, option, written], check=True)


def test_every_command_is_in_it(written: Path) -> None:
    text = written.read_text(encoding="utf-8")
    assert [name for name in COMMANDS if name not in text] == []
    assert "--sdeval" not in text


def in_bash(folder: Path, *words: str, part: str = "") -> list[str]:
    """What bash offers behind some words, for the part of a word that is typed."""
    path = folder / "completion.bash"
    path.write_text(script("bash"), encoding="utf-8")
    typed = BASH.format(script=path, words=" ".join(words), last=len(words), part=part)
    return subprocess.run(["bash", "-c", typed], capture_output=True, text=True, check=True, cwd=folder).stdout.split()


@pytest.mark.parametrize(
    ("words", "part", "offered"),
    [
        (("sdeval",), "acc", ["accept"]),
        (("sdeval", "accept"), "--dry", ["--dry-run"]),
        (("sdeval", "init", "--ci"), "", ["github", "gitlab", "none"]),
        (("sdeval", "completion"), "", list(SHELLS)),
        (("sdeval", "store"), "pre", ["prefetch"]),
    ],
)
def test_bash_completes(tmp_path: Path, words: tuple[str, ...], part: str, offered: list[str]) -> None:
    assert in_bash(tmp_path, *words, part=part) == offered


def test_bash_completes_names_of_files_where_a_path_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    assert "runs" in {name.rstrip("/") for name in in_bash(tmp_path, "sdeval", "report", part="ru")}


@needs_fish
def test_fish_completes(tmp_path: Path) -> None:
    path = tmp_path / "sdeval.fish"
    path.write_text(script("fish"), encoding="utf-8")
    typed = f"source {path}; complete -C 'sdeval init --ci '"
    offered = subprocess.run(["fish", "-c", typed], capture_output=True, text=True, check=True).stdout
    assert [line.split("\t")[0] for line in offered.splitlines()] == ["github", "gitlab", "none"]


def test_another_shell_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "cmd"]) == 2
    assert "invalid choice: 'cmd'" in capsys.readouterr().err
