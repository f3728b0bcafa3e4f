"""What pages call metrics, and where these are documented."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import Message
from importlib import metadata

import numpy as np
import pytest

from sdeval.report import titles
from tests.conftest import ROOT, make_run

RUN = make_run(np.full((2, 2), 30.0))


@pytest.fixture(autouse=True)
def _forget_the_address() -> Iterator[None]:
    titles.repository.cache_clear()
    yield
    titles.repository.cache_clear()


def test_every_chapter_that_is_named_is_there() -> None:
    document = (ROOT / titles.DOCUMENT).read_text(encoding="utf-8")
    for name in ("clip_score", "outside_change_p99", "seconds_per_image", "collapsed_samples"):
        path, _, anchor = titles.chapter_of(name).partition("#")
        assert path == titles.DOCUMENT
        assert f"### `{anchor}`\n" in document


@pytest.mark.parametrize("name", ["torchmetrics.image.TotalVariation", "redness", "defect"])
def test_other_metrics_have_no_chapter(name: str) -> None:
    assert (titles.chapter_of(name), titles.explanation_of(name, RUN), titles.blind_spot_of(name)) == ("", "", "")


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        ([], ""),
        (["Documentation, https://example.org/docs"], ""),
        (["Repository, https://example.org/sdeval/"], "https://example.org/sdeval/blob/main"),
        (["Homepage, https://example.org", "source, https://example.org/s"], "https://example.org/s/blob/main"),
    ],
)
def test_the_address_is_the_one_that_the_package_names(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str], expected: str
) -> None:
    message = Message()
    for address in addresses:
        message["Project-URL"] = address
    monkeypatch.setattr(metadata, "metadata", lambda name: message)
    assert titles.repository() == expected


def test_a_package_that_is_not_installed_has_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "metadata", missing)
    assert titles.repository() == ""


def test_speeds_and_collapsed_samples_have_titles_and_units() -> None:
    assert (titles.title_of("peak_memory", RUN), titles.unit_of("peak_memory", RUN)) == ("Peak memory", "MiB")
    assert (titles.title_of("collapsed_samples", RUN), titles.unit_of("collapsed_samples", RUN)) == (
        "Collapsed samples",
        "%",
    )
