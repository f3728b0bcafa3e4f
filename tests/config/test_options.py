"""What pyproject.toml and the command line may say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sdeval import SdevalError
from sdeval.cli import main
from sdeval.config.options import Config, read_table


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_right_is_read(root: Path) -> None:
    text = 'target = ["shapes", "./model"]\nbatch-size = 4\nstrict = true\n[tool.sdeval.set]\nguidance_scale = 2\n'
    (root / "pyproject.toml").write_text(f"[tool.sdeval]\n{text}")
    found = Config.merge({}, read_table(root), root, ci=False)
    assert (found.options.targets, found.options.batch_size, found.strict) == (("shapes", "./model"), 4, True)
    assert found.options.values == {"guidance_scale": 2}


def merged(given: dict[str, Any], table: dict[str, Any], *, ci: bool = False) -> Config:
    return Config.merge(given, table, Path("/root"), ci=ci)


def test_the_command_line_wins_over_the_table() -> None:
    table = {"target": "a", "set": {"dtype": "float16", "eta": 1}, "batch-size": 2, "strict": True}
    config = merged({"target": ["b", "c"], "set": ["eta=0"], "batch-size": 4, "strict": False}, table)
    assert config.options.targets == ("b", "c")
    assert config.options.values == {"dtype": "float16", "eta": 0}
    assert (config.options.batch_size, config.strict) == (4, False)


def test_what_nobody_says_has_defaults() -> None:
    config = merged({"target": [], "set": []}, {})
    assert (config.output, config.options.baselines) == (Path("/root/reports"), Path("/root/baselines"))
    assert not config.strict
    assert merged({}, {}, ci=True).strict


def test_without_a_file_or_a_table_there_is_nothing(root: Path) -> None:
    assert read_table(root) == {}
    (root / "pyproject.toml").write_text("[project]\n")
    assert read_table(root) == {}


WRONG = [
    ("[tool.sdeval]\ntarget = 3", "[tool.sdeval]: target: must be text or a list of texts, got 3"),
    ("[tool.sdeval]\ntarget = ['shapes', 3]", "[tool.sdeval]: target[1]: must be text, got 3"),
    ("[tool.sdeval]\nstrict = 'yes'", "[tool.sdeval]: strict: must be true or false, got 'yes'"),
    ("[tool.sdeval]\nall-seeds = 1", "[tool.sdeval]: all-seeds: must be true or false, got 1"),
    ("[tool.sdeval]\nbatch-size = true", "[tool.sdeval]: batch-size: must be a whole number, got True"),
    ("[tool.sdeval]\nbatch_size = 2", "[tool.sdeval]: unknown key 'batch_size'; did you mean batch-size?"),
    ("[tool.sdeval]\noutput = ['a']", "[tool.sdeval]: output: must be text, got ['a']"),
    ("[tool.sdeval]\nset = ['a=1']", "[tool.sdeval]: set: must be a mapping, got ['a=1']"),
    ("[tool.sdeval]\nset = {when = 2026-01-01}", "[tool.sdeval]: set: when: must be text, a number"),
    ("[tool.sdeval]\nset = {guidance_scale = nan}", "[tool.sdeval]: set: guidance_scale: must be a finite number"),
    ("[tool]\nsdeval = 3", "[tool.sdeval]: must be a mapping, got 3"),
    ("tool = 3", "[tool]: must be a mapping, got 3"),
    ("[tool.sdeval", "not TOML: "),
    (f"a = {'1' * 5000}", "not TOML: "),
    (f"a = {'[' * 100_000}", "not TOML: "),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_what_cannot_be_right_is_refused(root: Path, text: str, message: str) -> None:
    (root / "pyproject.toml").write_text(text)
    with pytest.raises(SdevalError) as error:
        read_table(root)
    assert str(error.value).startswith(f"{root / 'pyproject.toml'}: {message}")
    assert "\n" not in str(error.value)


def test_a_file_in_another_encoding_is_refused(root: Path) -> None:
    (root / "pyproject.toml").write_bytes(b"a = '\xff'")
    with pytest.raises(SdevalError, match="not TOML: 'utf-8' codec"):
        read_table(root)


def test_a_batch_of_nothing_is_refused(root: Path) -> None:
    with pytest.raises(SdevalError, match="batch-size: must be a whole number from 1 on, got 0"):
        Config.merge({}, {"batch-size": 0}, root, ci=False)


def test_commands_end_in_one_line_and_2(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "pyproject.toml").write_text("[tool.sdeval]\nbaseline = 'qa'")
    assert main(["accept"]) == 2
    error = capsys.readouterr().err
    assert "[tool.sdeval]: unknown key 'baseline'; did you mean baselines?" in error
    assert len(error.splitlines()) == 1
