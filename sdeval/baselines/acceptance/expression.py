"""What `-k` means, as pytest has it: words, `and`, `or`, `not` and brackets.

A word stands for every id that holds it, in capitals or not. pytest's own reader is private and may change with any of
its releases; this one puts names for the words and leaves the grammar, which is the same, to Python's parser.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from sdeval.errors import SdevalError

_TOKEN = re.compile(r"[()]|[^\s()]+")
_GRAMMAR = ("and", "or", "not", "(", ")")


def matcher(text: str) -> Callable[[str], bool]:
    """Whether an id is meant by an expression.

    Example:
        >>> matcher("cat and not black")("white-cat")
        True

    Raises:
        SdevalError: it cannot be read.
    """
    tokens: list[str] = _TOKEN.findall(text)
    words = {f"word{place}": token.lower() for place, token in enumerate(tokens) if token not in _GRAMMAR}
    written = " ".join(token if token in _GRAMMAR else f"word{place}" for place, token in enumerate(tokens))
    try:
        tree = ast.parse(written, mode="eval").body
        _holds(tree, words, "")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise SdevalError(f"-k {text!r}: cannot be read; write words with and, or, not and brackets") from None
    return lambda name: _holds(tree, words, name.lower())


def _holds(tree: ast.expr, words: dict[str, str], name: str) -> bool:
    if isinstance(tree, ast.Name):
        return words[tree.id] in name
    if isinstance(tree, ast.UnaryOp):
        return not _holds(tree.operand, words, name)
    if isinstance(tree, ast.BoolOp):
        # All are looked at, so that what cannot be read is values at the first try.
        values = [_holds(value, words, name) for value in tree.values]
        return all(values) if isinstance(tree.op, ast.And) else any(values)
    # A word before a bracket would be a call, and empty brackets a list.
    raise ValueError(ast.dump(tree))
