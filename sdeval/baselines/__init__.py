"""Accepted runs and what is known of them: provenance, variability, speed."""
