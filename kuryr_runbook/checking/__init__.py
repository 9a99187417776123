"""Questions to a snapshot: pure functions from a snapshot to findings."""
