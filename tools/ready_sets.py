"""Writes the samples of prompt sets that are part of sdeval: `python -m tools.ready_sets FOLDER`.

The folder holds the published files; each sample is 64 prompts with equal shares of a field, in the order in which they
were chosen, so that the first 16 are a sample as well.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sdeval.config.prompt_sets.catalogue import find
from sdeval.config.prompt_sets.reading import SetCase, read_set
from sdeval.config.prompt_sets.ready import FOLDER, MOST
from sdeval.config.prompt_sets.sampling import pick
from sdeval.config.prompt_sets.writing import case_file

FILES = {
    "parti-prompts": ("PartiPrompts.tsv", "category"),
    "geneval": ("geneval_evaluation_metadata.jsonl", "tag"),
    "longtext-bench": ("longtext_bench_en.jsonl", "category"),
    "flow-grpo-ocr": ("flow_grpo_ocr_test.txt", None),
    "gecko": ("gecko_prompts.csv", "skill"),
    "t2i-compbench": (".", "category"),
}
"""By set: the file, and the field that has equal shares."""


def main(folder: Path) -> None:
    """Write all samples."""
    for name, (file, field) in FILES.items():
        imported = read_set(find(name), folder / file)
        chosen: list[SetCase] = []
        for count in range(1, MOST + 1):
            chosen += [case for case in pick(imported.cases, count, field, 0) if case not in chosen]
        shares = f", equal shares of {field}" if field else ""
        selection = f"{len(chosen)} of {len(imported.cases)} prompts{shares}, seed 0"
        (FOLDER / f"{name}.yaml").write_text(case_file(imported, chosen, selection), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
