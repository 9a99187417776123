"""What is read for the acceptance checks, and what becomes of what cannot be read."""

import json
from typing import Any

from worlds.memory_cloud import MemoryCloud
from worlds.memory_cluster import MemoryCluster
from worlds.sites import lab_site

from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.model.objects import Resource
from kuryr_runbook.snapshots.cloud.state import LISTS, NOT_ASKED
from kuryr_runbook.snapshots.cluster.vif import PodVif
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.snapshots.workload.verification import read_verification
from kuryr_runbook.snapshots.workload.workload import Workload, read_workload, read_workload_cluster

SITE = lab_site()
NAMESPACE = SITE.verification.namespace


def item(kind: str, name: str, **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE, **more.pop("metadata", {})}
    return {"kind": kind, "metadata": metadata, **more}


def a_pod(name: str, phase: str = "Running", **metadata: Any) -> dict[str, Any]:
    return item(
        "Pod",
        name,
        metadata={"labels": {"app": "kuryr-demo"}, **metadata},
        spec={"nodeName": "worker1"},
        status={"phase": phase, "hostIP": "172.18.0.11", "podIP": "10.1.0.5"},
    )


def an_event(pod: str, kind: str, when: str | None, message: str) -> dict[str, Any]:
    return item(
        "Event",
        f"{pod}.{message}",
        type=kind,
        lastTimestamp=when,
        reason="FailedCreatePodSandBox",
        message=message,
        involvedObject={"kind": "Pod", "name": pod},
    )


def test_the_workload_is_what_stays_of_it_with_its_latest_trouble() -> None:
    cluster = MemoryCluster(
        item("Deployment", "kuryr-demo", status={"availableReplicas": 1}),
        item("Service", "other", spec={"clusterIP": "10.2.0.9"}),
        item("Service", "kuryr-demo-service", spec={"clusterIP": "10.2.0.40"}, status={}),
        a_pod("kuryr-demo-a"),
        a_pod("kuryr-demo-b", "Pending"),
        a_pod("kuryr-demo-c", deletionTimestamp="2026-11-23T00:00:00Z"),
        an_event("kuryr-demo-b", "Warning", "2026-11-23T00:00:02Z", "error 504"),
        an_event("kuryr-demo-b", "Warning", None, "error 500"),
        an_event("kuryr-demo-a", "Normal", "2026-11-23T00:00:01Z", "Scheduled"),
    )
    workload = read_workload(SITE, cluster)
    assert workload.available == 1
    assert (workload.cluster_ip, workload.ingress) == ("10.2.0.40", "")
    assert [pod.name for pod in workload.pods] == ["kuryr-demo-a", "kuryr-demo-b"]
    assert workload.running == {"kuryr-demo-a": "10.1.0.5"}
    warned = read_workload_cluster(SITE, cluster).events
    assert not isinstance(warned, Unreadable)
    assert [(it.name, it.message) for it in warned] == [
        ("kuryr-demo-b", "error 504"), ("kuryr-demo-b", "error 500"),
    ]  # fmt: skip


def vif_of(port: str) -> dict[str, Any]:
    def versioned(**fields: Any) -> dict[str, Any]:
        return {"versioned_object.data": fields}

    subnet = versioned(ips=versioned(objects=[versioned(address="10.1.0.5")]))
    network = versioned(subnets=versioned(objects=[subnet]))
    return versioned(id=port, address="fa:16:3e:00:00:01", active=True, network=network)


def test_the_interface_is_read_from_where_the_release_notes_it() -> None:
    state = {"versioned_object.data": {"default_vif": vif_of("annotated")}}
    noted = {"openstack.org/kuryr-vif": json.dumps(state)}
    status = {"vifs": {"eth0": {"default": True, "vif": vif_of("in the KuryrPort")}}}
    cluster = MemoryCluster(
        a_pod("kuryr-demo-a", annotations=noted),
        a_pod("kuryr-demo-b"),
        item("KuryrPort", "kuryr-demo-a", status=status),
    )
    for release, port in (("stein", "annotated"), ("victoria", "in the KuryrPort")):
        kuryr = SITE.kuryr.model_copy(update={"release": release})
        site = SITE.model_copy(update={"kuryr": kuryr})
        first, second = (pod.vif for pod in read_workload(site, cluster).pods)
        assert isinstance(first, PodVif)
        assert (first.port_id, second) == (port, None)


def test_no_workload_is_read_as_none() -> None:
    workload = read_workload(SITE, MemoryCluster())
    assert workload == Workload(available=None, pods=(), service=None)


class ClosedCloud(MemoryCloud):
    """Refuses everything."""

    def list_resources(self, kind: str, **_: Any) -> list[Resource]:
        raise AccessError("Octavia answered 403")


def test_one_refusal_leaves_the_rest_readable() -> None:
    snapshot = read_verification(SITE, MemoryCluster(a_pod("kuryr-demo-a")), ClosedCloud())
    assert {getattr(snapshot.cloud, name) for name in LISTS.values()} == {
        Unreadable("Octavia answered 403"), NOT_ASKED,
    }  # fmt: skip
    assert isinstance(snapshot.workload, Workload)
    assert list(snapshot.probes) == ["kuryr-demo-a"]
    assert isinstance(snapshot.outside, Unreadable)


def test_ports_of_the_service_network_are_read_whosever_they_are() -> None:
    cloud = MemoryCloud()
    cloud.add("subnet", name="kuryr-service-subnet", network_id="n2", cidr="10.2.0.0/24")
    amphora = cloud.add("port", project_id="octavia", network_id="n2", name="octavia-lb-vrrp-1")
    own = cloud.add("port", network_id="n1")
    cloud.add("port", network_id="n1", project_id="octavia")
    snapshot = read_verification(SITE, MemoryCluster(), cloud)
    assert not isinstance(snapshot.cloud.ports, Unreadable)
    assert [port.id for port in snapshot.cloud.ports] == [own["id"], amphora["id"]]
