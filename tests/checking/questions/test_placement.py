"""Whether Kuryr's pods can start where the site wants them."""

from __future__ import annotations

from typing import Any

import pytest
from spoiling.diagnosis import not_ready, troubles
from spoiling.preflight import findings, unspoilt
from worlds.world import World

from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.site import Site

INFRA = {"key": "dedicated", "value": "infra", "effect": "NoSchedule"}
HALF_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}


def tainted(world: World, *taints: dict[str, str], nodes: int = 2) -> None:
    for item in world.objects["Node"][:nodes]:
        item["spec"]["taints"] = list(taints)


def wanting(world: World, program: str, **values: Any) -> None:
    section = getattr(world.site.kuryr, program)
    world.change_site("kuryr", **{program: section.model_copy(update=values)})


def words(finding: Finding) -> str:
    return f"{finding.evidence} -> {finding.remedy}"


def test_a_label_that_no_node_has_is_reported_before_anything_is_installed() -> None:
    world = unspoilt()
    wanting(world, "controller", node_selector=("node-role.kubernetes.io/infra=", "zone=a"))
    finding = findings(world)["controller-node"]
    assert finding.status is Status.FAIL
    assert "worker1 has no label node-role.kubernetes.io/infra=, zone=a" in words(finding)
    labels = {"node-role.kubernetes.io/infra": "", "zone": "a", "more": "x"}
    world.object("Node", "worker2")["metadata"]["labels"] = labels
    finding = findings(world)["controller-node"]
    assert (finding.status, finding.evidence) == (Status.PASS, "1 of 2")


def test_taints_keep_the_controller_away_unless_it_tolerates_them() -> None:
    world = unspoilt()
    tainted(world, INFRA, HALF_READY)
    finding = findings(world)["controller-node"]
    assert finding.status is Status.FAIL
    assert "worker1 has the taint dedicated=infra:NoSchedule;" in words(finding)
    assert "kuryr.controller.tolerations" in words(finding)
    wanting(world, "controller", tolerations=("dedicated=infra",))
    assert findings(world)["controller-node"].status is Status.PASS


def test_cordoned_nodes_take_no_controller() -> None:
    world = unspoilt()
    for item in world.objects["Node"]:
        item["spec"]["unschedulable"] = True
    assert "the taint node.kubernetes.io/unschedulable" in words(findings(world)["controller-node"])


def test_a_running_controller_stays_where_it_is_and_one_that_does_not_run_has_the_cause() -> None:
    world = World()
    tainted(world, INFRA)
    assert troubles(world) == []
    not_ready(world, "kuryr-controller", "Pending")
    first = troubles(world)[0]
    assert (first.check, first.status) == ("controller-node", Status.FAIL)
    assert "controller-ready" not in {it.check for it in troubles(world)}
    tainted(world, nodes=1)
    assert "controller-node" not in {it.check for it in troubles(world)}


def test_a_priority_class_of_ones_own_has_to_exist() -> None:
    world = unspoilt()
    wanting(world, "daemon", priority_class="networks")
    finding = findings(world)["priority-class"]
    assert finding.status is Status.FAIL
    assert "no priority class networks (kuryr.daemon.priority_class)" in words(finding)
    assert "kubectl create priorityclass networks" in words(finding)
    world.objects["PriorityClass"] = [{"metadata": {"name": "networks"}}]
    finding = findings(world)["priority-class"]
    assert finding.status is Status.PASS
    assert finding.evidence == "system-cluster-critical (controller), networks (daemon)"


def moved(site: Site, namespace: str) -> Site:
    section = site.kubernetes.model_copy(update={"namespace": namespace})
    return site.model_copy(update={"kubernetes": section})


@pytest.mark.parametrize(
    ("namespace", "version", "status"),
    [
        ("kuryr", "v1.16.15", Status.FAIL),
        ("kuryr", "v1.17.0", Status.PASS),
        ("kube-system", "v1.16.15", Status.PASS),
    ],
)
def test_an_old_cluster_has_the_built_in_classes_for_kube_system_alone(
    namespace: str, version: str, status: Status
) -> None:
    world = unspoilt()
    world.site, world.kubernetes = moved(world.site, namespace), version
    finding = findings(world)["priority-class"]
    assert finding.status is status
    if status is Status.FAIL:
        assert "refused in kuryr" in words(finding)
        assert "kuryr.controller.priority_class to a class of your own" in words(finding)
