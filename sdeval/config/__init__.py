"""What users write: suites, case files, targets, options; and where they are found."""
