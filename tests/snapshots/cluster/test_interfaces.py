"""The nodes' interfaces, from their kubelets' statistics."""

from __future__ import annotations

from typing import Any

import pytest
from spoiling.preflight import unspoilt

from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.snapshots.cluster.interfaces import interface_names, read_interfaces
from kuryr_runbook.snapshots.cluster.objects import node_of
from kuryr_runbook.snapshots.reading import Unreadable


def summary(*names: object) -> dict[str, Any]:
    found = [{"name": name, "rxBytes": 1} for name in names]
    return {"node": {"nodeName": "a", "network": {"name": "eth0", "interfaces": found}}}


def test_all_names_are_read() -> None:
    assert interface_names(summary("ens3", "eth0")) == ("ens3", "eth0")


@pytest.mark.parametrize(
    "answer", [{}, {"node": {}}, {"node": {"network": None}}, summary(), summary(None, 3)]
)
def test_statistics_without_interfaces_are_not_a_node_without_any(answer: dict[str, Any]) -> None:
    assert isinstance(interface_names(answer), Unreadable)


def test_each_node_is_read_and_a_refusal_stays_one() -> None:
    world = unspoilt()
    world.interfaces["worker2"] = ("eth1",)
    nodes = tuple(map(node_of, world.objects["Node"]))
    assert [(it.node, it.names) for it in read_interfaces(world, nodes)] == [
        ("worker1", ("ens3", "lo", "vethe1f2")),
        ("worker2", ("eth1",)),
    ]
    world.broken["node statistics"] = AccessError("nodes/proxy is forbidden")
    for it in read_interfaces(world, nodes):
        assert it.names == Unreadable("nodes/proxy is forbidden")
