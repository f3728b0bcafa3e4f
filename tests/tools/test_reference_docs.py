"""The pages of docs/reference that follow from the code."""

from __future__ import annotations

import pytest

from sdeval import cli
from sdeval.plugin import OPTIONS
from tools.reference_docs import BISECT_CODES, EXIT_CODES, FOLDER, commands_page, options_page, pages, table


@pytest.mark.parametrize("name", pages())
def test_the_page_is_up_to_date(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == pages()[name], (
        "write it again: python -m tools.reference_docs"
    )


def test_every_command_and_every_option_has_its_place() -> None:
    for name in cli.COMMANDS:
        assert f"\n## {name}\n" in commands_page()
    for name in OPTIONS:
        assert f"`--sdeval-{name}" in options_page()


def test_every_exit_code_of_the_code_has_a_meaning() -> None:
    # pytest's limit of warnings is no matter of suites.
    of_pytest = {int(code) for code in pytest.ExitCode if "WARNINGS" not in code.name}
    assert {cli.FINE, cli.USAGE, cli.INTERNAL, cli.INTERRUPTED} | of_pytest == set(EXIT_CODES)
    assert {cli.FINE, 1, cli.CANNOT_JUDGE, cli.ABORT} == set(BISECT_CODES)


def test_what_would_end_a_cell_is_escaped() -> None:
    assert table(("a", "b"), [("x|y", "<z>\n")]).splitlines()[-1] == r"| x\|y | &lt;z> |"
