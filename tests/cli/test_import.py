"""`sdeval import`: what is printed, what is written, and how mistakes end."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdeval import load_cases
from sdeval.cli import main
from sdeval.config.prompt_sets.catalogue import SETS
from tests.config.prompt_sets.made_up import FILES, PARTI, write


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_arguments_all_sets_are_listed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["import"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(SETS)
    assert "CC BY 4.0" in next(line for line in lines if line.startswith("gecko "))


def test_a_set_without_a_file_is_described(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "parti-prompts"]) == 0
    output = capsys.readouterr().out
    assert "sha256 fab29e41bb512a169b56acab4cf2a41dcb675e285df2efcde6640c7dd3c440eb" in output
    assert "--stratify: category, challenge" in output
    assert "get PartiPrompts.tsv, then: sdeval import parti-prompts FILE" in output


@pytest.mark.parametrize("name", SETS)
def test_every_set_can_be_described(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", name]) == 0
    assert SETS[name].url in capsys.readouterr().out


def test_a_file_becomes_a_case_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "parti-prompts", str(write(tmp_path, "a.tsv", PARTI))]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("parti-prompts.yaml: 5 of 5 prompts of PartiPrompts\n")
    assert captured.err.startswith("sdeval: warning: ")
    assert len(captured.err.splitlines()) == 1
    assert len(load_cases(tmp_path / "parti-prompts.yaml")) == 5


def test_a_sample_has_equal_shares(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(write(tmp_path, "a.tsv", PARTI))
    options = ["--limit", "3", "--stratify", "category", "--seed", "7", "--output", "suites/parti.yaml"]
    assert main(["import", "parti-prompts", file, *options]) == 0
    assert "category: Animals 1, Artifacts 1, Food & Beverage 1" in capsys.readouterr().out
    assert len(load_cases(tmp_path / "suites" / "parti.yaml")) == 3
    text = (tmp_path / "suites" / "parti.yaml").read_text(encoding="utf-8")
    assert "#   selection: 3 of 5 prompts, equal shares of category, seed 7\n" in text


def test_prompts_that_must_not_be_passed_on_come_with_a_hint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", "drawbench", str(write(tmp_path, "a.txt", FILES["drawbench"]))]) == 0
    assert "keep the file out of public repositories" in capsys.readouterr().out
    text = (tmp_path / "drawbench.yaml").read_text(encoding="utf-8")
    assert "#   redistribution: not known to be allowed\n" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["geneva"], "unknown prompt set 'geneva'; did you mean geneval?"),
        (["geneval", "a.jsonl"], "a.jsonl: no such file"),
        (["geneval", "--limit", "3"], "import geneval: FILE is missing: the published file; `sdeval import geneval`"),
        (["geneval", "a.jsonl", "--limit", "0"], "--limit: must be a number of prompts from 1 on, got 0"),
        (["geneval", "a.jsonl", "--stratify", "tag"], "--stratify: says how a sample is taken; give its size with"),
        (
            ["geneval", "a.jsonl", "--limit", "3", "--stratify", "tags"],
            "--stratify: unknown field 'tags'; did you mean",
        ),
        (
            ["drawbench", "a.txt", "--limit", "3", "--stratify", "tag"],
            "--stratify: prompts of DrawBench have no fields",
        ),
        (["pie-bench", "a.json"], "a.json: no such file"),
        (["gedit-bench", "."], ".: no *.arrow in this folder; `sdeval import gedit-bench` says where to get"),
        (["geneval", "a\0"], "embedded null byte"),
        (["geneval", "\udcff"], "this name of a file or folder is not UTF-8"),
    ],
)
def test_mistakes_end_in_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert not list(Path().glob("*.yaml"))
