"""pydantic's errors in the words of this project, on one line: where, what a value must be, and what came."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from sdeval._utils.validation import Place, has_fields, hints_of, label, preview
from sdeval.errors import unknown

Errors = Sequence[Mapping[str, Any]]
"""As pydantic lists them: `type`, `loc`, `input`, and for some `ctx`."""
_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
_ORDER = {**dict.fromkeys(_UNKNOWN, 0), "missing": 1}
"""A misspelt name is reported before one that is missing, and those before wrong values."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One error of pydantic, with the annotation that its value does not fit."""

    error: Mapping[str, Any]
    place: Place
    kind: Any
    advice: str = ""


def locate(errors: Errors, kind: Any, place: Place = (), depth: int = 0, advice: str = "") -> Problem:
    """The first error to tell, and the annotation that a value does not fit.

    Args:
        errors: all that lie below one place.
        kind: the annotation there.
        place: names and numbers that lead there.
        depth: steps of pydantic's `loc` that led there; a union of several has a step of its own.
        advice: text of an `Annotated` on the way.
    """
    error = min(errors, key=lambda item: _ORDER.get(item["type"], len(_ORDER)))
    steps = error["loc"][depth:]
    if get_origin(kind) is Annotated:
        advice = next((argument for argument in kind.__metadata__ if isinstance(argument, str)), advice)
        return locate(errors, kind.__origin__, place, depth, advice)
    if _is_union(kind) and steps:
        members = [member for member in get_args(kind) if member is not type(None)]
        if len(members) == 1:
            return locate(errors, members[0], place, depth, advice)
        # What lies deepest is about the member that the value is almost one of.
        deepest = max(errors, key=lambda item: len(item["loc"]))
        if len(deepest["loc"]) == depth + 1:
            return Problem(error, place, kind, advice)
        return locate([deepest], next(filter(_is_collection, members), Any), place, depth + 1, advice)
    if not steps or steps[1:] == ("[key]",) or (len(steps) == 1 and error["type"] in _UNKNOWN):
        return Problem(error, place, kind, advice)
    below = [item for item in errors if item["loc"][depth : depth + 1] == steps[:1]]
    return locate(below, _inside(kind, steps[0]), (*place, steps[0]), depth + 1, advice)


def _inside(kind: Any, step: str | int) -> Any:
    """The annotation of a field, an entry or an element."""
    if has_fields(kind):
        return hints_of(kind).get(str(step), Any)
    inside = get_args(kind) or (Any,)
    return inside[1] if _is_a(get_origin(kind), Mapping) else inside[0]


def message(problem: Problem) -> str:
    """What is wrong, and where: `seeds[1]: must be a whole number, got 'a'`."""
    error, value, path = problem.error, problem.error["input"], _path(problem.place)
    match error["type"]:
        case "json_invalid":
            return str(error["ctx"]["error"])
        case "extra_forbidden" | "unexpected_keyword_argument":
            noun = "field" if is_dataclass(problem.kind) else "key"
            return _at(path, unknown(noun, str(error["loc"][-1]), hints_of(problem.kind)))
        case "missing":
            return _at(path, "is missing")
        case "literal_error":
            above, _, name = path.rpartition(": ")
            return _at(above, unknown(name, value if isinstance(value, str) else preview(value), _names(problem.kind)))
        case "value_error":
            inner = error["ctx"]["error"]
            return _at(_path((*problem.place, *getattr(inner, "place", ()))), str(inner))
    return _at(path, f"{_demand(problem)}, got {preview(value)}{_advice(problem)}")


def _at(path: str, text: str) -> str:
    return f"{path}: {text}" if path else text


def _path(place: Place) -> str:
    """Where a value stands, as messages show it: `metrics: clip_score`, `seeds[1]`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f": {label(step)}" for step in place).removeprefix(": ")


def _demand(problem: Problem) -> str:
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


def _advice(problem: Problem) -> str:
    if problem.error["type"] in ("string_unicode", "finite_number"):
        return ""
    kind, value = problem.kind, problem.error["input"]
    alone = isinstance(value, str) and _is_a(get_origin(kind), Sequence) and get_args(kind)[0] is str
    return (f"; write [{preview(value)}]" if alone else "") + (f"; {problem.advice}" if problem.advice else "")


def _names(kind: Any) -> list[str]:
    """What a Literal allows, also where None is allowed besides."""
    literal = next(value for value in (kind, *get_args(kind)) if get_origin(value) is Literal)
    return [str(value) for value in get_args(literal)]


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
    if _is_a(origin, Mapping) or (has_fields(kind) and not is_dataclass(kind)):
        return "a mapping"
    if _is_a(origin, Sequence):
        return f"a list of {_MANY.get(inside[0]) or ('lists' if get_origin(inside[0]) else inside[0].__name__)}"
    return _WORDS.get(kind) or f"a {kind.__name__}"


def _is_a(kind: Any, of: type) -> bool:
    return isinstance(kind, type) and issubclass(kind, of)


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType)


def _is_collection(kind: Any) -> bool:
    return _is_a(get_origin(kind), Mapping) or _is_a(get_origin(kind), Sequence)
