"""Judges a run against a baseline. Pure: runs in, verdicts out; no files, no torch, no clock."""

from sdeval.comparison.cases import case_needs_seeds, judge_cases, metric_needs_seeds, settle_cases
from sdeval.comparison.collapsed import collect_collapsed
from sdeval.comparison.defects import DefectRates, expected_defects
from sdeval.comparison.evidence import Circumstances, MetricEvidence, collect_evidence, share_of_round
from sdeval.comparison.metrics import ALPHA_FURTHER, ALPHA_METRICS, judge_metrics
from sdeval.comparison.requests import removed_cases, shared_cases
from sdeval.results.verdict import FAILING, KINDS, SUITE, Kind, Verdict, summary, worst_first

__all__ = [
    "ALPHA_FURTHER",
    "ALPHA_METRICS",
    "FAILING",
    "KINDS",
    "SUITE",
    "Circumstances",
    "DefectRates",
    "Kind",
    "MetricEvidence",
    "Verdict",
    "case_needs_seeds",
    "collect_collapsed",
    "collect_evidence",
    "expected_defects",
    "judge_cases",
    "judge_metrics",
    "metric_needs_seeds",
    "removed_cases",
    "settle_cases",
    "share_of_round",
    "shared_cases",
    "summary",
    "worst_first",
]
