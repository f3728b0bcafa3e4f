"""Known answers of metrics: right where everything is as it should be, wrong where weights are not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from sdeval import NotAvailable, SdevalError
from sdeval.cli import main
from sdeval.diagnostics import metric_answers
from sdeval.diagnostics.metric_answers import (
    check_embedded_clip,
    check_features,
    check_lpips,
    check_reader,
    check_scores,
    examine_metrics,
)
from sdeval.metrics import GeneratedImage, MetricOptions
from sdeval.metrics.features.preference import load_pickscore
from tests.metrics.test_pickscore import folder as pickscore_folder

tiny = pickscore_folder
"""A PickScore of random weights."""


def test_the_embedded_clip_gives_its_known_scores() -> None:
    check = check_embedded_clip()
    assert (check.state, check.advice) == ("fine", "")
    assert check.found.startswith("four known scores are as they should be")


def test_other_scores_than_the_known_ones_are_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metric_answers, "CLIP_SCORES", ((92.84, -22.98), (-28.76, 89.01)))
    check = check_embedded_clip()
    assert (check.state, check.found) == ("wrong", "known scores are 0.80 points off")
    assert check.advice


def test_a_rendered_sign_is_read() -> None:
    pytest.importorskip("rapidocr")
    assert check_reader().state == "fine"


def test_a_sign_that_is_read_otherwise_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rapidocr")
    monkeypatch.setattr(metric_answers, "sign", lambda: Image.new("RGB", (256, 256), "white"))
    check = check_reader()
    assert (check.state, check.found) == ("wrong", "a rendered sign 'Open 24 h' is read as nothing")


class Scores:
    """Gives scores in turn."""

    version = "one 1"

    def __init__(self, *scores: float) -> None:
        self.scores = list(scores)

    def score(self, images: Sequence[GeneratedImage]) -> list[float]:
        return [self.scores.pop(0) for _ in images]


@pytest.mark.parametrize(
    ("scores", "state", "found"),
    [
        ((5.0, 6.0, 5.0, 6.0), "fine", "finite, alike alone and in a batch (5.00, 6.00); version one 1"),
        ((5.0, 6.0, 5.0, 6.1), "wrong", "changes by 0.1 with the other images of a batch"),
        ((5.0, 5.0, 5.0, 5.0), "wrong", "the same for a red circle and a white cross"),
        ((5.0, float("nan"), 5.0, 6.0), "wrong", "values that are not finite"),
        ((5.0, 6.0, float("inf"), 6.0), "wrong", "values that are not finite"),
    ],
)
def test_what_must_hold_of_any_scores(scores: tuple[float, ...], state: str, found: str) -> None:
    check = check_scores("hps_v2", Scores(*scores))
    assert check.state == state
    assert check.found.startswith(found)
    assert bool(check.advice) == (state == "wrong")


def test_it_says_that_no_value_is_known() -> None:
    assert check_scores("hps_v2", Scores(5, 6, 5, 6)).found.endswith("; no value is known to compare with")
    assert "by SHA-256" in check_scores("aesthetic", Scores(5, 6, 5, 6)).found


class Features:
    """Features of brightness; of some other shape or value on demand."""

    name, version, resize = "one", "one 1", "none"

    def __init__(self, kind: str = "") -> None:
        self.kind = kind

    def images(self, images: Sequence[Image.Image]) -> np.ndarray:
        rows = np.array([np.asarray(image).mean(axis=(0, 1)) for image in images])
        others = {"flat": rows.ravel(), "nan": rows * np.nan, "batch": rows * len(images), "zero": rows * 0}
        return others.get(self.kind, rows)


@pytest.mark.parametrize(
    ("kind", "state", "found"),
    [
        ("", "fine", "3 dimensions, finite, alike alone and in a batch; version one 1; no value is known"),
        ("flat", "wrong", "features of two images have the shape (6,)"),
        ("nan", "wrong", "values that are not finite"),
        ("batch", "wrong", "changes by "),
        ("zero", "wrong", "the same for "),
    ],
)
def test_what_must_hold_of_any_features(kind: str, state: str, found: str) -> None:
    check = check_features("clip", Features(kind))
    assert (check.name, check.state) == ("features: clip", state)
    assert check.found.startswith(found)


def by_name(options: MetricOptions) -> dict[str, str]:
    return {check.name: check.state for check in examine_metrics(options)}


def test_what_is_not_on_this_machine_is_named_and_wrong_in_nothing() -> None:
    *_, last = examine_metrics()
    assert (last.name, last.state) == ("metrics", "fine")
    assert last.found.startswith("not checked, for want of weights or programs: ")
    for name in ("hps_v2", "pickscore", "features: dinov2"):
        assert name in last.found


def test_weights_of_ones_own_are_checked(tiny: Path) -> None:
    assert by_name(MetricOptions(pickscore_model=str(tiny)))["pickscore"] == "fine"


def test_weights_that_are_no_numbers_are_wrong(tiny: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_bytes((tiny / "config.json").read_bytes())
    weights = load_file(tiny / "model.safetensors")
    weights["visual_projection.weight"] *= float("nan")
    save_file(weights, broken / "model.safetensors", {"format": "pt"})
    load_pickscore.cache_clear()
    assert by_name(MetricOptions(pickscore_model=str(broken)))["pickscore"] == "wrong"


def test_a_metric_that_does_not_load_is_wrong_and_the_others_are_checked(tmp_path: Path) -> None:
    (tmp_path / "head.pth").write_bytes(b"other")
    checks = {
        check.name: check for check in examine_metrics(MetricOptions(aesthetic_weights=str(tmp_path / "head.pth")))
    }
    assert checks["aesthetic"].state == "wrong"
    assert "its SHA-256 is" in checks["aesthetic"].found
    assert checks["clip_score, embedded CLIP"].state == "fine"


class Lpips:
    def __init__(self, same: float, other: float) -> None:
        self.answers = [same, other]

    def score(self, images: Sequence[GeneratedImage]) -> list[float]:
        return self.answers


@pytest.mark.parametrize(("same", "other", "state"), [(0.0, 0.4, "fine"), (0.1, 0.4, "wrong"), (0.0, 0.0, "wrong")])
def test_an_image_has_no_distance_from_itself(
    same: float, other: float, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metric_answers, "_sample_metric", lambda *_: Lpips(same, other))
    assert check_lpips().state == state


def test_what_is_wrong_ends_the_command_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sdeval.diagnostics.doctor.examine", lambda *_: [])
    monkeypatch.setattr(metric_answers, "check_embedded_clip", lambda: (_ for _ in ()).throw(SdevalError("no CLIP")))
    monkeypatch.setattr(metric_answers, "check_reader", lambda: (_ for _ in ()).throw(NotAvailable("no reader")))
    assert main(["doctor"]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "✗ clip_score, embedded CLIP no CLIP" in printed
    assert "text_accuracy" in printed
