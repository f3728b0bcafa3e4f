"""The worst images of a session beside the accepted ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from sdeval.imaging.io import open_rgb
from sdeval.report.pairs import EDGE, GAP, STRIP, pair_of, side_by_side, worst_pairs, write_pair
from tests.report.pages import session_page, verdicts_of


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return session_page(tmp_path_factory.mktemp("session")).parent


def test_broken_cases_come_first_then_those_that_lost(session: Path) -> None:
    pairs = worst_pairs(session, verdicts_of(6), strict=False)
    assert [(pair.case, pair.judged, pair.failed) for pair in pairs][:2] == [
        ("case-0", "case-0", True),
        (pairs[1].case, "clip_score", True),
    ]
    assert len({pair.case for pair in pairs}) == 4


def test_without_a_loss_the_images_that_changed_most_are_there(session: Path) -> None:
    pairs = worst_pairs(session, [], strict=False, most=2)
    assert [(pair.failed, pair.caption) for pair in pairs] == [(False, "image changed")] * 2


def test_a_pair_holds_the_accepted_image_and_the_new_one(session: Path) -> None:
    pair = worst_pairs(session, verdicts_of(6), strict=False)[0]
    image = open_rgb(pair.path)
    assert image.size == (2 * 128 + GAP, STRIP + 128)
    run = session / "animals" / "tiny"
    for left, side in ((0, run / "baseline"), (128 + GAP, run)):
        half = image.crop((left, STRIP, left + 128, STRIP + 128)).resize((32, 32), Image.Resampling.NEAREST)
        assert half.tobytes() == open_rgb(side / "images" / f"{pair.name}.png").tobytes()


def test_one_verdict_has_one_pair(session: Path) -> None:
    pair = pair_of(session, verdicts_of(6)[2])
    assert pair is not None
    assert pair.case == "case-1"
    assert pair_of(session / "nowhere", verdicts_of(6)[2]) is None


def test_an_image_without_an_accepted_one_is_alone(tmp_path: Path) -> None:
    Image.new("RGB", (64, 32), "red").save(tmp_path / "now.png")
    write_pair(None, tmp_path / "now.png", tmp_path / "pair.png")
    assert open_rgb(tmp_path / "pair.png").size == (256, STRIP + 128)


def test_large_images_are_made_smaller_and_small_ones_larger() -> None:
    large = Image.new("RGB", (2048, 1024))
    assert side_by_side([("now", large)]).size == (EDGE, STRIP + EDGE // 2)
    assert side_by_side([("baseline", large), ("now", Image.new("RGB", (8, 8)))]).size == (64 + GAP, STRIP + 32)
