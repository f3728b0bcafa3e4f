"""Judges a run against a baseline. Pure: runs in, verdicts out; no files, no torch, no clock."""

from sdeval.compare.cases import judge_cases, settle_cases
from sdeval.compare.gates import ALPHA_GATES, Gate, Rule, decide, judge_gates, weigh
from sdeval.compare.verdict import FAILING, KINDS, SUITE, Kind, Verdict, summary, worst_first

__all__ = [
    "ALPHA_GATES",
    "FAILING",
    "KINDS",
    "SUITE",
    "Gate",
    "Kind",
    "Rule",
    "Verdict",
    "decide",
    "judge_cases",
    "judge_gates",
    "settle_cases",
    "summary",
    "weigh",
    "worst_first",
]
