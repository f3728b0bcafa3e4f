"""Metrics of other packages, found by their entry points."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from sdeval import Case, SdevalError, metrics
from sdeval.evaluation.score import score
from sdeval.metrics import GeneratedImage, MetricOptions
from sdeval.results.run import Run
from tests.conftest import ROOT
from tests.generated import plan

EXAMPLE = ROOT / "tests" / "example_package"


@pytest.fixture(autouse=True)
def _found_anew() -> Iterator[None]:
    """What was found before or in these tests is not known to others."""
    metrics._find_installed.cache_clear()
    yield
    metrics._find_installed.cache_clear()
    sys.modules.pop("sdeval_example", None)


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> None:
    """The example package, installed."""
    monkeypatch.syspath_prepend(EXAMPLE)


@pytest.mark.usefixtures("example")
def test_a_metric_of_another_package_is_known_by_name() -> None:
    assert metrics.metric_names()[-1] == "redness"
    assert metrics.info("redness").title == "share of red"
    metric = metrics.create("redness", MetricOptions())
    purple = GeneratedImage(Image.new("RGB", (8, 8), (90, 0, 30)), Case(id="a", prompt="purple"))
    assert metric.score([purple]) == [75]


@pytest.mark.usefixtures("example")
def test_a_suite_can_be_scored_by_it(generated: tuple[Run, Path]) -> None:
    run, folder = generated
    few = plan(metrics=("redness",), tolerances={"redness": 2.0})
    scored = score(replace(run, metrics={}), few.suite, few.samples, folder, "cpu")
    assert all(0 < sample.scores["redness"] < 100 for sample in scored.samples)
    assert (scored.metrics["redness"].title, scored.metrics["redness"].tolerance) == ("share of red", 2.0)


def test_without_the_package_its_metric_is_unknown() -> None:
    with pytest.raises(SdevalError, match="unknown metric 'redness'"):
        metrics.info("redness")


def broken(folder: Path, module: str, entry: str) -> None:
    """A package `broken-metrics` with one module and one entry point."""
    (folder / "broken_metrics.py").write_text(module)
    about = folder / "broken_metrics-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-metrics\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[sdeval.metrics]\n{entry}\n")


@pytest.mark.parametrize(
    ("module", "entry", "message"),
    [
        (
            "import no_such_package",
            "odd = broken_metrics",
            "does not load: ModuleNotFoundError: No module named 'no_such_package'",
        ),
        ("", "odd = broken_metrics:nothing", "does not load: AttributeError:"),
        (
            "def create(options): pass",
            "odd = broken_metrics",
            "broken_metrics must have INFO (a MetricInfo) and create(options)",
        ),
        (
            (EXAMPLE / "sdeval_example.py").read_text().replace("create", "make"),
            "odd = broken_metrics",
            "broken_metrics must have INFO (a MetricInfo) and create(options)",
        ),
        (
            (EXAMPLE / "sdeval_example.py").read_text(),
            "odd = broken_metrics",
            "calls itself 'redness'; the two names must be the same",
        ),
    ],
)
def test_a_broken_metric_is_one_line_that_names_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, entry: str, message: str
) -> None:
    broken(tmp_path, module, entry)
    monkeypatch.syspath_prepend(tmp_path)
    try:
        with pytest.raises(SdevalError) as found:
            metrics.create("odd", MetricOptions())
    finally:
        sys.modules.pop("broken_metrics", None)
    assert "metric odd of broken-metrics" in str(found.value)
    assert message in str(found.value)
    assert "\n" not in str(found.value)


@pytest.mark.usefixtures("example")
def test_a_package_cannot_take_the_place_of_one_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(tmp_path, "raise SystemError", "clip_score = broken_metrics")
    monkeypatch.syspath_prepend(tmp_path)
    assert metrics.info("clip_score").title == "CLIP score"
    assert metrics.metric_names().count("clip_score") == 1
