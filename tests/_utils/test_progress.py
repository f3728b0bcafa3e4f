from __future__ import annotations

import io
from contextlib import nullcontext

import pytest

from sdeval._utils.progress import Shown, can_redraw


@pytest.mark.parametrize(
    ("is_terminal", "kind", "redraws"), [(True, "xterm", True), (True, "dumb", False), (False, "xterm", False)]
)
def test_only_a_terminal_that_can_write_over_a_line_has_a_bar(
    is_terminal: bool, kind: str, redraws: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", kind)
    assert can_redraw(is_terminal=is_terminal) is redraws


def test_lines_control_no_terminal() -> None:
    stream = io.StringIO()
    shown = Shown(lambda: stream, bar=False, aside=nullcontext)
    with shown.watch("a suite \x1b[31m", 2) as progress:
        progress(2)
    (line,) = stream.getvalue().split("\n")[1:-1]
    assert line.startswith(r"a suite \x1b[31m: 2/2 images, ")
