"""Generates the images of a suite with a target, and scores them."""
