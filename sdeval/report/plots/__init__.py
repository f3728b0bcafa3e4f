"""Plots, as `<svg>` in the colours of the page."""
