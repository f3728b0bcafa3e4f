"""JSON Schemas of files that people or programs read and write: `python -m sdeval.results.schema` makes them again.

They are made from the dataclasses that read these files; the texts below the fields become descriptions.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from sdeval._utils.files import dump_json, write_text
from sdeval._utils.validation import Checked, Extensible
from sdeval.config.case import TEXTS, Case
from sdeval.config.case_checks import ID
from sdeval.config.case_tables import FIELDS
from sdeval.config.names import LONGEST_NAME
from sdeval.config.options import MEANINGS, Table
from sdeval.config.target import NAME, SHORT_DTYPES, Target
from sdeval.results import run_folder, verdicts_file
from sdeval.results.run_folder import RunHeader
from sdeval.results.verdicts_file import Record

FOLDER = Path(str(resources.files("sdeval"))) / "schemas"


class _Generator(GenerateJsonSchema):
    """Without what says nothing: names of fields in other letters, and the limit of texts that have none."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never."""
        return False

    def str_schema(self, schema: Any) -> dict[str, Any]:
        """Of text."""
        return {name: value for name, value in super().str_schema(schema).items() if name != "maxLength"}


def schemas() -> dict[str, dict[str, Any]]:
    """All of them, by the name of their file."""
    with _attribute_docstrings():
        return {
            "verdicts.schema.json": _add_header(
                f"verdicts:{verdicts_file.SCHEMA}", "verdicts.json of sdeval", _schema(Record, "serialization")
            ),
            "run.schema.json": _add_header(f"run:{run_folder.SCHEMA}", "run.json of sdeval", _schema(RunHeader)),
            "cases.schema.json": _add_header(
                "cases", "A case file of sdeval: YAML, or a row of JSON Lines each", _cases()
            ),
            "targets.schema.json": _add_header("targets", "suites/targets.toml of sdeval", _targets()),
            "project.schema.json": _add_header("project", "[tool.sdeval] of pyproject.toml", _project()),
        }


def _add_header(name: str, title: str, content: dict[str, Any]) -> dict[str, Any]:
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:sdeval:{name}"}
    return {**head, **content, "title": title}


def _schema(kind: type[Any], mode: Literal["validation", "serialization"] = "validation") -> dict[str, Any]:
    """What a file may hold; with `serialization`, what is written: every field."""
    return TypeAdapter(kind).json_schema(mode=mode, schema_generator=_Generator)


def _cases() -> dict[str, Any]:
    """A list of cases, as files spell their fields."""
    case = _schema(Case)
    properties = {name: case["properties"][name] for name in FIELDS}
    lists: dict[str, dict[str, Any]] = {key: {} for key in ("images", *TEXTS, "tags")}
    for name, spelling in {"strength": {"pattern": r"^[-+.0-9eE]*$"}, **lists}.items():
        texts = {key: properties[name].pop(key) for key in ("description", "default")}
        properties[name] = {"anyOf": [properties[name], {"type": "string", **spelling}], **texts}
    properties["id"] |= {"pattern": f"^{ID}$", "maxLength": LONGEST_NAME}
    properties["prompt"] |= {"pattern": r"\S"}
    for alternative in properties["strength"]["anyOf"][0]["anyOf"]:
        if alternative["type"] == "number":
            alternative |= {"exclusiveMinimum": 0, "maximum": 1}
    return {
        "type": "array",
        "minItems": 1,
        "items": {"$ref": "#/$defs/Case"},
        "$defs": {"Case": {**case, "properties": properties}},
    }


def _targets() -> dict[str, Any]:
    """Tables by name: a target says its model, or what it extends."""
    target = _schema(Target)
    properties = {name: schema for name, schema in target.pop("properties").items() if name != "name"}
    properties["dtype"]["enum"] += SHORT_DTYPES
    properties["batch_size"]["minimum"] = 1
    properties["extends"] = {"type": "string", "description": "Name of the target whose values it takes over."}
    target = {**target, "description": target["description"].splitlines()[0], "required": []}
    return {
        "type": "object",
        "propertyNames": {"pattern": f"^{NAME}$", "maxLength": LONGEST_NAME},
        "additionalProperties": {"$ref": "#/$defs/Target"},
        "$defs": {
            "Target": {
                **target,
                "properties": properties,
                "anyOf": [{"required": ["model"]}, {"required": ["extends"]}],
            }
        },
    }


def _project() -> dict[str, Any]:
    """The table of a project; what holds a target is the same as in the file of targets."""
    table, targets = _schema(Table), _targets()
    definitions = targets.pop("$defs")
    properties = {name: {**schema, "description": MEANINGS[name]} for name, schema in table["properties"].items()}
    properties["targets"] = {**targets, "description": MEANINGS["targets"]}
    properties["batch-size"]["minimum"] = 1
    return {"type": "object", "additionalProperties": False, "properties": properties, "$defs": definitions}


@contextmanager
def _attribute_docstrings() -> Iterator[None]:
    """Let pydantic read the texts below fields, which takes too long to do whenever a file is read."""
    bases = (Checked, Extensible)
    configs = [base.__pydantic_config__ for base in bases]
    for base, config in zip(bases, configs, strict=True):
        more = {"use_attribute_docstrings": True, "json_schema_serialization_defaults_required": True}
        base.__pydantic_config__ = {**config, **more}
    try:
        yield
    finally:
        for base, config in zip(bases, configs, strict=True):
            base.__pydantic_config__ = config


if __name__ == "__main__":
    for file, content in schemas().items():
        write_text(FOLDER / file, dump_json(content))
