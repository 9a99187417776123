"""Run inside the image: checks that stevedore can load everything that Kuryr and we register.

Programs, handlers, drivers and options are entry points. Written for Python 3.6, which the image
may have.
"""

from typing import Any, Iterator, Tuple

import kuryr_kubernetes.cmd.eventlet  # noqa: F401  (patches the standard library, as in the controller)
from stevedore import ExtensionManager

PACKAGES = ("kuryr-kubernetes", "kuryr-runbook-vif")
TESTS = "kuryr_kubernetes.tests"
"""Upstream also registers a handler of its own tests, which are not in the image."""
NAMESPACES = ("kuryr_kubernetes.controller.drivers.pod_vif", "kuryr_kubernetes.cni.binding")


def registered(package: str) -> Iterator[Tuple[str, Any]]:
    """What a package registers: the entry point in words, and the function that loads it."""
    try:
        from importlib import metadata
    except ImportError:
        import pkg_resources

        for group, named in pkg_resources.get_entry_map(package).items():
            for point in named.values():
                if not point.module_name.startswith(TESTS):
                    yield "{} {}".format(group, point), point.resolve
    else:
        for found in metadata.distribution(package).entry_points:
            if not found.value.startswith(TESTS):
                yield "{} {}".format(found.group, found.name), found.load


def fail(_manager: Any, entry_point: Any, error: Exception) -> None:
    """stevedore logs what cannot be loaded and continues; here it ends the check."""
    raise SystemExit("{}: {!r}".format(entry_point, error))


count = 0
for package in PACKAGES:
    for words, load in registered(package):
        try:
            load()
        except Exception as error:
            raise SystemExit("{}: {!r}".format(words, error)) from error
        count += 1
print(count, "entry points load")  # noqa: T201
for namespace in NAMESPACES:
    drivers = ExtensionManager(namespace, on_load_failure_callback=fail)
    print(namespace, "has", *sorted(drivers.names()))  # noqa: T201
