"""Whether values are what annotations say: pydantic decides, and its errors become one line (`validation_errors`).

A dataclass is the only definition of a format; it derives from `Checked`. pydantic is imported when the first value is
validated, so that commands which validate nothing start without it.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import MISSING, fields, is_dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar, cast, get_type_hints

from sdeval._utils.files import DuplicateName, parse_json
from sdeval.errors import SdevalError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")
Place = tuple[str | int, ...]
"""Names and numbers that lead to a value."""
Where = str | Callable[[str], str]
"""How a message begins; a function says it for each field, such as the line that the field stands in."""
_is_checked_already = ContextVar("_is_checked_already", default=False)
"""Whether `check` has nothing to do."""

SHOWN = 60
"""Characters of a wrong value that a message shows."""
MOST_SHOWN = 20
"""Elements of a list or a mapping of which a message is made; a file can hold a value of a few lines that, written
out, has billions."""
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
    if not _is_checked_already.get():
        check_fields(thing.__class__, {name: getattr(thing, name) for name in hints_of(thing.__class__)}, where)


@contextmanager
def checked_already() -> Iterator[None]:
    """Make dataclasses of what another process of this version has checked: there need be no pydantic here."""
    token = _is_checked_already.set(True)
    try:
        yield
    finally:
        _is_checked_already.reset(token)


def check_fields(kind: Any, values: Mapping[str, Any], where: Where) -> None:
    """Refuse values that are not what the fields of a dataclass hold, before one is made of them.

    Raises:
        SdevalError: a field is unknown, missing, or not what its annotation says.
    """
    _validate(_fields_adapter(kind).validate_python, values, kind, where)


def check_table(content: object, table: type[T], where: str) -> T:
    """Refuse a mapping that is not what a TypedDict says; otherwise, give it back.

    Raises:
        SdevalError: a key is unknown, missing, or not what its annotation says.
    """
    key: Any = table
    return cast(T, _validate(_adapter(key).validate_python, content, key, where))


def from_json(kind: type[T], text: str | bytes, where: str) -> T:
    """A dataclass from the JSON that a file, or a line of one, holds.

    Raises:
        SdevalError: it is no JSON, or a field is unknown, missing, or not what its annotation says.
    """
    # pydantic lets the last of two equal names count; what is no JSON at all it says itself.
    try:
        parse_json(text)
    except DuplicateName as error:
        raise SdevalError(f"{where}: {error}") from None
    except (ValueError, RecursionError):
        pass
    key: Any = kind
    return cast(T, _validate(_adapter(key).validate_json, text, key, where))


def check_value(value: object, kind: Any, name: str, where: str) -> None:
    """Refuse a single value that is not what an annotation says.

    Raises:
        SdevalError: `StableDiffusionPipeline: guidance_scale: must be a number, got 'high'`.
    """
    _validate(_adapter(kind).validate_python, value, kind, where, (name,))


def _validate(validate: Callable[[Any], Any], value: object, kind: Any, where: Where, place: Place = ()) -> Any:
    try:
        return validate(value)
    # pydantic's ValidationError is one, and is only looked at where there is one.
    except ValueError as error:
        raise _refusal(error, kind, where, place) from None
    except RecursionError:
        begin = where if isinstance(where, str) else where("")
        raise SdevalError(f"{begin}: lists or mappings in it are nested too deeply") from None


def _refusal(error: Any, kind: Any, where: Where, place: Place) -> SdevalError:
    from sdeval._utils.validation_errors import locate, message

    problem = locate(error.errors(include_url=False), kind, place)
    begin = where if isinstance(where, str) else where(str(next(iter(problem.place), "")))
    return SdevalError(f"{begin}: {message(problem)}")


@lru_cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    if not has_fields(kind):
        return TypeAdapter(kind, config=cast(Any, CONFIG))
    # A TypedDict has no base class to inherit it from.
    if not hasattr(kind, "__pydantic_config__"):
        kind.__pydantic_config__ = CONFIG
    return TypeAdapter(kind)


@lru_cache
def _fields_adapter(kind: Any) -> TypeAdapter[Any]:
    """For the fields of a dataclass as a mapping: pydantic never looks into an instance, and makes none from it."""
    # Python 3.10, which a worker may run on, has neither; there nothing is validated.
    from typing import NotRequired

    from typing_extensions import TypedDict

    hints = {name: hint if name in _required(kind) else NotRequired[hint] for name, hint in hints_of(kind).items()}
    return _adapter(cast(Any, TypedDict)(kind.__name__, hints))


@lru_cache
def hints_of(kind: Any) -> Mapping[str, Any]:
    """Annotations of the fields of a dataclass or a TypedDict."""
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in fields(kind)} if is_dataclass(kind) else hints


def _required(kind: Any) -> set[str]:
    return {field.name for field in fields(kind) if field.default is MISSING and field.default_factory is MISSING}


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
        for name, element in value.items():
            if not isinstance(name, str):
                raise _NotPlain(f"keys must be text, got {preview(name)}", place)
            _refuse_unplain(name, place)
            _refuse_unplain(element, (*place, name))
    elif isinstance(value, list | tuple | range):
        for number, element in enumerate(value):
            _refuse_unplain(element, (*place, number))
    elif (demand := _not_plain(value)) is not None:
        raise _NotPlain(f"must be {demand}, got {preview(value)}", place)
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


def has_fields(kind: Any) -> bool:
    """Whether it is a dataclass or a TypedDict."""
    return is_dataclass(kind) or hasattr(kind, "__required_keys__")


def label(name: object) -> str:
    """A name as messages begin with it, on one line even where it is none."""
    return " ".join(name.split()) if isinstance(name, str) else preview(name)


def readable(text: str) -> str:
    """A text as messages name it: as it is, or as Python writes it where it is long or holds control characters."""
    return text if text.isprintable() and len(text) <= 3 * SHOWN else preview(text)


def _short_repr(value: object) -> str:
    """`repr` of a part of a large value only."""
    short = reprlib.Repr()
    short.maxlevel = 3
    short.maxdict = short.maxlist = short.maxtuple = short.maxset = MOST_SHOWN
    # Cut in the middle, so that what is shown of it is whole.
    short.maxstring = short.maxother = short.maxlong = 4 * SHOWN
    return short.repr(value)


def preview(value: object) -> str:
    """A value as messages show it: on one line, and cut where it is long."""
    try:
        text = " ".join(_short_repr(value).split())
    # Python refuses to write numbers of thousands of digits.
    except ValueError:
        return f"a value of type {type(value).__name__}, too long to show"
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def convert(thing: object, name: str, kind: type | tuple[type, ...], change: Callable[[Any], object]) -> None:
    """Turn a field of a frozen dataclass into what it is kept as; what is something else is left to the check."""
    value = getattr(thing, name)
    if isinstance(value, kind):
        object.__setattr__(thing, name, change(value))
