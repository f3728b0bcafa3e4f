"""One check of values against annotations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import TypedDict

from sdeval import SdevalError
from sdeval._utils.validation import Checked, Number, Plain, check, check_table, check_value, from_json


def misfit(value: object, kind: object, name: str) -> str | None:
    try:
        check_value(value, kind, name, "here")
    except SdevalError as error:
        return str(error).removeprefix("here: ")
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cake(Checked):
    name: str
    layers: int = 1
    weights: Annotated[Sequence[float], "in grams"] = ()
    extra: Mapping[str, Plain] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("a", str),
        (3, int),
        (3, float),
        (0.5, float),
        (True, bool),
        (None, int | None),
        (Path("a.png"), Path | None),
        ((1, 2), tuple[int, ...]),
        ([1, 2], Sequence[int]),
        (range(3), Plain),
        ({"a": [1, None, {"b": True}]}, Mapping[str, Plain]),
        ("sponge", Literal["sponge", "tart"]),
        (object(), Any),
    ],
)
def test_what_an_annotation_says_fits(value: object, kind: object) -> None:
    assert misfit(value, kind, "it") is None


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (3, str, "it: must be text, got 3"),
        ("3", int, "it: must be a whole number, got '3'"),
        (3.5, int, "it: must be a whole number, got 3.5"),
        (True, int, "it: must be a whole number, got True"),
        (True, float, "it: must be a number, got True"),
        (float("nan"), float, "it: must be a finite number, got nan"),
        (10**400, float, "it: must be a finite number, got 1000"),
        ("a.png", Path, "it: must be a path, got 'a.png'"),
        ([1], tuple[int, ...], "it: must be a list of whole numbers, got [1]"),
        (3, Sequence[str] | Literal["all"], "it: must be a list of texts or 'all', got 3"),
        ("yes", bool, "it: must be true or false, got 'yes'"),
        (float("nan"), float | None, "it: must be a finite number, got nan"),
        ("8", int | None, "it: must be a whole number or None, got '8'"),
        ("a", tuple[str, ...], "it: must be a list of texts, got 'a'; write ['a']"),
        ("a", tuple[int, ...], "it: must be a list of whole numbers, got 'a'"),
        ((1, "a"), tuple[int, ...], "it[1]: must be a whole number, got 'a'"),
        ([3], str | Sequence[str], "it[0]: must be text, got 3"),
        (3, str | Sequence[str], "it: must be text or a list of texts, got 3"),
        ([1], Mapping[str, float], "it: must be a mapping, got [1]"),
        ({"a": "b"}, Mapping[str, float], "it: a: must be a number, got 'b'"),
        ({1: 2.0}, Mapping[str, float], "it: keys must be text, got 1"),
        ({1: 2.0}, Plain, "it: keys must be text, got 1"),
        ({"a\nb": "c"}, Mapping[str, float], "it: a b: must be a number, got 'c'"),
        ("sponge", Sequence[Sequence[int]], "it: must be a list of lists, got 'sponge'"),
        ("sponj", Literal["sponge", "tart"], "unknown it 'sponj'; did you mean sponge?"),
        (3, Literal["sponge", "tart"], "unknown it '3'. Known: sponge, tart"),
        ("a", Cake, "it: must be a Cake, got 'a'"),
        ({"a": print}, Mapping[str, Plain], "it: a: must be text, a number, true or false, None, or lists"),
        ({"a": [float("inf")]}, Mapping[str, Plain], "it: a[0]: must be a finite number, got inf"),
        ("\ud800", str, "it: must be text that UTF-8 can hold"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(value: object, kind: object, message: str) -> None:
    said = misfit(value, kind, "it")
    assert said is not None
    assert said.startswith(message)
    assert "\n" not in said
    assert len(said) < 200


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(), st.lists))
def test_whatever_comes_is_judged_without_a_crash(value: object) -> None:
    for kind in (str, int, float | None, Sequence[str], Mapping[str, Plain], Plain, Literal["a"], Path, Cake):
        assert misfit(value, kind, "it") is None or "\n" not in str(misfit(value, kind, "it"))


def test_a_dataclass_is_checked_field_by_field() -> None:
    check(Cake(name="sponge", weights=[1, 2.5]), "cake")
    with pytest.raises(SdevalError, match=r"^cake: weights\[0\]: must be a number, got 'a'; in grams$"):
        check(Cake(name="sponge", weights=("a",)), "cake")  # type: ignore[arg-type]


def test_a_dataclass_is_made_of_what_a_file_holds() -> None:
    assert from_json(Cake, '{"name": "sponge", "layers": 3}', "cake") == Cake(name="sponge", layers=3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", r"cake: must be a mapping, got \[\]"),
        ("{}", "cake: name: is missing"),
        ('{"layer": 3}', "cake: unknown field 'layer'; did you mean layers?"),
        ('{"name": "a", "layers": null}', "cake: layers: must be a whole number, got None"),
        ('{"name": "a", "extra": {"b": [NaN]}}', r"cake: extra: b\[0\]: must be a finite number, got nan"),
        ('{"name": "a", "extra": {"b": 1e999}}', "cake: extra: b: must be a finite number, got inf"),
        ('{"name": "\\ud800"}', "cake: unexpected end of hex escape at line 1"),
        ("[" * 10_000, "cake: recursion limit exceeded"),
        ('{"name": ' + "1" * 5_000 + "}", "cake: number out of range"),
        ("{", "cake: EOF while parsing an object at line 1 column 1"),
    ],
)
def test_a_dataclass_is_not_made_of_anything_else(content: str, message: str) -> None:
    with pytest.raises(SdevalError, match=message) as error:
        from_json(Cake, content, "cake")
    assert "\n" not in str(error.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf(Checked):
    cakes: tuple[Cake, ...] = ()
    weight: Number = 0.0


def test_places_inside_of_other_dataclasses_are_named() -> None:
    with pytest.raises(SdevalError, match=r"^shelf: cakes\[1\]: unknown field 'nam'; did you mean name\?"):
        from_json(Shelf, '{"cakes": [{"name": "a"}, {"nam": "b"}]}', "shelf")
    with pytest.raises(SdevalError, match=r"^shelf: cakes\[0\]: must be a mapping, got 3$"):
        from_json(Shelf, '{"cakes": [3]}', "shelf")


def test_a_whole_number_stays_whole() -> None:
    assert isinstance(from_json(Shelf, '{"weight": 1}', "shelf").weight, int)
    assert isinstance(from_json(Shelf, '{"weight": 1.0}', "shelf").weight, float)


Table = TypedDict("Table", {"a-b": int, "c": str | Sequence[str]}, total=False)


def test_a_table_is_checked_key_by_key() -> None:
    content = {"a-b": 1, "c": ["x"]}
    assert check_table(content, Table, "table") == content
    with pytest.raises(SdevalError, match=r"^table: unknown key 'a_b'; did you mean a-b\? Known: a-b, c$"):
        check_table({"a_b": 2}, Table, "table")
    with pytest.raises(SdevalError, match=r"^table: must be a mapping, got 3$"):
        check_table(3, Table, "table")


def test_a_message_may_begin_with_the_line_of_its_field() -> None:
    with pytest.raises(SdevalError, match=r"^file:6: layers: must be"):
        check(Cake(name="sponge", layers="x"), lambda name: f"file:{len(name)}")  # type: ignore[arg-type]


def test_numbers_too_long_to_write_are_refused_on_one_line() -> None:
    assert misfit(10**5000, str, "it") == "it: must be text, got a value of type int, too long to show"
