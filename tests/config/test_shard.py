"""What `--sdeval-shard` may say."""

from __future__ import annotations

import pytest

from sdeval.config.shard import Shard
from sdeval.errors import SdevalError


def test_a_shard_has_a_number_and_a_count() -> None:
    shard = Shard.parse("2/4")
    assert (shard.number, shard.count, str(shard)) == (2, 4, "2 of 4")


@pytest.mark.parametrize("text", ["0/4", "5/4", "2", "a/b", "1/", "-1/2", "1/9999999"])
def test_what_is_no_shard_is_named(text: str) -> None:
    with pytest.raises(SdevalError, match=r"shard: must be I/N with I from 1 to N, such as 1/4, got "):
        Shard.parse(text)
