"""Whether values are what annotations say: pydantic decides, and its errors become one line.

A dataclass is the only definition of a format; it derives from `Checked`. pydantic is imported when the first value is
validated, so that commands which validate nothing start without it.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Literal,
    NotRequired,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from sdeval.errors import SdevalError, unknown

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")
Errors = Sequence[Mapping[str, Any]]
"""As pydantic lists them: `type`, `loc`, `input`, and for some `ctx`."""
Place = tuple[str | int, ...]
"""Names and numbers that lead to a value."""
Where = str | Callable[[str], str]
"""How a message begins; a function says it for each field, such as the line that the field stands in."""

SHOWN = 60
"""Characters of a wrong value that a message shows."""
CONFIG: Mapping[str, Any] = {
    "strict": True,
    "extra": "forbid",
    "allow_inf_nan": False,
    # Any length is allowed; a limit makes pydantic look at the text, and refuse what UTF-8 cannot hold.
    "str_max_length": 2**62,
}


class Checked:
    """Base of the dataclasses that pydantic validates: exact types, no unknown fields, finite numbers."""

    __slots__ = ()
    __pydantic_config__: ClassVar[Any] = CONFIG


class Extensible(Checked):
    """Base of those that let unknown fields pass: a later version of sdeval may have written them."""

    __slots__ = ()
    __pydantic_config__: ClassVar[Any] = {**CONFIG, "extra": "ignore"}


def keeps_extra_keys(table: T) -> T:
    """Class decorator: a TypedDict that says what some keys hold, and keeps others."""
    table.__pydantic_config__ = {**CONFIG, "extra": "allow"}  # type: ignore[attr-defined]
    return table


class _Unchanged:
    """Keeps a number as it came: pydantic would turn 1 into 1.0, and a baseline would not stay the same to the byte."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_wrap_validator_function(
            lambda value, inner: (inner(value), value)[1], handler(source)
        )


class _JsonOnly:
    """Refuses what JSON cannot hold, at any depth."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(_refuse_unplain, handler(source))


Number = Annotated[float, _Unchanged()]
"""A finite number of a file that is written again: a whole one stays whole."""
JSON_ONLY = _JsonOnly()
Plain = Annotated[Any, JSON_ONLY]
"""What JSON can hold: text, finite numbers, true and false, None, and lists and mappings of them."""


def check(thing: Any, where: Where) -> None:
    """Refuse a dataclass with a field that is not what its annotation says; `Annotated[…, text]` gives advice.

    Raises:
        SdevalError: `suite animals: seeds[1]: must be a whole number, got 'a'`.
    """
    check_fields(thing.__class__, {name: getattr(thing, name) for name in _hints(thing.__class__)}, where)


def check_fields(kind: Any, values: Mapping[str, Any], where: Where) -> None:
    """Refuse values that are not what the fields of a dataclass hold, before one is made of them.

    Raises:
        SdevalError: a field is unknown, missing, or not what its annotation says.
    """
    _validated(_fields_adapter(kind).validate_python, values, kind, where)


def check_table(content: object, table: type[T], where: str) -> T:
    """Refuse a mapping that is not what a TypedDict says; otherwise, give it back.

    Raises:
        SdevalError: a key is unknown, missing, or not what its annotation says.
    """
    key: Any = table
    return cast(T, _validated(_adapter(key).validate_python, content, key, where))


def from_json(kind: type[T], text: str | bytes, where: str) -> T:
    """A dataclass from the JSON that a file, or a line of one, holds.

    Raises:
        SdevalError: it is no JSON, or a field is unknown, missing, or not what its annotation says.
    """
    key: Any = kind
    return cast(T, _validated(_adapter(key).validate_json, text, key, where))


def misfit(value: object, kind: Any, name: str) -> str | None:
    """What is wrong with a value, or None where it is what an annotation says.

    Example:
        >>> misfit((0, "a"), tuple[int, ...], "seeds")
        "seeds[1]: must be a whole number, got 'a'"
    """
    try:
        _adapter(kind).validate_python(value)
    except ValueError as error:
        return _message(_locate(_errors_of(error), kind, (name,)))
    return None


def _validated(validate: Callable[[Any], Any], value: object, kind: Any, where: Where) -> Any:
    try:
        return validate(value)
    # pydantic's ValidationError is one; naming it here would import pydantic for every value that is right.
    except ValueError as error:
        problem = _locate(_errors_of(error), kind, ())
    except RecursionError:
        raise SdevalError(f"{_named(where, ())}: lists or mappings in it are nested too deeply") from None
    raise SdevalError(f"{_named(where, problem.place)}: {_message(problem)}")


def _named(where: Where, place: Place) -> str:
    return where if isinstance(where, str) else where(str(place[0]) if place else "")


def _errors_of(error: Any) -> Errors:
    errors: Errors = error.errors(include_url=False)
    return errors


@lru_cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    if not _has_fields(kind):
        return TypeAdapter(kind, config=cast(Any, CONFIG))
    # A TypedDict has no base class to inherit it from.
    if not hasattr(kind, "__pydantic_config__"):
        kind.__pydantic_config__ = CONFIG
    return TypeAdapter(kind)


@lru_cache
def _fields_adapter(kind: Any) -> TypeAdapter[Any]:
    """For the fields of a dataclass as a mapping: pydantic never looks into an instance, and makes none from it."""
    from typing_extensions import TypedDict

    hints = {name: hint if name in _required(kind) else NotRequired[hint] for name, hint in _hints(kind).items()}
    return _adapter(cast(Any, TypedDict)(kind.__name__, hints))


@lru_cache
def _hints(kind: Any) -> Mapping[str, Any]:
    """Annotations of a dataclass or a TypedDict."""
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in fields(kind)} if is_dataclass(kind) else hints


def _required(kind: Any) -> set[str]:
    return {each.name for each in fields(kind) if each.default is MISSING and each.default_factory is MISSING}


@dataclass(frozen=True, slots=True)
class _Problem:
    """One error of pydantic, with the annotation that its value does not fit."""

    error: Mapping[str, Any]
    place: Place
    kind: Any
    advice: str = ""


def _locate(errors: Errors, kind: Any, place: Place, depth: int = 0, advice: str = "") -> _Problem:
    """The error to tell: a misspelt name before one that is missing, and those before wrong values.

    Args:
        errors: all that lie below one place.
        kind: the annotation there.
        place: names and numbers that lead there.
        depth: steps of pydantic's `loc` that led there; a union of several has a step of its own.
        advice: text of an `Annotated` on the way.
    """
    error = min(errors, key=lambda each: _ORDER.get(each["type"], len(_ORDER)))
    steps = error["loc"][depth:]
    if get_origin(kind) is Annotated:
        advice = next((each for each in kind.__metadata__ if isinstance(each, str)), advice)
        return _locate(errors, kind.__origin__, place, depth, advice)
    if not steps or steps[1:] == ("[key]",) or (len(steps) == 1 and error["type"] in _UNKNOWN):
        return _Problem(error, place, kind, advice)
    if _is_union(kind):
        members = [each for each in get_args(kind) if each is not type(None)]
        if len(members) == 1:
            return _locate(errors, members[0], place, depth, advice)
        # What lies deepest is about the member that the value is almost one of.
        deepest = max(errors, key=lambda each: len(each["loc"]))
        if len(deepest["loc"]) == depth + 1:
            return _Problem(error, place, kind, advice)
        return _locate([deepest], next(filter(_is_collection, members)), place, depth + 1, advice)
    below = [each for each in errors if each["loc"][depth : depth + 1] == steps[:1]]
    return _locate(below, _inside(kind, steps[0]), (*place, steps[0]), depth + 1, advice)


def _inside(kind: Any, step: str | int) -> Any:
    """The annotation of a field, an entry or an element."""
    if _has_fields(kind):
        return _hints(kind).get(str(step), Any)
    inside = get_args(kind) or (Any,)
    return inside[1] if _is_a(get_origin(kind), Mapping) else inside[0]


_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
_ORDER = {**dict.fromkeys(_UNKNOWN, 0), "missing": 1}


def _message(problem: _Problem) -> str:
    error, value, path = problem.error, problem.error["input"], _path(problem.place)
    match error["type"]:
        case "json_invalid":
            return str(error["ctx"]["error"])
        case "extra_forbidden" | "unexpected_keyword_argument":
            noun = "field" if is_dataclass(problem.kind) else "key"
            return _at(path, unknown(noun, str(error["loc"][-1]), _hints(problem.kind)))
        case "missing":
            return _at(path, "is missing")
        case "literal_error":
            above, _, name = path.rpartition(": ")
            return _at(above, unknown(name, value if isinstance(value, str) else shown(value), _names(problem.kind)))
        case "value_error":
            inner = error["ctx"]["error"]
            return _at(_path((*problem.place, *getattr(inner, "place", ()))), str(inner))
    return _at(path, f"{_demand(problem)}, got {shown(value)}{_advice(problem)}")


def _at(path: str, text: str) -> str:
    return f"{path}: {text}" if path else text


def _path(place: Place) -> str:
    """Where a value stands, as messages show it: `metrics: clip_score`, `seeds[1]`."""
    return "".join(f"[{each}]" if isinstance(each, int) else f": {each}" for each in place).removeprefix(": ")


def _demand(problem: _Problem) -> str:
    """What a value must be."""
    kind, value = problem.error["type"], problem.error["input"]
    if kind == "string_unicode":
        return "must be text that UTF-8 can hold"
    if problem.error["loc"][-1:] == ("[key]",):
        return "keys must be text"
    # pydantic calls a whole number that is larger than any float no number at all.
    if kind == "finite_number" or (kind == "float_type" and isinstance(value, int) and not isinstance(value, bool)):
        return "must be a finite number"
    return f"must be {'a mapping' if kind == 'dataclass_type' else _say(problem.kind)}"


def _advice(problem: _Problem) -> str:
    if problem.error["type"] in ("string_unicode", "finite_number"):
        return ""
    kind, value = problem.kind, problem.error["input"]
    alone = isinstance(value, str) and _is_a(get_origin(kind), Sequence) and get_args(kind)[0] is str
    return (f"; write [{shown(value)}]" if alone else "") + (f"; {problem.advice}" if problem.advice else "")


def _names(kind: Any) -> list[str]:
    """What a Literal allows, also where None is allowed besides."""
    literal = next(each for each in (kind, *get_args(kind)) if get_origin(each) is Literal)
    return [str(each) for each in get_args(literal)]


class _NotPlain(ValueError):
    """Something that JSON cannot hold, at a place inside a value."""

    def __init__(self, text: str, place: Place) -> None:
        super().__init__(text)
        self.place = place


def _refuse_unplain(value: Any, place: Place = ()) -> Any:
    """Give back what JSON can hold.

    Raises:
        _NotPlain: it cannot hold it.
    """
    if isinstance(value, Mapping):
        for name, each in value.items():
            if not isinstance(name, str):
                raise _NotPlain(f"keys must be text, got {shown(name)}", place)
            _refuse_unplain(name, place)
            _refuse_unplain(each, (*place, name))
    elif isinstance(value, list | tuple | range):
        for number, each in enumerate(value):
            _refuse_unplain(each, (*place, number))
    elif (wrong := _not_plain(value)) is not None:
        raise _NotPlain(f"must be {wrong}, got {shown(value)}", place)
    return value


def _not_plain(value: object) -> str | None:
    """What a single value must be, where JSON cannot hold it."""
    if isinstance(value, float):
        return None if math.isfinite(value) else "a finite number"
    if isinstance(value, str):
        return None if _is_writable(value) else "text that UTF-8 can hold"
    if value is None or isinstance(value, int):
        return None
    return "text, a number, true or false, None, or lists or mappings of them"


def _is_writable(text: str) -> bool:
    try:
        text.encode()
    # Half of a surrogate pair: JSON and YAML can spell it, files cannot hold it.
    except UnicodeEncodeError:
        return False
    return True


def _is_a(kind: Any, of: type) -> bool:
    return isinstance(kind, type) and issubclass(kind, of)


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType)


def _is_collection(kind: Any) -> bool:
    return _is_a(get_origin(kind), Mapping) or _is_a(get_origin(kind), Sequence)


def _has_fields(kind: Any) -> bool:
    return is_dataclass(kind) or hasattr(kind, "__required_keys__")


_WORDS: Mapping[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Path: "a path",
    type(None): "None",
}
_MANY: Mapping[Any, str] = {str: "texts", int: "whole numbers", float: "numbers"}


def _say(kind: Any) -> str:
    """An annotation in words."""
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _say(inside[0])
    if _is_union(kind):
        return " or ".join(map(_say, inside))
    if origin is Literal:
        return " or ".join(map(repr, inside))
    if _is_a(origin, Mapping) or hasattr(kind, "__required_keys__"):
        return "a mapping"
    if _is_a(origin, Sequence):
        return f"a list of {_MANY.get(inside[0]) or ('lists' if get_origin(inside[0]) else inside[0].__name__)}"
    return _WORDS.get(kind) or f"a {kind.__name__}"


def shown(value: object) -> str:
    """A value as messages show it: on one line, and cut where it is long."""
    try:
        text = " ".join(repr(value).split())
    # Python refuses to write numbers of thousands of digits.
    except ValueError:
        return f"a value of type {type(value).__name__}, too long to show"
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
