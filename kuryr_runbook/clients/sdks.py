"""The SDKs, imported before they are needed by a process that has the time for it."""

from __future__ import annotations

from importlib import import_module


def import_sdks() -> None:
    """Import what clients otherwise import when they use it first: half a second, all in all."""
    for name in ("openstack", "kubernetes"):
        import_module(name)


def import_apis() -> None:
    """Import the generated clients that we use: as long again, for the hundreds of models."""
    for name in ("core_v1_api", "version_api"):
        import_module(f"kubernetes.client.api.{name}")
