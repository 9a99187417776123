"""Ways to spoil the world of preflight, and what its checks say then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from worlds.preflight import (
    GONE,
    World,
    program,
)

from kuryr_runbook.checking.preflight import CHECKS, check_preflight
from kuryr_runbook.clients.openstack.probes import Refusal
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.errors import UsageError
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.upgrades import RELEASE_LABEL
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.specs.requirements import Right

Spoil = Callable[[World], Any]


def findings(world: World) -> dict[str, Finding]:
    found = list(check_preflight(world.read()))
    assert {finding.check for finding in found} == {check.name for check in CHECKS}
    for finding in found:
        assert finding.evidence
        assert finding.remedy or finding.status in (Status.PASS, Status.SKIP)
    # The first one that a check says.
    return {finding.check: finding for finding in reversed(found)}


def of_status(world: World, *statuses: Status) -> set[str]:
    return {name for name, item in findings(world).items() if item.status in statuses}


def spoiled(spoil: Spoil, driver: VifDriver = VifDriver.NESTED_MACVLAN) -> World:
    world = World(driver)
    spoil(world)
    return world


NO_VIRTUAL_MAC = Refusal(status=400, type="InvalidVirtualMACAddress", said="no")


def bound_by(driver: str, *extensions: str) -> Spoil:
    """Neutron shows who bound the nodes' ports, and has these extensions too."""

    def spoil(world: World) -> None:
        world.cloud.extensions += extensions
        for port in world.ports.values():
            port["binding:vif_details"] = {"port_filter": True, "bound_drivers": {"0": driver}}

    return spoil


def put(*objects: dict[str, Any]) -> Spoil:
    return lambda world: world.cluster.objects.extend(objects)


def running(kind: str, name: str, release: str) -> dict[str, Any]:
    """Kuryr's controller or daemon, with the mark of its release."""
    found = program(kind, name)
    return found | {"metadata": found["metadata"] | {"labels": {RELEASE_LABEL: release}}}


def quota(resource: str, limit: int, used: int = 3) -> Spoil:
    numbers = {"limit": limit, "used": used, "reserved": 0}
    return lambda world: world.cloud.limits.update({resource: numbers})


def cloud(**changes: Any) -> Spoil:
    return lambda world: _set(world.cloud, changes)


def cluster(**changes: Any) -> Spoil:
    return lambda world: _set(world.cluster, changes)


def _set(part: object, changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        setattr(part, name, value)


def own_credential(*roles: str, held: tuple[str, ...] = ("admin", "kuryr", "member")) -> Spoil:
    """Kuryr is to have a credential of its own with these roles, by default with the driver's."""

    def spoil(world: World) -> None:
        world.change_site(
            "kuryr", credentials="application_credential", credential_roles=roles or None
        )
        world.cloud.held = held

    return spoil


def broken(part: str, *whats: str) -> Spoil:
    return lambda world: getattr(world, part).broken.update(dict.fromkeys(whats, GONE))


def without(extension: str) -> Spoil:
    return lambda world: world.cloud.extensions.remove(extension)


def unlike(kind: str, name: str, *path: str, to: Any) -> Spoil:
    """An object of the cluster with another value at that path."""

    def spoil(world: World) -> None:
        found = next(
            item
            for item in world.cluster.objects
            if (item["kind"], item["metadata"]["name"]) == (kind, name)
        )
        for key in path[:-1]:
            found = found[key]
        found[path[-1]] = to

    return spoil


def renamed(kind: str, name: str, to: str) -> Spoil:
    return lambda world: [
        item.update(name=to) for item in world.cloud.memory.resources[kind] if item["name"] == name
    ]


def no_registry(world: World) -> None:
    world.registry.broken = UsageError("image.registry_ca: no file ca.pem", remedy="name it")


def no_clouds_yaml(world: World) -> None:
    world.unreadable["cloud"] = Unreadable("no file clouds.yaml", "name an existing one")


WATCH_PODS = Right(verb="watch", group="", resource="pods", namespace="kube-system")


EXEC = Right(verb="create", group="", resource="pods/exec", namespace="kube-system")


READY = [{"type": "Ready", "status": "True"}]


CCM = ("/bin/openstack-cloud-controller-manager", "--cloud-config=/etc/config/cloud.conf")


IN_TREE = ("kube-controller-manager", "--cloud-provider=openstack")


PODS_OF_CCM = {"volumes": [{"name": "c", "secret": {"secretName": "cloud-config"}}]}
