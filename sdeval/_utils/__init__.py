"""Helpers that know nothing of images, suites or metrics."""
