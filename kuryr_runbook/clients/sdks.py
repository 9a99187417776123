"""The SDKs, imported before they are needed by a process that has the time for it."""

from __future__ import annotations

from importlib import import_module


def import_sdks() -> None:
    """Import what clients otherwise import when they use it first: half a second, all in all.

    The ways to log in are entry points, which are looked for in all that is installed, and then
    known for as long as `sys.path` stays as it is.
    """
    for name in ("openstack", "kubernetes"):
        import_module(name)
    import_module("keystoneauth1.loading").get_plugin_loader("password")


def import_apis() -> None:
    """Import the generated clients that we use: as long again, for the hundreds of models."""
    for name in ("core_v1_api", "version_api"):
        import_module(f"kubernetes.client.api.{name}")
