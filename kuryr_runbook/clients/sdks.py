"""Imports the SDKs early, in a process that has the time for it."""

from __future__ import annotations

from importlib import import_module


def import_sdks() -> None:
    """Import what clients would import on first use, which takes half a second.

    The login plugins are entry points: they are searched for in all installed packages, and then
    cached as long as `sys.path` does not change.
    """
    for name in ("openstack", "kubernetes"):
        import_module(name)
    import_module("keystoneauth1.loading").get_plugin_loader("password")
