"""The case file: what is written is what `load_cases` reads, and a comment says where it is from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdeval import Case, SdevalError, load_cases
from sdeval.config.prompt_sets.catalogue import SETS
from sdeval.config.prompt_sets.reading import ImportedSet, SetCase, read_set
from sdeval.config.prompt_sets.writing import MOST_LISTED, case_file, write_case_file
from tests.config.prompt_sets.made_up import FILES, write

FUZZ = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
PROMPTS = st.text(st.characters(codec="utf-8"), min_size=1)


def header(text: str) -> dict[str, Any]:
    """The comment that a case file begins with."""
    lines = [line.removeprefix("# ") for line in text.split("\n\n", 1)[0].splitlines()]
    return yaml.safe_load("\n".join(lines))["source"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_set_is_read_as_it_was_written(tmp_path: Path, name: str) -> None:
    imported = read_set(SETS[name], write(tmp_path, "prompts_val.txt", FILES[name]))
    write_case_file(tmp_path / "a.yaml", case_file(imported, imported.cases, "all"))
    assert load_cases(tmp_path / "a.yaml") == tuple(made.case for made in imported.cases)


@FUZZ
@given(st.lists(PROMPTS, min_size=1, max_size=5), st.text(st.characters(codec="utf-8")))
def test_any_prompt_is_read_as_it_was_written(tmp_path: Path, prompts: list[str], selection: str) -> None:
    made = tuple(SetCase(Case(id=f"a-{number}", prompt=text), {}) for number, text in enumerate(prompts))
    path = tmp_path / "a.yaml"
    path.unlink(missing_ok=True)
    write_case_file(path, case_file(ImportedSet(SETS["gecko"], (), made), made, selection))
    assert [case.prompt for case in load_cases(path)] == prompts


def test_the_comment_says_where_the_prompts_are_from(tmp_path: Path) -> None:
    imported = read_set(SETS["geneval"], write(tmp_path, "a.jsonl", FILES["geneval"]))
    source = header(case_file(imported, imported.cases, "all 2 prompts"))
    assert source == {
        "set": "GenEval",
        "url": "https://github.com/djghosh13/geneval/blob/af4902f/prompts/evaluation_metadata.jsonl",
        "commit": "af4902f",
        "files": [{"file": "a.jsonl", "sha256": imported.sources[0].sha256, "as_published": False}],
        "licence": "MIT",
        "redistribution": "allowed",
        "citation": SETS["geneval"].citation,
        "selection": "all 2 prompts",
    }


def test_a_name_with_a_line_break_stays_within_the_comment(tmp_path: Path) -> None:
    imported = read_set(SETS["geneval"], write(tmp_path, "a\n- id: b\u2028.jsonl", FILES["geneval"]))
    text = case_file(imported, imported.cases, "all")
    write_case_file(tmp_path / "a.yaml", text)
    assert len(load_cases(tmp_path / "a.yaml")) == 2
    assert header(text)["files"][0]["file"] == "a\n- id: b\u2028.jsonl"


def test_of_many_files_only_some_are_listed(tmp_path: Path) -> None:
    for number in range(MOST_LISTED + 3):
        write(tmp_path, f"{number}.txt", f"goose {number}")
    imported = read_set(SETS["dpg-bench"], tmp_path)
    source = header(case_file(imported, imported.cases, "all"))
    assert (len(source["files"]), source["further_files"]) == (MOST_LISTED, 3)


def test_a_file_that_somebody_changed_is_not_overwritten(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", "- id: mine\n  prompt: mine\n")
    with pytest.raises(SdevalError, match="is there already, with other content; remove it, or name another --output"):
        write_case_file(path, "- id: a\n  prompt: b\n")
    assert load_cases(path)[0].id == "mine"


def test_the_same_file_may_be_written_again(tmp_path: Path) -> None:
    for _ in range(2):
        write_case_file(tmp_path / "a.yaml", "- id: a\n  prompt: b\n")
    assert len(load_cases(tmp_path / "a.yaml")) == 1


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SdevalError, match=r"a\.csv: must end in \.yaml or \.yml"):
        write_case_file(tmp_path / "a.csv", "")
