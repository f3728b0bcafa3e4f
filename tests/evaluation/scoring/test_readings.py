"""What a metric found in an image is kept with its sample, and taken from the baseline together with its score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from sdeval.evaluation import score as scoring
from sdeval.evaluation.score import score
from sdeval.metrics import GeneratedImage, MetricInfo, clip_score
from sdeval.results import run_folder
from sdeval.results.records import CaseRecord
from sdeval.results.run import Run, Stored
from tests.generated import plan

INFO = replace(clip_score.INFO, title="how wide it is", unit="pixels", range=(0.0, 1000.0))


@dataclass
class Widths:
    """Scores an image by its width, and says so."""

    info: MetricInfo = INFO
    version: str = "1"
    reading: str = "width"
    calls: list[int] = field(default_factory=list)

    def score(self, images: Sequence[GeneratedImage]) -> list[float]:
        return [float(image.image.width) for image in images]

    def readings(self, images: Sequence[GeneratedImage]) -> list[str]:
        if any(image.case.id == "square" for image in images):
            raise ValueError("no squares")
        self.calls.append(len(images))
        return [f"{image.image.width} pixels" for image in images]


def scored(
    run: Run, folder: Path, metric: Widths, monkeypatch: pytest.MonkeyPatch, baseline: Stored | None = None
) -> Run:
    few = plan(metrics=("clip_score",))
    monkeypatch.setattr(scoring, "create", lambda name, options: metric)
    return score(replace(run, metrics={}), few.suite, few.samples, folder, "cpu", baseline=baseline)


def test_a_reading_is_kept_with_its_sample(generated: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    run = scored(*generated, Widths(), monkeypatch)
    assert [dict(sample.readings) for sample in run.samples if sample.case != "square"] == [{"width": "64 pixels"}] * 4


def test_an_image_that_cannot_be_read_has_no_reading(
    generated: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = scored(*generated, Widths(), monkeypatch)
    assert [dict(sample.readings) for sample in run.samples if sample.case == "square"] == [{}, {}]


def test_readings_of_identical_images_are_the_baselines(
    generated: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = scored(*generated, Widths(), monkeypatch)
    metric = Widths()
    again = scored(*generated, metric, monkeypatch, Stored(before, generated[1]))
    assert [sample.readings for sample in again.samples] == [sample.readings for sample in before.samples]
    assert metric.calls == []


def test_readings_and_texts_are_written_and_read(
    generated: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = replace(scored(*generated, Widths(), monkeypatch), cases={"circle": CaseRecord(case="circle", text=("O",))})
    run_folder.write(run, tmp_path)
    again = run_folder.read(tmp_path)
    assert again.samples[0].readings == {"width": "64 pixels"}
    assert again.cases["circle"].text == ("O",)


def test_lines_without_text_and_readings_are_as_ever(generated: tuple[Run, Path], tmp_path: Path) -> None:
    run_folder.write(replace(generated[0], cases={"circle": CaseRecord(case="circle")}), tmp_path)
    assert "readings" not in (tmp_path / "samples.jsonl").read_text()
    assert '"text"' not in (tmp_path / "cases.jsonl").read_text()
