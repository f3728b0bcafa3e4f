"""Which suites meet which targets, and the verdicts on all of them. Knows nothing of pytest."""
