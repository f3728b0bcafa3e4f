"""What metrics say of themselves, for pages and documents."""

from __future__ import annotations

import pytest

from sdeval import MetricInfo, metrics


@pytest.mark.parametrize("info", metrics.documented(), ids=lambda info: info.name)
def test_each_of_our_metrics_says_everything_of_itself(info: MetricInfo) -> None:
    facts = (info.title, info.explanation, info.formula, info.paper, info.weights, info.licence, info.blind_to)
    assert all(fact and fact == " ".join(fact.split()) for fact in facts)
    # One sentence, which fits beside the row of a table.
    assert ". " not in info.explanation
    assert len(info.explanation) < 130
    # Pages show these two as plain text.
    assert "`" not in info.explanation + info.blind_to


def test_titles_are_those_of_one_metric_each() -> None:
    titles = [info.title for info in metrics.documented()]
    assert len(set(titles)) == len(titles)


def test_a_description_needs_none_of_the_facts() -> None:
    info = MetricInfo(name="x", title="x", unit="", higher_is_better=True, tolerance=1.0)
    assert (info.explanation, info.formula, info.paper, info.licence) == ("", "", "", "")
