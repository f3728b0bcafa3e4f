"""Features of the whole set, which are extracted batch by batch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from sdeval.results.run import Stored
from tests.conftest import ROOT
from tests.evaluation.scoring.mosaics import Generated, generate


def with_references(generated: Generated) -> Generated:
    references = ROOT / "suites" / "shapes" / "references" / "text2img"
    return replace(generated, suite=replace(generated.suite, references=references))


def test_features_of_a_corrupt_baseline_are_extracted_again_for_all_images(tmp_path: Path) -> None:
    before = with_references(generate(tmp_path / "before"))
    accepted = before.score("frechet_distance")
    now = with_references(generate(tmp_path / "now", version=3, changed=lambda sample: sample.case == "case-2"))
    expected = now.score("frechet_distance")
    corrupt = replace(accepted, features={"clip": np.zeros((6, 7), np.float32)})
    run = now.score("frechet_distance", baseline=Stored(corrupt, before.folder))
    assert np.allclose(run.features["clip"], expected.features["clip"], atol=1e-5)


def test_features_of_unchanged_images_are_the_baselines(tmp_path: Path) -> None:
    before = with_references(generate(tmp_path / "before"))
    accepted = before.score("frechet_distance")
    marked = replace(accepted, features={"clip": accepted.features["clip"] + 1})
    now = with_references(generate(tmp_path / "now", version=3, changed=lambda sample: sample.case == "case-2"))
    run = now.score("frechet_distance", baseline=Stored(marked, before.folder))
    assert np.array_equal(run.features["clip"][:4], marked.features["clip"][:4])
    assert not np.allclose(run.features["clip"][4:], marked.features["clip"][4:])
