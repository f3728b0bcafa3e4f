"""Regression tests for image-generation pipelines. See README.md; importing this imports nothing heavy."""

from sdeval.casefile import load_cases
from sdeval.errors import NotAvailable, SdevalError
from sdeval.suite import Case, Sample, Suite
from sdeval.target import Target

__all__ = ["Case", "NotAvailable", "Sample", "SdevalError", "Suite", "Target", "load_cases"]
