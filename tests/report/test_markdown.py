"""The summary for pull requests, read back by a Markdown parser of somebody else's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from sdeval.comparison import Kind, Verdict
from sdeval.report.markdown import LIMIT, MARKER, Elsewhere, markdown
from sdeval.results.verdicts_file import Record
from tests.report.test_terminal import BLACK, FINE, LOST

HERE = Elsewhere("reports/one/index.html")
HOSTILE = "<script>alert(1)</script> | `x` @everyone #12 **b** [a](http://evil) \n## end\n| a | $x$ &amp; gh-1 www.evil"


def told(
    verdicts: Sequence[Verdict], notes: Sequence[str] = (), *, strict: bool = False, page: Elsewhere = HERE
) -> str:
    return markdown(Record.of("one", verdicts, strict=strict), notes, page, "sdeval accept reports/one")


def rendered(text: str) -> str:
    return MarkdownIt("commonmark", {"html": True}).enable("table").render(text)


def cells(text: str) -> list[list[str]]:
    rows = re.findall(r"<tr>(.*?)</tr>", rendered(text), re.DOTALL)
    return [re.findall(r"<t[dh]>(.*?)</t[dh]>", row, re.DOTALL) for row in rows]


def test_it_is_headline_counts_the_worst_and_the_way_on() -> None:
    lines = told([FINE, LOST, BLACK]).splitlines()
    assert lines == [
        "<!-- sdeval -->",
        "",
        "## ✗ sdeval: Something got worse: 1 broken, 1 regressed",
        "",
        "1 broken, 1 regressed, 1 passed",
        "",
        "| verdict | suite on target | what | baseline → current (change, tolerance) | how sure | reason |",
        "|---|---|---|---|---|---|",
        "| ✗ broken | animals on tiny | cat | – |  | seed 0 is black |",
        "| ▼ regressed | animals on tiny | clip_score | 31.50 → 28.25 (-3.25, 0.5) | p &lt;0.001; -4.00 to -2.50 |  |",
        "",
        "Page: `reports/one/index.html`",
        "",
        "Next: `sdeval accept reports/one`",
    ]


def test_where_all_is_well_there_is_no_table() -> None:
    text = told([FINE])
    assert "## ✓ sdeval: Nothing got worse" in text
    assert "|" not in text


@pytest.mark.parametrize(
    ("kinds", "strict", "symbol"),
    [
        (["passed", "inconclusive"], False, "✓"),
        (["new", "informational"], False, "–"),
        (["new", "passed"], True, "✗"),
        (["skipped"], True, "–"),
        (["unscored", "passed"], False, "✗"),
    ],
)
def test_the_symbol_says_whether_it_failed_passed_or_judged_nothing(
    kinds: list[Kind], strict: bool, symbol: str
) -> None:
    text = told([replace(FINE, verdict=kind) for kind in kinds], strict=strict)
    assert text.splitlines()[2].startswith(f"## {symbol} sdeval: ")


def test_no_more_than_ten_rows_are_shown_and_the_rest_is_counted() -> None:
    text = told([replace(BLACK, case=f"case-{number}") for number in range(12)])
    assert len(cells(text)) == 11
    assert "… and 2 more on the page." in text


def test_a_page_on_the_web_is_linked_and_any_other_is_not() -> None:
    link = Elsewhere("https://ci.example/a(b)?c=<d>", "in the artifacts of this run")
    assert '<a href="https://ci.example/a(b)?c=%3Cd%3E">in the artifacts of this run</a>' in rendered(
        told([FINE], page=link)
    )
    assert "<a" not in rendered(told([FINE], page=Elsewhere("javascript:alert(1)")))


def test_values_cannot_be_markup_call_anybody_or_link() -> None:
    text = told([replace(BLACK, suite=HOSTILE, case=HOSTILE, reason=HOSTILE)], [HOSTILE])
    html = rendered(text)
    assert [len(row) for row in cells(text)] == [6, 6]
    assert not re.search(r"<(script|a|strong|em|code|h\d)\b", html.partition("</h2>")[2].partition("<p>Page")[0])
    assert not re.search(r"@\w|#\d|\w://|www\.|gh-\d", html.partition("<p>Page")[0], re.IGNORECASE)
    # All of it is there to be read, but for a space of no width.
    assert "&lt;script&gt;alert(1)&lt;/script&gt; | `x` @everyone" in html.replace("\u200b", "")


TEXTS = st.text(max_size=400) | st.sampled_from(["|" * 300, "`" * 300, "<" * 300, "@a " * 100, "\\" * 301, HOSTILE])


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(TEXTS, min_size=4, max_size=4), st.lists(TEXTS, max_size=8), st.integers(1, 12), TEXTS)
def test_it_is_always_short_and_always_one_table(values: list[str], notes: list[str], count: int, command: str) -> None:
    suite, target, case, reason = values
    bad = replace(BLACK, suite=suite, target=target, case=case, reason=reason)
    text = markdown(Record.of("one", [bad] * count, strict=False), notes, Elsewhere(reason), command)
    assert len(text) <= LIMIT
    assert text.startswith(f"{MARKER}\n")
    assert {len(row) for row in cells(text)} <= {6}
    assert "<script" not in rendered(text)


def test_every_reason_and_note_is_there_in_full() -> None:
    reasons = [f"{'because ' * 40}{number}" for number in range(8)]
    text = told([replace(BLACK, case=f"case-{reason[-1]}", reason=reason) for reason in reasons], ["so " * 200])
    assert [row[5] for row in cells(text)[1:]] == reasons
    assert ("so " * 200).strip() in text
    assert "…" not in text


def test_a_reason_that_would_fill_the_summary_makes_way_for_the_page() -> None:
    text = told([replace(BLACK, reason="@" * 2000)] * 3)
    assert len(text) <= LIMIT
    assert "… and 3 more on the page." in text
    assert "Next: `sdeval accept reports/one`" in text


def test_many_long_notes_make_way_for_the_page() -> None:
    text = told([BLACK], ["<" * 700] * 9)
    assert len(text) <= LIMIT
    assert "- … and 5 more notes on the page" in text
    assert "Next: `sdeval accept reports/one`" in text
