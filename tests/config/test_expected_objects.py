"""What texts say of the objects that an image shall show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdeval import Case, SdevalError, Suite
from sdeval.config.expected_objects import COLORS, POSITIONS, ExpectedObject, parse_object, parse_objects

NAMES = st.text("abcdefghij -", min_size=1).map(lambda text: " ".join(text.split())).filter(bool)
OBJECTS = st.builds(
    ExpectedObject,
    name=st.one_of(NAMES, st.sampled_from(["orange", "red panda", "2 by 4", "box above floor"])),
    count=st.integers(2, 99),
    exact=st.booleans(),
    color=st.sampled_from(["", *COLORS]),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bus", ExpectedObject("bus")),
        ("4 bus", ExpectedObject("bus", 4, exact=True)),
        ("2+ wine glass", ExpectedObject("wine glass", 2)),
        ("red  orange", ExpectedObject("orange", color="red")),
        ("orange", ExpectedObject("orange")),
        ('"red panda"', ExpectedObject("red panda")),
        ("couch left of toaster", ExpectedObject("couch", position="left of", other="toaster")),
    ],
)
def test_a_text_says_what_is_expected(text: str, expected: ExpectedObject) -> None:
    assert parse_object(text) == expected


@given(OBJECTS)
def test_what_is_written_is_read_again(expected: ExpectedObject) -> None:
    assert parse_object(str(expected)) == expected


@pytest.mark.parametrize("position", POSITIONS)
def test_a_place_is_seen_from_another_object(position: str) -> None:
    assert [str(expected) for expected in parse_objects([f"cup {position} table", "table"])] == [
        f"cup {position} table",
        "table",
    ]


@pytest.mark.parametrize(
    ("objects", "reason"),
    [
        (("",), "names no object"),
        (('a "b',), "names no object"),
        (("cup above table",), "'cup above table' names 'table', which must be an object of its own"),
        (("cup above cup", "cup"), "names 'cup', which must be an object of its own"),
    ],
)
def test_what_says_nothing_is_refused_with_the_case(objects: tuple[str, ...], reason: str) -> None:
    case = Case(id="a", prompt="a", objects=objects, origin="a.yaml:1")
    with pytest.raises(SdevalError, match=f"a.yaml:1: objects: .*{reason}"):
        Suite(name="things", task="text2img", cases=(case,))
