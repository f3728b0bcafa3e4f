"""Regression tests for image-generation pipelines. See README.md; importing this imports nothing heavy."""

from sdeval.config.case_files import load_cases
from sdeval.config.suite import Case, Sample, Suite
from sdeval.config.target import Target
from sdeval.errors import NotAvailable, SdevalError

__all__ = ["Case", "NotAvailable", "Sample", "SdevalError", "Suite", "Target", "load_cases"]
