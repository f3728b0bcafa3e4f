"""Metrics of whole sets of images."""
