"""sdeval in a notebook: no pytest, ten lines."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import sdeval
from sdeval import Case, SdevalError, Suite, Target, compare, evaluate, load_run
from sdeval.api import _stored
from sdeval.baselines.acceptance import accept
from sdeval.config.image_store import StoreOptions
from sdeval.config.options import read_table
from sdeval.imaging.io import pixel_hash
from sdeval.results.records import NO_FULL_IMAGE
from sdeval.stores.images import open_store
from tests.baselines.test_store import enlarged, on_disk
from tests.conftest import ROOT, make_run

NOTEBOOK = """
from sdeval import Case, Suite, compare, evaluate

suite = Suite(
    name="notebook", task="text2img", seeds=(0, 1, 2, 3), settings={"num_inference_steps": 10},
    metrics=("clip_score",), metric_options={"clip_model": "shapes"},
    cases=tuple(Case(id=f"{colour}-circle", prompt=f"a large {colour} circle") for colour in ("red", "green", "blue")),
)
before = evaluate(suite, "shapes", "runs/before")
after = evaluate(suite, "shapes", "runs/after", settings={"num_inference_steps": 2})
print(*(f"{verdict.name} {verdict.verdict}" for verdict in compare(suite, after, before)), sep="\\n")
"""


def test_ten_lines_generate_score_and_compare(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", NOTEBOOK + "import sys; print('pytest' in sys.modules)"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OMP_WAIT_POLICY": "PASSIVE", "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "clip_score regressed" in done.stdout.splitlines()
    assert done.stdout.splitlines()[-1] == "False"


@pytest.fixture(scope="module")
def suite() -> Suite:
    case = Case(id="circle", prompt="a large red circle on a blue background")
    steps = {"num_inference_steps": 2, "width": 64, "height": 64}
    options = {"clip_model": "shapes"}
    return Suite(
        name="one", task="text2img", cases=(case,), settings=steps, metrics=("clip_score",), metric_options=options
    )


@pytest.fixture(scope="module")
def folder(suite: Suite, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("api") / "run"
    evaluate(suite, "shapes", folder)
    return folder


def test_a_run_is_read_by_text_and_by_path(folder: Path) -> None:
    assert load_run(str(folder)).samples == load_run(folder).samples


def test_a_run_compared_with_itself_passes(suite: Suite, folder: Path) -> None:
    run = load_run(folder)
    assert {verdict.verdict for verdict in compare(suite, run, run)} <= {"passed", "informational"}


def test_a_distance_without_its_image_is_unscored_and_all_else_is_judged(suite: Suite, folder: Path) -> None:
    run = load_run(folder)
    first, *others = run.samples
    reasons = {"psnr": f"{NO_FULL_IMAGE}: the store cannot be reached"}
    first = replace(first, scores={**first.scores, "psnr": None}, reasons=reasons)
    record = replace(next(iter(run.metrics.values())), gating=False)
    now = replace(run, samples=(first, *others), metrics={**run.metrics, "psnr": record})
    verdicts = {
        verdict.metric: verdict for verdict in compare(replace(suite, metrics=(*suite.metrics, "psnr")), now, run)
    }
    assert verdicts["psnr"].verdict == "unscored"
    assert "cannot be compared at full size: the store cannot be reached" in verdicts["psnr"].reason
    assert {verdict.verdict for name, verdict in verdicts.items() if name != "psnr"} <= {"passed", "informational"}


def test_a_run_of_another_suite_is_refused(suite: Suite, folder: Path) -> None:
    run = load_run(folder)
    with pytest.raises(SdevalError, match="the run is of suite one, not of other"):
        compare(Suite(name="other", task="text2img", cases=suite.cases), run, run)


def test_an_unknown_target_gets_its_near_match(suite: Suite, tmp_path: Path) -> None:
    with pytest.raises(SdevalError, match="did you mean shapes"):
        evaluate(suite, "shape", tmp_path)


@pytest.mark.parametrize("settings", [{"guidanse_scale": 1}, {"strength": 0.5}, {"num_inference_steps": "many"}])
def test_a_wrong_setting_is_refused(suite: Suite, tmp_path: Path, settings: dict[str, object]) -> None:
    with pytest.raises(SdevalError, match=next(iter(settings))):
        evaluate(suite, "shapes", tmp_path / "run", settings=settings)
    assert not (tmp_path / "run").exists()


def test_metrics_that_need_the_baselines_image_get_it(suite: Suite, folder: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    wider = replace(suite, metrics=("clip_score", "psnr"))
    shapes = sdeval.config.target_registry.shipped_targets()["shapes"]
    assert isinstance(shapes, Target)
    run = evaluate(wider, shapes, tmp_path / "again", baseline=folder)
    assert run.samples[0].scores["psnr"] == 100.0


@pytest.mark.parametrize("name", sdeval.__all__)
def test_every_name_that_is_listed_is_there(name: str) -> None:
    assert getattr(sdeval, name) is not None


def test_a_name_that_is_not_there_lists_those_that_are() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'evalute'; it has Case, "):
        sdeval.evalute  # noqa: B018


@pytest.mark.parametrize("store", ["", 'store = "shared"'])
def test_full_size_images_of_a_baseline_come_from_the_store_of_its_project(tmp_path: Path, store: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.sdeval]\n{store}\n")
    options = StoreOptions.from_table(read_table(tmp_path), tmp_path)
    images = open_store(options, tmp_path / "baselines")
    accept(
        on_disk(enlarged(make_run(np.array([[30.0, 31.0]]))), tmp_path / "run"), tmp_path / "baselines", images=images
    )
    baseline = _stored(tmp_path / "baselines" / "animals" / "tiny")
    for sample in baseline.run.samples:
        path = baseline.full_image(sample)
        assert pixel_hash(path) == sample.sha256
        assert path.is_relative_to(tmp_path / ("shared" if store else "baselines/.images"))
