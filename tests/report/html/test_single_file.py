"""The page as one file: it says of its images what they are, and offers nothing that lies beside it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sdeval.report.html.comparison import write_comparison
from sdeval.report.publish import rewrite_page
from sdeval.results.session_folder import COMPARISON
from tests.report.pages import session_page, two_settings


def alone(session: Path) -> str:
    """The text of the page of a session as one file."""
    return rewrite_page(session, single=session.parent / "alone.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("size", "thumbnails"), [(32, 0), (300, 2 * 2)])
def test_images_that_were_made_smaller_are_called_thumbnails(size: int, thumbnails: int, tmp_path: Path) -> None:
    text = alone(session_page(tmp_path, cases=2, seeds=1, size=size).parent)
    cards = text.partition("<main")[2].partition("</main>")[0]
    assert len(re.findall(r"<img [^>]*src=\"data:image/[^>]* data-thumbnail", cards)) == thumbnails


def test_nothing_leads_to_what_lies_beside_the_session(tmp_path: Path) -> None:
    session = session_page(tmp_path, cases=2, seeds=1, size=300).parent
    write_comparison(session / COMPARISON, [two_settings(tmp_path)])
    assert f'href="{COMPARISON}"' in rewrite_page(session).read_text(encoding="utf-8")
    addresses = re.findall(r"\s(?:src|href|data-full)=\"([^\"]*)\"", alone(session))
    assert addresses
    assert [text for text in addresses if not text.startswith(("data:", "#", "https:"))] == []


def test_seeds_and_names_are_there(tmp_path: Path) -> None:
    text = alone(session_page(tmp_path, cases=2, seeds=2).parent)
    for word in ("seed 0", "seed 1", "case-0", "case-1", "baseline"):
        assert word in text
