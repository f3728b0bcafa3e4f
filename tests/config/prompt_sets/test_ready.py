"""The samples that are part of sdeval, and the suites that are made of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sdeval import SdevalError, Suite, load_cases
from sdeval.cli import main
from sdeval.config.prompt_sets.catalogue import SETS
from sdeval.config.prompt_sets.ready import FOLDER, MOST, SIZES, ready_cases, ready_sets
from sdeval.config.target import Target
from sdeval.session.items import items_of


@pytest.mark.parametrize("name", ready_sets())
def test_a_sample_is_of_a_set_whose_licence_allows_it(name: str) -> None:
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    source = yaml.safe_load("\n".join(line.removeprefix("# ") for line in text.partition("\n\n")[0].splitlines()))
    assert SETS[name].redistributable
    assert source["source"]["licence"] == SETS[name].licence
    assert all(file["as_published"] for file in source["source"]["files"])
    assert len(load_cases(FOLDER / f"{name}.yaml")) == MOST
    assert f"{name}.yaml" in (FOLDER / "NOTICE").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ready_sets())
@pytest.mark.parametrize("size", ["smoke", "pull-request"])
def test_a_ready_suite_has_items(name: str, size: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["import", name, "--ready", size]) == 0
    (module,) = tmp_path.glob("test_*.py")
    names: dict[str, object] = {"__file__": str(module)}
    exec(module.read_text(encoding="utf-8"), names)
    (suite,) = [value for key, value in names.items() if key.startswith("test_")]
    assert isinstance(suite, Suite)
    assert (len(suite.cases), len(suite.seeds)) == (SIZES[size].prompts, SIZES[size].seeds)
    assert items_of(suite, [Target(name="sdxl", model="org/model")])
    # What is there already stays as it is.
    assert main(["import", name, "--ready", size]) == 0
    module.write_text("# edited\n", encoding="utf-8")
    assert main(["import", name, "--ready", size]) == 2


def test_the_smaller_sample_is_the_beginning_of_the_larger_one_and_says_its_size() -> None:
    smaller, larger = (ready_cases(SETS["geneval"], size) for size in ("smoke", "pull-request"))
    assert "selection: 16 of 553 prompts, equal shares of tag, seed 0" in smaller
    assert larger.partition("\n\n")[2].startswith(smaller.partition("\n\n")[2])


def test_a_sample_has_equal_shares(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(ready_cases(SETS["geneval"], "smoke"), encoding="utf-8")
    counts = [sum(tag in case.tags for case in load_cases(path)) for tag in ("counting", "colors", "position")]
    assert set(counts) <= {2, 3}


@pytest.mark.parametrize(
    ("name", "size", "reason"),
    [
        ("drawbench", "smoke", "unknown ready set 'drawbench'"),
        ("geneval", "nightly", "has 256 prompts, of which 64 are part of sdeval; get evaluation_metadata.jsonl"),
    ],
)
def test_what_is_not_here_is_said(name: str, size: str, reason: str) -> None:
    with pytest.raises(SdevalError, match=reason):
        ready_cases(SETS[name], size)


def test_a_nightly_suite_is_made_of_the_published_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("prompts.txt").write_text("".join(f"prompt {number}\n" for number in range(300)), encoding="utf-8")
    assert main(["import", "drawbench", "prompts.txt", "--ready", "nightly", "--target", "flux-dev"]) == 0
    assert len(load_cases("drawbench-nightly.yaml")) == 256
    assert 'targets=("flux-dev",)' in Path("test_drawbench_nightly.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--ready", "smok"], "--ready: unknown size 'smok'; did you mean smoke"),
        (["--ready", "smoke", "--limit", "3"], "--ready: has its own number of prompts; leave out --limit"),
        (["--ready", "smoke", "--seed", "3"], "are chosen already; name FILE for another one"),
        (["--target", "sdxl"], "--target: is for ready suites; give their size with --ready"),
    ],
)
def test_mistakes_end_in_one_line(options: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "geneval", *options]) == 2
    assert message in capsys.readouterr().err
