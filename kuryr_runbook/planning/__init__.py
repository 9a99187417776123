"""Wanted minus read: pure functions from a spec and a snapshot to a plan."""
