"""A suite of two cases, with what a test changes in it."""

from __future__ import annotations

from typing import Any

from sdeval import Case, Suite

CAT, DOG = Case(id="cat", prompt="a cat"), Case(id="dog", prompt="a dog")


def suite(**changes: Any) -> Suite:
    return Suite(**{"name": "animals", "task": "text2img", "cases": (CAT, DOG), **changes})
