from __future__ import annotations

from collections.abc import Callable

import pytest

from sdeval import Case, SdevalError, Suite
from sdeval.config.names import naming_problem
from sdeval.config.target import Target

CASE = Case(id="cat", prompt="a cat")
NAMED: list[Callable[[str], object]] = [
    lambda name: Suite(name=name, task="text2img", cases=(CASE,)),
    lambda name: Suite(name="animals", task="text2img", cases=(Case(id=name, prompt="a", origin="cases.yaml:3"),)),
    lambda name: Target(name=name, model="org/model"),
]


@pytest.mark.parametrize("make", NAMED, ids=["suite", "case", "target"])
@pytest.mark.parametrize(
    ("name", "message"), [("nul", "is a reserved name on Windows"), ("a" * 101, "has 101 characters")]
)
def test_a_name_that_no_file_can_have_is_refused(make: Callable[[str], object], name: str, message: str) -> None:
    with pytest.raises(SdevalError, match=message):
        make(name)


@pytest.mark.parametrize("name", ["con", "prn", "aux", "nul", "com1", "lpt9", "con.x"])
def test_devices_of_windows_are_reserved_whatever_their_ending(name: str) -> None:
    assert naming_problem(name)


@pytest.mark.parametrize("name", ["console", "com", "com10", "a-nul", "a" * 100])
def test_names_that_only_look_alike_are_free(name: str) -> None:
    assert not naming_problem(name)


def test_the_line_of_a_case_is_named() -> None:
    with pytest.raises(SdevalError, match=r"^cases\.yaml:3: id: 'aux' is a reserved name"):
        NAMED[1]("aux")
