"""What is left of a Kuryr that has no programs any more."""

from __future__ import annotations

import pytest
from spoiling.preflight import unspoilt
from worlds.installed import SECRET, configuration, emptied
from worlds.objects import waiting_pod
from worlds.world import World

from kuryr_runbook.snapshots.cluster.remains import read_remains


def test_a_cluster_without_kuryr_has_none() -> None:
    assert read_remains(unspoilt()) == ()


@pytest.mark.parametrize("home", ["kube-system", "openshift-kuryr"])
def test_definitions_configuration_and_pods_are_named(home: str) -> None:
    world = emptied(World(release="yoga"))
    world.put(configuration("Secret", "kuryr-config", home, {"kuryr.conf": SECRET}))
    found = read_remains(world)
    assert "CustomResourceDefinition kuryrports.openstack.org" in found
    assert f"Secret {home}/kuryr-config" in found
    assert not any("barbicans" in it or "things" in it for it in found)
    assert SECRET not in " ".join(found)


def test_pods_with_its_interfaces_are_counted() -> None:
    world = unspoilt()
    world.put(waiting_pod("a", annotations={"openstack.org/kuryr-vif": "{}"}),
              waiting_pod("b", finalizers=["kuryr.openstack.org/pod-finalizer"]),
              waiting_pod("c"))  # fmt: skip
    assert read_remains(world) == ("2 pods with an interface of Kuryr's",)
