"""Run inside the image: every driver of controller and daemon can be loaded by its entry point."""

from typing import Any

from stevedore import ExtensionManager

NAMESPACES = ("kuryr_kubernetes.controller.drivers.pod_vif", "kuryr_kubernetes.cni.binding")


def fail(_manager: Any, entry_point: Any, error: Exception) -> None:
    """stevedore logs what cannot be loaded and goes on; here it ends the check."""
    raise SystemExit(f"{entry_point}: {error!r}")


for namespace in NAMESPACES:
    drivers = ExtensionManager(namespace, on_load_failure_callback=fail)
    print(namespace, "has", *sorted(drivers.names()))  # noqa: T201
