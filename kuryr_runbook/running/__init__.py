"""Headless execution of phases through papermill: order, progress, run.json."""
