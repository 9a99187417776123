"""Runs phases headless with papermill: order, progress, run.json."""
