"""What an evaluation leaves: runs and verdicts, as values and as files."""
