"""Wanted minus existing: pure functions from a spec and a snapshot to a plan."""
