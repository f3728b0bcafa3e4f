"""The published files themselves, which are no part of this repository: in the folder that SDEVAL_PROMPT_SETS names."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from sdeval import Suite, load_cases
from sdeval.config.prompt_sets.catalogue import SETS
from sdeval.config.prompt_sets.reading import read_set
from sdeval.config.prompt_sets.sampling import pick
from sdeval.config.prompt_sets.writing import case_file, write_case_file

FOLDER = os.environ.get("SDEVAL_PROMPT_SETS")
pytestmark = pytest.mark.skipif(FOLDER is None, reason="SDEVAL_PROMPT_SETS names no folder of published prompt sets")
PUBLISHED = Path(FOLDER or ".")
T2I_PARTS = ("3d_spatial", "color", "complex", "non_spatial", "numeracy", "shape", "spatial", "texture")
FILES = [
    ("parti-prompts", "PartiPrompts.tsv", 1632),
    ("geneval", "geneval_evaluation_metadata.jsonl", 553),
    ("mlperf-coco", "mlperf_coco2014_captions_source.tsv", 5000),
    ("longtext-bench", "longtext_bench_en.jsonl", 160),
    ("longtext-bench", "longtext_bench_zh.jsonl", 160),
    ("flow-grpo-ocr", "flow_grpo_ocr_test.txt", 1018),
    ("gecko", "gecko_prompts.csv", 1546),
    *(("t2i-compbench", f"t2i_compbench_{part}_val.txt", 300) for part in T2I_PARTS),
    ("drawbench", "DrawBench200.txt", 200),
    ("dpg-bench", "dpg_bench/prompts", 1065),
]


def published(file: str) -> Path:
    """A published file, where somebody put it into the folder."""
    if not (PUBLISHED / file).exists():
        pytest.skip(f"{file} is not in the folder that SDEVAL_PROMPT_SETS names")
    return PUBLISHED / file


@pytest.mark.parametrize(("name", "file", "count"), FILES)
def test_a_published_file_is_read_whole_and_written_again(tmp_path: Path, name: str, file: str, count: int) -> None:
    imported = read_set(SETS[name], published(file))
    assert imported.warning == ""
    assert len(imported.cases) == count
    write_case_file(tmp_path / "a.yaml", case_file(imported, imported.cases, "all"))
    cases = load_cases(tmp_path / "a.yaml")
    assert cases == tuple(made.case for made in imported.cases)
    Suite(name="a", task="text2img", cases=cases)


@pytest.mark.parametrize(
    ("name", "file", "field"),
    [(name, file, field) for name, file, _ in FILES for field in SETS[name].fields],
)
def test_every_field_can_be_stratified_by(name: str, file: str, field: str) -> None:
    imported = read_set(SETS[name], published(file))
    values = Counter(made.fields.get(field) for made in imported.cases)
    chosen = pick(imported.cases, 2 * len(values), field, seed=0)
    counts = Counter(made.fields.get(field) for made in chosen)
    assert set(counts) == set(values)
    assert max(counts.values()) - min(counts.values()) <= 1 or min(values.values()) == 1


def test_the_folder_of_t2i_compbench_is_one_set() -> None:
    imported = read_set(SETS["t2i-compbench"], PUBLISHED)
    assert len(imported.cases) == SETS["t2i-compbench"].prompts
    assert {made.fields["category"] for made in imported.cases} == set(T2I_PARTS)
