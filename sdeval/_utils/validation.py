"""Whether values are what annotations say: one check for what users write, and for what files bring back."""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from sdeval.errors import SdevalError, unknown

T = TypeVar("T")

Plain = Annotated[Any, "plain"]
"""What JSON can hold: text, finite numbers, true and false, None, and lists and mappings of them."""

SHOWN = 60
"""Characters of a wrong value that a message shows."""


def check(thing: Any, where: str) -> None:
    """Refuse a dataclass with a field that is not what its annotation says; `Annotated[…, text]` gives advice.

    Raises:
        SdevalError: `suite animals: seeds[1]: must be a whole number, got 'a'`.
    """
    for name, kind in _hints(thing.__class__).items():
        _refuse(misfit(getattr(thing, name), kind, name), where)


def made(kind: Callable[..., T], content: object, where: str) -> T:
    """A dataclass from the mapping that a file holds.

    Raises:
        SdevalError: a field is unknown, missing, or not what its annotation says.
    """
    return kind(**check_table(content, _hints(kind), where, required=_required(kind), entry="field"))


def check_table(
    content: object, known: Mapping[str, Any], where: str, *, required: Collection[str] = (), entry: str = ""
) -> Mapping[str, Any]:
    """Refuse a mapping whose values are not what they should be; otherwise, give it back.

    Args:
        content: what came.
        known: what each key should hold, as annotations.
        where: named at the beginning of the message.
        required: keys that must be there.
        entry: what to call a key, so that an unknown one is refused; empty where others are let pass.
    """
    if not isinstance(content, Mapping):
        raise SdevalError(f"{where}: must be a mapping, got {shown(content)}")
    for name in content:
        if entry and name not in known:
            raise SdevalError(f"{where}: {unknown(entry, str(name), known)}")
    for name in required:
        if name not in content:
            raise SdevalError(f"{where}: {name}: is missing")
    for name in known.keys() & content.keys():
        _refuse(misfit(content[name], known[name], name), where)
    return content


def _refuse(complaint: str | None, where: str) -> None:
    if complaint is not None:
        raise SdevalError(f"{where}: {complaint}")


@lru_cache
def _hints(kind: Any) -> Mapping[str, Any]:
    hints = get_type_hints(kind, include_extras=True)
    return {each.name: hints[each.name] for each in fields(kind)}


@lru_cache
def _required(kind: Any) -> tuple[str, ...]:
    return tuple(each.name for each in fields(kind) if each.default is MISSING and each.default_factory is MISSING)


def misfit(value: object, kind: Any, where: str) -> str | None:
    """What is wrong with a value, or None where it is what an annotation says.

    Example:
        >>> misfit((0, "a"), tuple[int, ...], "seeds")
        "seeds[1]: must be a whole number, got 'a'"
    """
    return next(_misfits(value, kind, where), None)


def _misfits(value: object, kind: Any, where: str) -> Iterator[str]:
    """All that is wrong, the first of it first."""
    origin, inside = get_origin(kind), get_args(kind)
    if kind is Plain:
        yield from _plain(value, where)
    elif origin is Annotated:
        yield from (f"{said}; {inside[1]}" for said in _misfits(value, inside[0], where))
    elif origin in (Union, types.UnionType):
        yield from _of_several(value, kind, where)
    elif origin is Literal:
        yield from _of_names(value, inside, where)
    elif _is_a(origin, Mapping):
        yield from _entries(value, inside, where) if isinstance(value, Mapping) else _wrong(value, kind, where)
    elif _is_a(origin, Sequence):
        yield from _elements(value, inside[0], where) if _is_list(value) else _wrong(value, kind, where)
    else:
        yield from _single(value, kind, where)


def _wrong(value: object, kind: Any, where: str) -> Iterator[str]:
    alone = isinstance(value, str) and _is_a(get_origin(kind), Sequence) and get_args(kind)[0] is str
    yield f"{where}: must be {_say(kind)}, got {shown(value)}" + (f"; write [{shown(value)}]" if alone else "")


def _of_several(value: object, kind: Any, where: str) -> Iterator[str]:
    """Of a union: what is wrong with a value that is almost one of its kinds; otherwise, what it may be."""
    tried = {each: next(_misfits(value, each, where), None) for each in get_args(kind)}
    if None not in tried.values():
        almost = (said for each, said in tried.items() if said and said != next(_wrong(value, each, where)))
        yield next(almost, next(_wrong(value, kind, where)))


def _of_names(value: object, names: tuple[Any, ...], where: str) -> Iterator[str]:
    if value not in names:
        path, colon, name = where.rpartition(": ")
        yield f"{path}{colon}{unknown(name, value if isinstance(value, str) else shown(value), names)}"


def _entries(value: Mapping[Any, Any], kinds: tuple[Any, ...], where: str) -> Iterator[str]:
    for name, each in value.items():
        yield from _misfits(name, kinds[0], where)
        yield from _misfits(each, kinds[1], f"{where}: {name}")


def _elements(value: Any, kind: Any, where: str) -> Iterator[str]:
    for number, each in enumerate(value):
        yield from _misfits(each, kind, f"{where}[{number}]")


def _plain(value: object, where: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from _entries(value, (str, Plain), where)
    elif _is_list(value):
        yield from _elements(value, Plain, where)
    elif isinstance(value, str):
        yield from _single(value, str, where)
    elif isinstance(value, float):
        yield from _single(value, float, where)
    elif value is not None and not isinstance(value, int):
        yield f"{where}: must be text, a number, true or false, None, or lists or mappings of them, got {shown(value)}"


def _single(value: object, kind: Any, where: str) -> Iterator[str]:
    fits = _FITTING[kind](value) if kind in _FITTING else isinstance(value, kind)
    if not fits:
        yield from _wrong(value, kind, where)
    elif isinstance(value, str) and not _is_writable(value):
        yield f"{where}: must be text that UTF-8 can hold, got {shown(value)}"
    elif kind is float and not _is_finite(value):
        yield f"{where}: must be a finite number, got {shown(value)}"


_FITTING: dict[Any, Callable[[object], bool]] = {
    Any: lambda _: True,
    int: lambda value: isinstance(value, int) and not isinstance(value, bool),
    float: lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    Path: lambda value: isinstance(value, str | Path),
}
"""Kinds for which `isinstance` is not the whole question."""


def _is_a(kind: Any, of: type) -> bool:
    return isinstance(kind, type) and issubclass(kind, of)


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple | range)


def _is_writable(text: str) -> bool:
    try:
        text.encode()
    # Half of a surrogate pair: JSON and YAML can spell it, files cannot hold it.
    except UnicodeEncodeError:
        return False
    return True


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    # A whole number may be larger than any other number can be.
    except OverflowError:
        return False


_WORDS: dict[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Path: "a path",
    type(None): "None",
}
_MANY: dict[Any, str] = {str: "texts", int: "whole numbers", float: "numbers"}


def _say(kind: Any) -> str:
    """An annotation in words."""
    origin, inside = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return " or ".join(map(_say, inside))
    if _is_a(origin, Mapping):
        return "a mapping"
    if _is_a(origin, Sequence):
        return f"a list of {_MANY.get(inside[0]) or ('lists' if get_origin(inside[0]) else inside[0].__name__)}"
    return _WORDS.get(kind) or f"a {kind.__name__}"


def shown(value: object) -> str:
    """A value as messages show it: on one line, and cut where it is long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
