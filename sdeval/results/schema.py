"""The JSON Schema of `verdicts.json`, made from the dataclasses that are written: `python -m sdeval.results.schema`."""

from __future__ import annotations

import ast
import inspect
import types
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from sdeval._utils.files import dump_json, write_text
from sdeval.results.verdict import Verdict
from sdeval.results.verdicts_file import SCHEMA, Record

PATH = Path(__file__).with_name("verdicts.schema.json")


def schema() -> dict[str, Any]:
    """The whole of it."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:sdeval:verdicts:{SCHEMA}",
        "title": "verdicts.json of sdeval",
    }
    return {**head, **_object(Record), "$defs": {"verdict": _object(Verdict)}}


def _object(kind: type[Any]) -> dict[str, Any]:
    """A dataclass; every field is always written."""
    told, hints = _described(kind), get_type_hints(kind)
    names = [each.name for each in fields(kind)]
    return {
        "type": "object",
        "description": inspect.getdoc(kind),
        "properties": {name: {**_type(hints[name]), "description": told[name]} for name in names},
        "required": names,
        "additionalProperties": False,
    }


def _described(kind: type[Any]) -> Mapping[str, str]:
    """Texts below the fields of a class."""
    (body,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(body, ast.ClassDef)
    pairs = zip(body.body, body.body[1:], strict=False)
    return {
        field.target.id: inspect.cleandoc(str(text.value.value))
        for field, text in pairs
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
    }


_SIMPLE = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def _type(hint: Any) -> dict[str, Any]:
    origin, inside = get_origin(hint), get_args(hint)
    if origin is Literal:
        return {"enum": list(inside)}
    if origin is tuple:
        return {"type": "array", "items": {"$ref": "#/$defs/verdict"}}
    if origin in (Union, types.UnionType):
        return {"type": [_SIMPLE[each] for each in inside]}
    return {"type": _SIMPLE[hint]}


if __name__ == "__main__":
    write_text(PATH, dump_json(schema()))
