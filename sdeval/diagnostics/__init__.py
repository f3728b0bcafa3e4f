"""Tools that round at suites, targets and machines: calibrate, sensitivity, doctor."""
