"""What `sdeval init` and `sdeval new` write: suites that run at once, examples of metrics and engines, CI workflows."""
