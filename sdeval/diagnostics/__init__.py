"""Tools that look at suites, targets and machines: calibrate, sensitivity, doctor."""
