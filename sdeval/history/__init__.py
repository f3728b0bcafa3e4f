"""Metric values session after session, and slow trends in them."""
