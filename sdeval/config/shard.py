"""What `--sdeval-shard` asks for: the part of a session that one of several machines generates."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sdeval._utils.validation import Checked, preview
from sdeval.errors import SdevalError

MOST_SHARDS = 100_000


@dataclass(frozen=True, slots=True)
class Shard(Checked):
    """One part of a session."""

    number: int
    """From 1."""
    count: int
    """Of all shards."""

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read the value of the option.

        Raises:
            SdevalError: it is no shard.
        """
        match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
        shard = cls(*map(int, match.groups())) if match else None
        if shard is None or not 1 <= shard.number <= shard.count <= MOST_SHARDS:
            raise SdevalError(f"shard: must be I/N with I from 1 to N, such as 1/4, got {preview(text)}")
        return shard

    def __str__(self) -> str:
        return f"{self.number} of {self.count}"
