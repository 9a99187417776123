"""What is made of the answers of controller and daemons, and of what they put on the nodes."""

from __future__ import annotations

from typing import Any

import pytest
from worlds.sites import lab_site

from kuryr_runbook.checking.health import check_daemon_nodes, check_health, check_upgrade
from kuryr_runbook.clients.kubernetes.exec import Executed
from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.model.findings import PLUGIN_DIGEST, Status
from kuryr_runbook.snapshots.cluster.health import (
    DaemonNode,
    HealthAnswer,
    Installation,
    read_daemon_nodes,
    read_health,
)
from kuryr_runbook.snapshots.cluster.objects import Node
from kuryr_runbook.snapshots.reading import Unreadable

OURS = "10-kuryr.conf"
LOG = f"copied\nfirst configuration: {OURS}\nplugin sha256: abc\n"


class Cluster:
    """Nodes `1`, `2` and a master, with pods of Kuryr's; that of node 2 may not be looked into."""

    version = "v1.20.2"

    def list_objects(self, version: str, kind: str, **of: Any) -> list[dict[str, Any]]:
        if kind == "Node":
            return [
                {
                    "metadata": {"name": name},
                    "spec": {"unschedulable": True} if name == "master" else {},
                    "status": {
                        "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
                        "conditions": [],
                        "nodeInfo": {"containerRuntimeVersion": "containerd://1"},
                    },
                }
                for name in ("1", "2", "master")
            ]
        assert (kind, of["namespace"]) == ("Pod", lab_site().kubernetes.namespace)
        going = {"name": "pod-0", "deletionTimestamp": "now"}
        pods = [{"name": "pod-1"}, {"name": "pod-2"}, going]
        return [
            {"metadata": pod, "spec": {"nodeName": str(pod["name"])[-1]}, "status": {}}
            for pod in pods
        ]

    def get(self, manifest: dict[str, Any]) -> dict[str, Any] | None:
        return {"metadata": {"name": manifest["metadata"]["name"], "uid": "u"}, "subsets": []}

    def execute(self, namespace: str, pod: str, command: list[str], **_: Any) -> Executed:
        if pod == "pod-2":
            raise AccessError("pods/exec is forbidden")
        path = command[-1].rpartition("/")[2]
        output = f"{command[-1]} 200\n" if path == "ready" else "no Neutron 500"
        return Executed(status=0, output=output)

    def log(self, namespace: str, pod: str, *, lines: int, container: str) -> str:
        if pod == "pod-2":
            raise AccessError("pods/log is forbidden")
        return LOG


CLUSTER: Any = Cluster()


def test_each_pod_that_stays_is_asked_inside_and_judged_by_its_status_code() -> None:
    found = list(check_health(read_health(lab_site(), CLUSTER, "kuryr-controller", 8082)))
    assert [(it.subject, it.check, it.status) for it in found] == [
        ("pod-1", "ready", Status.PASS),
        ("pod-1", "alive", Status.FAIL),
        ("pod-2", "ready", Status.UNKNOWN),
        ("pod-2", "alive", Status.UNKNOWN),
    ]
    assert found[0].evidence == "http://127.0.0.1:8082/ready 200"
    assert found[1].remedy.startswith("kubectl logs pod-1")
    assert "pods/exec is forbidden" in found[2].evidence


def test_no_answer_at_all_is_no_pass() -> None:
    [found] = check_health([HealthAnswer(pod="p", path="ready", text=" 000")])
    assert found.status is Status.FAIL


def test_what_the_daemons_logged_of_their_nodes_is_read_typed() -> None:
    first, second = read_daemon_nodes(lab_site(), CLUSTER)
    assert first.installation == Installation(first=OURS, plugin="abc")
    assert second.installation == Unreadable("pods/log is forbidden")


@pytest.mark.parametrize(
    ("installation", "status", "evidence"),
    [
        (None, Status.FAIL, "no daemon runs on it"),
        (Unreadable("forbidden"), Status.UNKNOWN, "forbidden"),
        (Installation(first=OURS, plugin="abc"), Status.PASS, "plugin sha256 abc"),
        (Installation(first=OURS, plugin=""), Status.PASS, "plugin sha256 unknown"),
        (Installation(first="05-other.conf", plugin="abc"), Status.FAIL, "05-other.conf"),
        (Installation(first="", plugin=""), Status.FAIL, "none"),
    ],
)
def test_a_node_is_plugged_by_whoever_comes_first(
    installation: Any, status: Status, evidence: str
) -> None:
    node = Node(
        name="1",
        address="10.0.0.1",
        schedulable=True,
        ready=False,
        reason="not yet",
        pods=110,
        runtime="containerd://1",
        labels=(),
        taints=(),
    )
    ready, plugged = check_daemon_nodes([DaemonNode(node=node, installation=installation)], OURS)
    assert (ready.check, ready.status) == ("node-ready", Status.FAIL)
    assert (plugged.check, plugged.status) == ("cni-configuration", status)
    assert evidence in plugged.evidence
    known = isinstance(installation, Installation) and bool(installation.plugin)
    assert plugged.facts == ({PLUGIN_DIGEST: "abc"} if known else {})


def test_a_warning_of_the_upgrade_check_is_reported_and_stops_nothing() -> None:
    assert check_upgrade("train", "all good", good=True).status is Status.PASS
    warned = check_upgrade("train", "2 pods malformed", good=False)
    assert (warned.status, warned.evidence) == (Status.WARN, "2 pods malformed")
    assert warned.remedy
