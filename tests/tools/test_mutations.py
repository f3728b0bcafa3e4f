"""The faults that mutation testing puts into a package."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from benchmarks.mutations import Mutation, function_id, mutations
from tests.conftest import ROOT


def changes(source: str) -> set[tuple[str, str]]:
    """What is replaced with what."""
    return {(mutation.before, mutation.after) for mutation in mutations(Path("module.py"), source.encode())}


@pytest.mark.parametrize(
    ("source", "before", "after"),
    [
        ("x = a < b", "a < b", "(a <= b)"),
        ("x = a is None", "a is None", "(a is not None)"),
        ("x = a and b", "a and b", "(a or b)"),
        ("x = not a", "not a", "(a)"),
        ("x = a + b", "a + b", "(a - b)"),
        ("x = a if b else c", "a if b else c", "(c if b else a)"),
        ("LIMIT = 0.5", "0.5", "(1.0)"),
        ("x = True", "True", "(False)"),
        ("x = min(a, b)", "min(a, b)", "(max(a, b))"),
        ("x = f(a, b=c)", "f(a, b=c)", "(f(a))"),
        ("def f(a=1):\n    return a", "1", "(2)"),
        ("def f(a):\n    return a", "return a", "return None"),
        ("f(a)", "f(a)", "pass"),
        ("raise E", "raise E", "pass"),
    ],
)
def test_every_kind_of_fault_is_made(source: str, before: str, after: str) -> None:
    assert (before, after) in changes(source)


@pytest.mark.parametrize(
    "source", ['"""A text."""', "x = 'a' + 'b'", "x: int", "import a", "@f(1)\ndef g(): pass", "x = f'{a + 1}'"]
)
def test_texts_imports_decorators_and_annotations_are_left_alone(source: str) -> None:
    assert changes(source) == set()


@pytest.mark.parametrize(("value", "changed"), [("False", {("False", "(True)")}), ("''", set()), ("None", set())])
def test_what_counts_as_false_does_not_become_none(value: str, changed: set[tuple[str, str]]) -> None:
    assert changes(f"def f():\n    return {value}") == changed


def test_a_margin_for_rounding_becomes_nothing() -> None:
    assert changes("MARGIN = 1e-9") == {("1e-9", "(0.0)")}


def test_a_fault_knows_the_function_it_lies_in() -> None:
    source = "LIMIT = 1\n\n@decorated\ndef f():\n    return 2\n"
    functions = {mutation.before: mutation.function for mutation in mutations(Path("module.py"), source.encode())}
    assert functions == {"1": "", "return 2": function_id("f", 3), "2": function_id("f", 3)}


def modules() -> list[Path]:
    return sorted((ROOT / "sdeval/stats").glob("*.py"))


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.stem)
def test_every_fault_of_a_real_module_is_another_program(path: Path) -> None:
    source = path.read_bytes()

    def program(mutation: Mutation) -> str:
        return ast.dump(ast.parse(mutation.apply(source)))

    assert ast.dump(ast.parse(source)) not in set(map(program, mutations(path, source)))
