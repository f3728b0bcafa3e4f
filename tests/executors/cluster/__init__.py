"""Executors of a cluster."""
