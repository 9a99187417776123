"""What lines of logs and events mean, as data: patterns, the cause, the remedy."""
