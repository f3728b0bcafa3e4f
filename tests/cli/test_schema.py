from __future__ import annotations

import json

import pytest

from sdeval.cli import main
from sdeval.cli.schema import FILES
from sdeval.results.schema import schemas


def test_all_schemas_can_be_printed() -> None:
    assert {f"{name}.schema.json" for name in FILES} == set(schemas())


@pytest.mark.parametrize("name", FILES)
def test_what_is_printed_is_the_schema(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", name]) == 0
    assert json.loads(capsys.readouterr().out) == schemas()[f"{name}.schema.json"]
