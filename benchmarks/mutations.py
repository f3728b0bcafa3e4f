"""Small faults of a Python source, one at a time: what `benchmarks.mutants` puts into a copy of the package.

A mutation replaces one node of the syntax tree and leaves all other text alone, so that line numbers stay. Left out are
texts (messages are checked by reading them), imports, decorators, annotations, f-strings, `strict=` of `zip`, and what
only type checkers read.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
TWINS = {"min": "max", "max": "min", "any": "all", "all": "any"}
"""Functions that are easily confused."""
MARGIN = 1e-6
"""Numbers below this are margins for rounding. They become 0, as twice the margin does the same."""
WHOLE_MODULE = ""
"""The function of a mutation that lies in none."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One small fault of one file."""

    path: Path
    line: int
    function: str
    """`function_id` of the function it lies in; empty for what runs at import."""
    before: str
    after: str
    start: int
    """Offset of the replaced bytes, and of their end."""
    end: int

    def apply(self, source: bytes) -> bytes:
        """The source with this fault."""
        return source[: self.start] + self.after.encode() + source[self.end :]

    def __str__(self) -> str:
        before, after = (" ".join(text.split()) for text in (self.before, self.after))
        return f"{self.path}:{self.line}  {before}  →  {after}"


def mutations(path: Path, source: bytes) -> list[Mutation]:
    """All mutations of a file, in the order of its lines."""
    starts = [0]
    for text in source.split(b"\n"):
        starts.append(starts[-1] + len(text) + 1)
    faults = []
    for node, function in _nodes(ast.parse(source), WHOLE_MODULE):
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        before = source[start:end].decode()
        for after in _replacements(node):
            faults.append(Mutation(path, node.lineno, function, before, after, start, end))
    return sorted(faults, key=lambda mutation: (mutation.start, mutation.end))


def function_id(name: str, first_line: int) -> str:
    """How a function is named in `Mutation.function`; code objects tell the same two things."""
    return f"{name}:{first_line}"


def _nodes(node: ast.AST, function: str) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    """All nodes that may be replaced, each with the function it lies in."""
    for child in _children(node):
        inside = function
        if isinstance(node, ast.FunctionDef):
            first_line = node.decorator_list[0].lineno if node.decorator_list else node.lineno
            inside = function_id(node.name, first_line) if child in node.body else function
        if isinstance(child, ast.expr | ast.stmt):
            yield child, inside
        yield from _nodes(child, inside)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    for name, value in ast.iter_fields(node):
        if name in ("decorator_list", "annotation", "returns", "bases") or isinstance(node, ast.JoinedStr):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_left_out(child):
                yield child


def _is_left_out(node: ast.AST) -> bool:
    if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "__name__ == '__main__'"):
        return True
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
        return True
    if isinstance(node, ast.keyword) and node.arg == "strict":
        return True
    return isinstance(node, ast.Import | ast.ImportFrom)


def _replacements(node: ast.expr | ast.stmt) -> Iterator[str]:
    """Texts that a node is replaced with."""
    match node:
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Raise() | ast.Delete():
            yield "pass"
            return
        case ast.Continue():
            yield "break"
            return
        # None counts as false as well as these do, and the type checker tells them apart.
        case ast.Return(value=ast.Constant(value=None | False | "" | b"")):
            pass
        case ast.Return(value=ast.expr()):
            yield "return None"
            return
        case ast.expr():
            for changed in _changed_expressions(node):
                yield f"({ast.unparse(ast.fix_missing_locations(changed))})"
        case _:
            return


def _changed_expressions(node: ast.expr) -> Iterator[ast.AST]:
    match node:
        case ast.Compare():
            yield from _changed_comparisons(node)
        case ast.BinOp(op=operator) if type(operator) in ARITHMETIC and not _is_text(node):
            yield ast.BinOp(node.left, ARITHMETIC[type(operator)](), node.right)
        case ast.BoolOp(op=operator):
            yield ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), node.values)
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert()):
            yield node.operand
        case ast.IfExp():
            yield ast.IfExp(node.test, node.orelse, node.body)
        case ast.Constant(value=bool() | int() | float()):
            yield _changed_constant(node)
        case ast.Call():
            yield from _changed_calls(node)
        case _:
            return


def _changed_comparisons(node: ast.Compare) -> Iterator[ast.AST]:
    for place, operator in enumerate(node.ops):
        for other in COMPARISONS[type(operator)]:
            new = copy.deepcopy(node)
            new.ops[place] = other()
            yield new


def _changed_constant(node: ast.Constant) -> ast.Constant:
    match node.value:
        case bool():
            return ast.Constant(not node.value)
        case int():
            return ast.Constant(node.value + 1)
        case float() as value if abs(value) < MARGIN and value:
            return ast.Constant(0.0)
        case float() as value:
            return ast.Constant(2 * value if value else 1.0)
        case value:
            raise TypeError(f"no fault is known for the constant {value!r}")


def _changed_calls(node: ast.Call) -> Iterator[ast.AST]:
    if isinstance(node.func, ast.Name) and node.func.id in TWINS:
        yield ast.Call(ast.Name(TWINS[node.func.id]), node.args, node.keywords)
    for place, keyword in enumerate(node.keywords):
        if keyword.arg and keyword.arg != "strict":
            yield ast.Call(node.func, node.args, [*node.keywords[:place], *node.keywords[place + 1 :]])


def _is_text(node: ast.BinOp) -> bool:
    """Whether an addition joins texts; to subtract them is no fault that anybody could make."""
    parts = ast.walk(node)
    return any(isinstance(part, ast.JoinedStr) or _is_string(part) for part in parts)


def _is_string(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
