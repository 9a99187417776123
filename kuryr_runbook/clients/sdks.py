"""The SDKs, imported before they are needed by a process that has the time for it."""

from __future__ import annotations

from importlib import import_module


def import_sdks() -> None:
    """Import what clients otherwise import when they use it first: a second, all in all."""
    for name in ("openstack", "kubernetes"):
        import_module(name)
