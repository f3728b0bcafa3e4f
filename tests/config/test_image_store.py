"""Which store a project names, and where this machine caches what comes from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdeval.config.image_store import CACHE, StoreOptions
from sdeval.config.options import Config, read_table
from sdeval.errors import SdevalError


@pytest.fixture(autouse=True)
def no_cache_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CACHE, raising=False)


def test_without_a_store_there_is_none() -> None:
    options = StoreOptions.from_table({}, Path("/project"))
    assert (options.url, options.is_folder, options.cache) == ("", False, Path.home() / ".cache" / "sdeval")


@pytest.mark.parametrize("url", ["s3://bucket/images", "gs://bucket", "hf://buckets/us/images", "memory://x"])
def test_a_url_stays_as_it_is(url: str) -> None:
    options = StoreOptions.from_table({"store": url}, Path("/project"))
    assert (options.url, options.is_folder) == (url, False)


@pytest.mark.parametrize(
    "text", ["images", "file:images", "file:///project/images", "/project/images", "file://images"]
)
def test_a_folder_is_seen_from_the_project(text: str) -> None:
    options = StoreOptions.from_table({"store": text}, Path("/project"))
    assert (options.url, options.is_folder) == ("/project/images", True)


def test_the_environment_takes_precedence_over_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {"cache": "cache"}
    assert StoreOptions.from_table(table, Path("/project")).cache == Path("/project/cache")
    monkeypatch.setenv(CACHE, "/elsewhere")
    assert StoreOptions.from_table(table, Path("/project")).cache == Path("/elsewhere")


@pytest.mark.parametrize("name", ["store", "cache"])
def test_an_empty_value_is_refused(name: str) -> None:
    with pytest.raises(SdevalError, match=rf"^\[tool.sdeval\] {name}: is empty; leave it out for the default$"):
        StoreOptions.from_table({name: " "}, Path("/project"))


def test_a_session_has_the_store_of_the_table(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.sdeval]\nstore = "s3://bucket/images"\ncache = "/cache"\n')
    config = Config.merge({}, read_table(tmp_path), tmp_path, ci=False)
    assert config.options.store == StoreOptions(url="s3://bucket/images", cache=Path("/cache"))
