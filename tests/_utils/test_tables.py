from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from sdeval._utils.tables import (
    PLAIN_WIDTH,
    Column,
    Row,
    Table,
    has_colour,
    lines,
    say,
    show,
    terminal_width,
    wrapped,
)
from sdeval.errors import CannotWrite, NobodyReads, escaped

WIDTHS = (80, 100, 120, 200)
LONG = "the reason for this verdict takes many words, " * 6
NAMES = [Column(name) for name in ("verdict", "suite", "target", "what")]
NUMBER_COLUMNS = [Column(name, numeric=True) for name in ("baseline", "now", "change", "tolerance", "p")]
NUMBERS = ("1024.25", "990.50", "-33.75", "0.512", "<0.001")
SHORT_ROW = Row(["▼ regressed", "portraits", "sdxl", "clip_score", *NUMBERS], LONG)
LONG_ROW = Row(["~ inconclusive", "portraits-of-people", "sdxl-dpmpp-2m-karras", "a-woman-with-a-hat noise", *NUMBERS])
SUMMARY = Table([*NAMES, *NUMBER_COLUMNS], [SHORT_ROW, LONG_ROW], note_name="why")
SETTINGS = Table(
    [Column("setting"), *(Column(f"metric_{at}", numeric=True) for at in range(12))],
    [Row([f"sdxl steps={steps}", *(f"✓ {at}1.25\n-0.25 to +0.50" for at in range(12))]) for steps in (20, 50)],
)


def words(shown: list[str]) -> list[str]:
    return " ".join(shown).split()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("table", [SUMMARY, SETTINGS], ids=["summary", "settings"])
def test_no_line_is_longer_than_the_terminal(table: Table, width: int) -> None:
    assert max(cell_len(line) for line in lines(table, width)) <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_no_reason_is_cut(width: int) -> None:
    shown = words(lines(SUMMARY, width))
    assert all(shown.count(word) >= LONG.split().count(word) for word in LONG.split())
    assert "…" not in shown


@pytest.mark.parametrize("width", WIDTHS)
def test_no_name_is_cut(width: int) -> None:
    shown = words(lines(SUMMARY, width))
    for row in (SHORT_ROW, LONG_ROW):
        assert set(" ".join(row.cells[:4]).split()) <= set(shown)


@pytest.mark.parametrize("width", WIDTHS)
def test_numbers_are_in_one_line_below_their_headings(width: int) -> None:
    shown = lines(SUMMARY, width)
    (heading,) = (line for line in shown if "baseline" in line)
    rows = [line for line in shown if NUMBERS[0] in line]
    assert len(rows) == 2
    for column, number in zip(NUMBER_COLUMNS, NUMBERS, strict=True):
        assert {row.index(number) + len(number) for row in rows} == {
            heading.index(f" {column.name}") + 1 + len(column.name)
        }


def test_a_long_note_wraps_inside_its_column_where_there_is_room() -> None:
    heading, first, second, *_ = lines(SUMMARY, 200)
    assert second[: heading.index("why")].strip() == ""
    assert second[heading.index("why") :].split()[0] in LONG
    assert first[heading.index("why") :].startswith("the reason")


def test_a_long_note_is_below_its_row_where_there_is_little_room() -> None:
    heading, _, second, *_ = lines(SUMMARY, 140)
    assert "why" not in heading
    assert second.startswith("    the reason for this verdict takes many words")


def test_a_note_has_lines_of_its_own_where_its_row_asks_for_that() -> None:
    table = Table([Column("name")], [Row(["a"], "why", below=True), Row(["b"], "beside")], note_name="reason")
    assert lines(table, 200) == ["name  reason", "a", "    why", "b     beside"]


PATH = "/srv/" + "weights/" * 12
COMMAND = "hf download black-forest-labs/FLUX.1-schnell --revision refs/pr/1"


@pytest.mark.parametrize("whole", [PATH, COMMAND])
@pytest.mark.parametrize("width", [20, 40, 60])
def test_what_is_to_be_copied_is_in_one_line(whole: str, width: int) -> None:
    assert any(whole in line for line in wrapped(f"they are not here; get them with: {whole} and try again", width, 2))


@given(st.text(st.sampled_from("ab 猫é\n\x1b"), max_size=200), st.integers(10, 60))
def test_wrapped_lines_fit_and_hold_every_word(text: str, width: int) -> None:
    shown = wrapped(text, width, 2)
    assert max(map(cell_len, shown)) <= width
    assert "".join("".join(shown).split()) == "".join(escaped(text).split())


def test_a_short_note_stands_at_the_end_of_its_row_in_a_narrow_terminal() -> None:
    table = Table([Column("name"), Column("value", numeric=True)], [Row(["a", "1.00"], "not judged")])
    assert lines(table, 40) == ["name  value", "a      1.00  not judged"]


def test_a_row_without_numbers_takes_no_line_for_them() -> None:
    table = Table(
        [*NAMES, *NUMBER_COLUMNS], [Row(["✗ broken", "portraits", "sdxl", "a-woman-with-a-hat", *["–"] * 5], LONG)]
    )
    assert not any("–" in line for line in lines(table, 60))


def test_a_name_that_is_longer_than_the_terminal_continues_in_the_next_line() -> None:
    name = "x" * 150
    assert "".join(lines(Table([Column()], [Row([name], "note")]), 80)).replace(" ", "").startswith(name)


def test_a_table_without_notes_is_split_where_it_is_too_wide() -> None:
    shown = lines(SETTINGS, 80)
    assert sum(line.startswith("setting") for line in shown) > 1
    assert sum("sdxl steps=20" in line for line in shown) == shown.count("") + 1
    assert words(shown).count("metric_11") == 1


def test_square_brackets_are_no_markup() -> None:
    assert lines(Table([Column()], [Row(["[red]a[/red]"], "[bold]")]), 80) == ["[red]a[/red]  [bold]"]


def test_characters_that_are_two_wide_line_up() -> None:
    shown = lines(Table([Column(), Column()], [Row(["猫の絵", "x"]), Row(["cat", "x"])]), 80)
    assert {cell_len(line) for line in shown} == {6 + 2 + 1}


def test_the_title_comes_first_and_every_line_is_indented() -> None:
    table = Table([Column("name")], [Row(["a"])], title="A title", indent=2)
    assert lines(table, 80) == ["  A title", "  name", "  a"]


def test_a_row_has_its_colour_where_colours_are_wanted() -> None:
    table = Table([Column()], [Row(["a"], colour="red"), Row(["b"])])
    assert lines(table, 80, colour=True) == ["\x1b[31ma\x1b[0m", "b"]


def test_there_is_no_colour_otherwise() -> None:
    assert lines(Table([Column()], [Row(["a"], colour="red")]), 80) == ["a"]


def test_columns_says_how_wide_the_terminal_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "93")
    assert terminal_width() == 93


def test_without_a_terminal_lines_have_a_fixed_width(monkeypatch: pytest.MonkeyPatch) -> None:
    without_a_terminal(monkeypatch)
    assert terminal_width() == PLAIN_WIDTH


def without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_terminal(_: int) -> None:
        raise OSError

    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr("os.get_terminal_size", no_terminal)


def test_without_a_terminal_every_row_that_is_printed_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without_a_terminal(monkeypatch)
    show(Table([Column()], [Row(["a"], LONG)]))
    assert capsys.readouterr().out == f"a  {LONG.strip()}\n"


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)],
)
def test_colours_need_a_terminal_and_can_be_switched_off(
    environment: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm", **environment}.items():
        monkeypatch.setenv(name, value)
    assert has_colour() is coloured


HOSTILE = "\x1b]0;title\x07 a\rb \u202e \x9b1m \udc80"
"""Sequences that set a terminal's title and colours, overwrite a line, turn its direction; half a surrogate pair."""


def is_harmless(text: str) -> bool:
    return not any(character in text for character in "\x1b\x07\r\u202e\x9b\udc80")


def test_no_text_in_a_table_controls_the_terminal() -> None:
    table = Table([Column(HOSTILE)], [Row([HOSTILE], HOSTILE)], title=HOSTILE, note_name=HOSTILE)
    shown = "\n".join(lines(table, 120))
    assert is_harmless(shown)
    assert shown.count(r"\x1b]0;title\x07") == 5


def test_nothing_that_is_said_controls_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say(HOSTILE)
    assert is_harmless(capsys.readouterr().out)


def test_a_pipe_that_nobody_reads_is_known_as_such() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with contextlib.suppress(OSError), os.fdopen(writing, "w") as pipe, pytest.raises(NobodyReads):
        say("text", pipe)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_what_cannot_be_printed_is_one_line() -> None:
    # The stream tries once more where it is closed.
    message = "the output cannot be printed: "
    with contextlib.suppress(OSError), Path("/dev/full").open("w") as full, pytest.raises(CannotWrite, match=message):
        say("text", full)
