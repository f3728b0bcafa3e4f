"""Gets the weights that suites need: nothing else in sdeval downloads, and this only in `sdeval fetch`."""
