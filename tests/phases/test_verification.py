"""Phase 05 around its checks: whose namespace it is, the waits, and the removal."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from worlds.memory_cloud import MemoryCloud
from worlds.memory_cluster import MemoryCluster
from worlds.memory_leases import HeldLeases, MemoryLeases
from worlds.sites import lab_site
from worlds.verification import NO, PODS, healthy, probe
from worlds.world import World

from kuryr_runbook.model.errors import CheckError, DeadlineError, DriftError, LockedError
from kuryr_runbook.model.releases.names import BALANCER_STATE_ANNOTATION
from kuryr_runbook.phases.lock import lease
from kuryr_runbook.phases.verification import Verification
from kuryr_runbook.phases.waits import polling, traffic
from kuryr_runbook.phases.workload import checks
from kuryr_runbook.snapshots.cluster.vif import PodVif
from kuryr_runbook.snapshots.diagnosis import DiagnosisSnapshot, read_diagnosis
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.snapshots.workload.traces import Traces, read_traces, remaining
from kuryr_runbook.snapshots.workload.workload import Workload
from kuryr_runbook.specs.controller import controller_reference
from kuryr_runbook.specs.workload import namespace_manifest, service_manifest

SITE = lab_site()
NAMESPACE = SITE.verification.namespace
PAIR = {"ip_address": "10.1.0.5", "mac_address": "FA:16:3E:00:00:01"}


def phase(cluster: MemoryCluster, cloud: MemoryCloud, *, dry_run: bool = False) -> Verification:
    made = Verification(SITE, dry_run=dry_run)
    made.cluster, made.cloud = cluster, cloud  # type: ignore[assignment]
    made.leases = MemoryLeases()
    return made


def workload_cloud() -> MemoryCloud:
    """Octavia and Neutron as Kuryr leaves them for the workload, beside other things."""
    cloud = MemoryCloud()
    vip_port = cloud.add("port", name="octavia-lb")
    cloud.add(
        "loadbalancer",
        name=f"{NAMESPACE}/kuryr-demo-service",
        vip_port_id=vip_port["id"],
        provisioning_status="ACTIVE",
    )
    cloud.add(
        "loadbalancer",
        name="kubernetes-service",
        vip_port_id="other",
        provisioning_status="ACTIVE",
    )
    cloud.add("floatingip", port_id=vip_port["id"])
    cloud.add("floatingip", port_id="other")
    return cloud


def emptied(cloud: MemoryCloud) -> None:
    """What Kuryr does after the deletion."""
    for kind in ("floatingip", "loadbalancer"):
        cloud.delete(kind, cloud.resources[kind][0]["id"])


def noted() -> dict[str, Any]:
    """Endpoints on which Kuryr has noted what it made."""
    manifest = service_manifest(SITE)
    annotations = {BALANCER_STATE_ANNOTATION: "{}"}
    metadata = {**manifest["metadata"], "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata}


def workload_cluster() -> MemoryCluster:
    objects = namespace_manifest(SITE), service_manifest(SITE), noted()
    return MemoryCluster(*objects, controller_reference(SITE))


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "STEP_SECONDS", 0.0)


def test_a_foreign_namespace_is_refused_and_stays() -> None:
    foreign = {**namespace_manifest(SITE), "metadata": {"name": NAMESPACE}}
    cluster = MemoryCluster(foreign)
    verification = phase(cluster, MemoryCloud())
    for step in (verification.make_plan, verification.remove):
        with pytest.raises(DriftError, match=f"namespace {NAMESPACE} exists") as caught:
            step()
        assert "verification.namespace" in str(caught.value.remedy)
    assert cluster.deleted == []


def test_removal_is_refused_while_another_run_has_the_site(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lease, "LOOK_SECONDS", 0.0)
    cluster = workload_cluster()
    verification = phase(cluster, workload_cloud())
    verification.leases = HeldLeases()
    with pytest.raises(LockedError, match="host-other"):
        verification.remove()
    assert cluster.deleted == []


def test_removal_takes_the_namespace_and_waits_for_openstack() -> None:
    cluster, cloud = workload_cluster(), workload_cloud()
    cluster.on_delete = lambda: emptied(cloud)
    view = phase(cluster, cloud).remove()
    assert cluster.deleted == [NAMESPACE]
    assert [item["name"] for item in cloud.resources["loadbalancer"]] == ["kubernetes-service"]
    assert "loadbalancer" in view.text


def test_of_a_hundred_things_that_kuryr_left_a_few_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(traffic, "GONE_SECONDS", 0.0)
    cloud = MemoryCloud()
    ports = frozenset(cloud.add("port", allowed_address_pairs=[])["id"] for _ in range(100))
    kinds = {"loadbalancer": frozenset[str](), "floatingip": frozenset[str](), "port": ports}
    with pytest.raises(DeadlineError, match=r"left: (port port-\d+; ){5}and 95 more"):
        traffic.wait_traces_gone(Traces(ids=kinds, pairs=frozenset()), cloud)


def test_removal_reports_what_kuryr_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "GONE_SECONDS", 0.0)
    with pytest.raises(DeadlineError, match="left: loadbalancer loadbalancer-") as caught:
        phase(workload_cluster(), workload_cloud()).remove()
    assert "controller's log" in str(caught.value.remedy)


def test_removal_without_kuryr_leaves_what_kuryr_made_to_teardown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cluster, cloud = workload_cluster(), workload_cloud()
    cluster.objects.pop()
    view = phase(cluster, cloud).remove()
    assert cluster.deleted == [NAMESPACE]
    assert "loadbalancer" not in view.text
    told = capsys.readouterr().out
    assert "no kuryr-controller to remove these; teardown will: loadbalancer" in told
    assert "waiting" not in told


def test_removal_of_nothing_is_fine() -> None:
    assert phase(MemoryCluster(), MemoryCloud()).remove().text.count(" 0") == 5


def test_a_dry_run_removes_nothing() -> None:
    cluster = workload_cluster()
    phase(cluster, workload_cloud(), dry_run=True).remove()
    assert cluster.deleted == []


def test_the_picture_shows_the_site_and_judges_nothing() -> None:
    world = World(4)
    world.remove("port", "port-web-1")
    made = Verification(world.site)
    made.cloud, made.cluster = world, world  # type: ignore[assignment]
    view = made.picture()
    assert "web-1: 10.64.0.11  ✗1" in view.text
    assert not view.data


def test_a_dry_run_draws_nothing() -> None:
    view = Verification(SITE, dry_run=True).picture()
    assert "nothing was drawn" in view.text


def test_removal_lets_kuryr_finish_first(capsys: pytest.CaptureFixture[str]) -> None:
    cluster = MemoryCluster(namespace_manifest(SITE), service_manifest(SITE))
    looks = iter(range(6))

    def later() -> None:
        if next(looks) == 4:
            cluster.objects.append(noted())

    cluster.on_get = later
    cluster.on_delete = lambda: setattr(cluster, "on_get", lambda: None)
    traffic.wait_settled(SITE, cluster)
    assert "waiting for Kuryr to note what it made" in capsys.readouterr().out


def test_a_release_that_holds_the_service_needs_no_wait(
    capsys: pytest.CaptureFixture[str],
) -> None:
    kuryr = SITE.kuryr.model_copy(update={"release": "2024.1"})
    cluster = MemoryCluster(service_manifest(SITE))
    traffic.wait_settled(SITE.model_copy(update={"kuryr": kuryr}), cluster)
    assert capsys.readouterr().out == ""


def test_a_load_balancer_that_is_being_changed_is_waited_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cloud = workload_cloud()
    balancer = cloud.resources["loadbalancer"][0]
    traffic.wait_unchanging(SITE, cloud)
    assert capsys.readouterr().out == ""
    states = iter(["PENDING_UPDATE", "PENDING_UPDATE", "ACTIVE"])

    class Changing(MemoryCloud):
        def list_resources(self, kind: str, **_: Any) -> list[Mapping[str, Any]]:
            return [{**balancer, "provisioning_status": next(states)}]

    traffic.wait_unchanging(SITE, Changing())
    assert "the changes of load balancer" in capsys.readouterr().out
    assert list(states) == []


def test_a_namespace_on_its_way_out_is_waited_for() -> None:
    going = namespace_manifest(SITE)
    going["metadata"]["deletionTimestamp"] = "2026-11-23T00:00:00Z"
    cluster = MemoryCluster(going)
    looks = iter(range(4))

    def later() -> None:
        if next(looks) == 3:
            cluster.objects.clear()

    cluster.on_get = later
    traffic.wait_namespace_gone(going, cluster)
    assert list(looks) == []


def test_a_wait_says_what_it_saw_last(capsys: pytest.CaptureFixture[str]) -> None:
    done, seen = polling.wait_for("the moon", 0.0, lambda: (False, "clouds"))
    assert (done, seen) == (False, "clouds")
    assert "the moon: not within 0 s; last seen: clouds" in capsys.readouterr().out


def test_another_phase_lends_site_and_connections() -> None:
    first = phase(MemoryCluster(), MemoryCloud(), dry_run=True)
    second = Verification.of(first, dry_run=first.dry_run)
    assert (second.site, second.dry_run) == (first.site, True)
    assert second.cluster is first.cluster
    assert second.cloud is first.cloud


def test_traces_are_the_workloads_own() -> None:
    cloud = workload_cloud()
    vif = PodVif(port_id="p", mac="fa:16:3e:00:00:01", addresses=("10.1.0.5",), active=True)
    seen = healthy().workload
    assert isinstance(seen, Workload)
    workload = replace(seen, pods=(replace(seen.pods[0], vif=vif),))
    cloud.add("port", allowed_address_pairs=[PAIR, {**PAIR, "mac_address": "fa:16:3e:00:00:02"}])
    traces = read_traces(SITE, workload, cloud)
    assert {kind: len(ids) for kind, ids in traces.ids.items()} == {
        "loadbalancer": 1,
        "floatingip": 1,
        "port": 2,
    }
    left = remaining(traces, cloud)
    assert len(left) == 4
    assert [item for item in left if item.startswith("address pair 10.1.0.5 on port")]
    cloud.resources["loadbalancer"][0]["provisioning_status"] = "DELETED"
    assert not [item for item in remaining(traces, cloud) if item.startswith("loadbalancer")]


@pytest.fixture
def diagnosing(monkeypatch: pytest.MonkeyPatch) -> Verification:
    """The phase on a lab where all is well; diagnosis can look at nothing."""
    made = Verification(SITE)
    made.cluster, made.cloud = MemoryCluster(), MemoryCloud()  # type: ignore[assignment]
    monkeypatch.setattr(checks, "read_verification", lambda *_: healthy())

    def read(site: Any, *_: Any) -> DiagnosisSnapshot:
        read_sites.append(site)
        return read_diagnosis(site, Unreadable("not asked"), Unreadable("not asked"))

    read_sites.clear()
    monkeypatch.setattr(checks, "read_diagnosis", read)
    return made


read_sites: list[Any] = []


def test_what_passes_is_not_diagnosed(diagnosing: Verification) -> None:
    diagnosing.check()
    assert read_sites == []


def test_what_fails_is_diagnosed_once_and_shown_with_its_cause(
    diagnosing: Verification, monkeypatch: pytest.MonkeyPatch
) -> None:
    probes = {name: replace(probe(index), vip=(NO,)) for index, name in enumerate(PODS)}
    spoilt = replace(healthy(), probes=probes)
    monkeypatch.setattr(checks, "read_verification", lambda *_: spoilt)
    with pytest.raises(CheckError, match="cause: diagnosis finds none"):
        diagnosing.check()
    assert len(read_sites) == 1
