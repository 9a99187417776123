"""Ways to spoil a world before Kuryr is in it, and what preflight says of it then."""

from __future__ import annotations

from typing import Any

from spoiling.diagnosis import Spoil
from worlds.objects import Item, program
from worlds.world import World

from kuryr_runbook.checking.preflight import CHECKS, check_preflight
from kuryr_runbook.clients.openstack.probes import Refusal
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.errors import AccessError, UsageError
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.upgrades import RELEASE_LABEL
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.specs.requirements import Right

GONE = AccessError("it says no", remedy="ask its operators")


def unspoilt(driver: VifDriver = VifDriver.NESTED_MACVLAN) -> World:
    return World(driver=driver, installed=False)


def findings(world: World) -> dict[str, Finding]:
    found = list(check_preflight(world.before()))
    assert {finding.check for finding in found} == {check.name for check in CHECKS}
    for finding in found:
        assert finding.evidence
        assert finding.remedy or finding.status in (Status.PASS, Status.SKIP)
    # The first one that a check says.
    return {finding.check: finding for finding in reversed(found)}


def of_status(world: World, *statuses: Status) -> set[str]:
    return {name for name, item in findings(world).items() if item.status in statuses}


def spoiled(spoil: Spoil, driver: VifDriver = VifDriver.NESTED_MACVLAN) -> World:
    world = unspoilt(driver)
    spoil(world)
    return world


NO_VIRTUAL_MAC = Refusal(status=400, type="InvalidVirtualMACAddress", said="no")


def bound_by(driver: str, *extensions: str) -> Spoil:
    """Neutron shows who bound the nodes' ports, and has these extensions too."""

    def spoil(world: World) -> None:
        world.extensions += extensions
        for port in node_ports(world):
            port["binding:vif_details"] = {"port_filter": True, "bound_drivers": {"0": driver}}

    return spoil


def node_ports(world: World) -> list[Item]:
    """Those of the nodes, the API server's too."""
    return [port for port in world.resources["port"] if port["name"]]


def put(*objects: Item) -> Spoil:
    return lambda world: world.put(*objects)


def running(kind: str, name: str, release: str) -> dict[str, Any]:
    """Kuryr's controller or daemon, with the mark of its release."""
    found = program(kind, name)
    return found | {"metadata": found["metadata"] | {"labels": {RELEASE_LABEL: release}}}


def having(**changes: Any) -> Spoil:
    """APIs that answer something else."""

    def spoil(world: World) -> None:
        for name, value in changes.items():
            assert hasattr(world, name)
            setattr(world, name, value)

    return spoil


def own_credential(*roles: str, held: tuple[str, ...] = ("admin", "kuryr", "member")) -> Spoil:
    """Kuryr is to have a credential of its own with these roles, by default with the driver's."""

    def spoil(world: World) -> None:
        world.change_site(
            "kuryr", credentials="application_credential", credential_roles=roles or None
        )
        world.held = held

    return spoil


def ruled(world: World) -> None:
    """Kuryr's own credential is to have access rules."""
    world.change_site("kuryr", credentials="application_credential", credential_access_rules=True)
    world.held = ("admin", "member")


def broken(*whats: str) -> Spoil:
    return lambda world: world.broken.update(dict.fromkeys(whats, GONE))


def without(extension: str) -> Spoil:
    return lambda world: world.extensions.remove(extension)


def unlike(kind: str, name: str, *path: str, to: Any) -> Spoil:
    """An object of the cluster with another value at that path."""

    def spoil(world: World) -> None:
        found = world.object(kind, name)
        for key in path[:-1]:
            found = found[key]
        found[path[-1]] = to

    return spoil


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
