"""The parts of scoring: images are decoded batch by batch, shown to all metrics of a suite, and forgotten."""
