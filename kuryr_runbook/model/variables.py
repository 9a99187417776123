"""The environment variables with which operators set what they would otherwise repeat."""

from __future__ import annotations

SITE_VARIABLE = "KURYR_RUNBOOK_SITE"
"""The path of the site file, for commands and notebooks that are given none."""
