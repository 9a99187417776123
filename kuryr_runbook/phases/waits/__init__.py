"""Waiting for rollouts and for the workload, always with a deadline."""
