"""The chapters of docs/metrics.md are those of the descriptions."""

from __future__ import annotations

from dataclasses import replace

from sdeval import metrics
from tools.metric_docs import DOCUMENT, chapter, with_chapters


def test_the_document_is_up_to_date() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text == with_chapters(text), "write it again: python -m tools.metric_docs"


def test_every_metric_has_a_chapter_of_its_own() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for info in metrics.documented():
        assert text.count(f"### `{info.name}`\n") == 1
        assert f"](#{info.name})" in text


def test_what_is_written_by_hand_stays() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert with_chapters(text.replace("# Metrics", "# Other metrics", 1)).startswith("# Other metrics")


def test_a_chapter_leaves_out_what_is_not_known() -> None:
    info = replace(metrics.info("noise"), paper="", blind_to="")
    assert "- Source" not in chapter(info)
    assert "- Formula" in chapter(info)
