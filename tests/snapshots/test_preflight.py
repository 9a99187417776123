"""Preflight reads what is partial, hidden or broken without falling over it."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from spoiling.preflight import GONE, node_ports, unspoilt
from support.drawing import json_values
from worlds.objects import program, service, waiting_pod
from worlds.world import World

from kuryr_runbook.checking.checks import REPORT
from kuryr_runbook.checking.preflight import CHECKS, check_preflight
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.findings import Status
from kuryr_runbook.model.releases import RELEASES
from kuryr_runbook.snapshots.cloud.permissions import octavia_versions
from kuryr_runbook.snapshots.cloud.quotas import Quota, balancer_quotas, network_quotas
from kuryr_runbook.snapshots.cloud.state import NEUTRON_KINDS
from kuryr_runbook.snapshots.cluster.objects import DEFAULT_PODS
from kuryr_runbook.snapshots.cluster.state import nothing_read
from kuryr_runbook.snapshots.reading import Unreadable

whole_worlds = settings(max_examples=60, deadline=None)
"""A world is read and judged in some ten milliseconds."""

APIS = ("network", "load_balancer")
CALLS_OF_CLOUD = (
    "login", "endpoint of network", "endpoint of load_balancer", "extension", "network", "subnet",
    "port", "loadbalancer", "versions of Octavia", "providers", "quotas of network",
    "quotas of load_balancer", "refused port", "refused load balancer",
)  # fmt: skip
CALLS_OF_CLUSTER = (
    "version", "Node", "Pod", "Service", "DaemonSet", "Deployment", "one Endpoints", "one Service",
    "one Secret", "rights", "refused service",
)  # fmt: skip


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to all that is inside a manifest, but for the names, which each one has."""
    inside: list[Any] = []
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list):
        inside = list(enumerate(value))
    found = []
    for key, item in inside:
        here = (*path, key)
        if here not in (("kind",), ("metadata",), ("metadata", "name"), ("metadata", "namespace")):
            found.append(here)
        found += paths_of(item, here)
    return found


def with_value(manifest: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(manifest)
    found: Any = changed
    for key in path[:-1]:
        found = found[key]
    found[path[-1]] = value
    return changed


def busy_world(driver: VifDriver) -> World:
    """With something of each kind that preflight looks at."""
    world = unspoilt(driver)
    words = ("openstack-cloud-controller-manager", "--controllers=*")
    volumes = {"volumes": [{"secret": {"secretName": "s"}}, {"configMap": {"name": "c"}}]}
    world.put(
        waiting_pod("web-1", "web"),
        program("Deployment", "ccm", *words, **volumes),
        program("DaemonSet", "kube-proxy", "kube-proxy"),
        service(
            "web",
            namespace="web",
            ports=[{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}],
        ),
    )
    return world


def judged(world: World) -> None:
    found = list(check_preflight(world.before()))
    assert {it.check for it in found} == {check.name for check in CHECKS}
    for finding in found:
        assert finding.evidence
        assert finding.remedy != REPORT, finding.evidence
        assert finding.remedy or finding.status in (Status.PASS, Status.SKIP)


@whole_worlds
@given(st.data(), st.sampled_from(VifDriver), st.sampled_from(list(RELEASES)), json_values())
def test_no_manifest_makes_a_check_fall_over(
    data: st.DataObject, driver: VifDriver, release: str, value: Any
) -> None:
    world = busy_world(driver)
    world.change_site("kuryr", release=release)
    kind = data.draw(st.sampled_from([kind for kind, items in world.objects.items() if items]))
    index = data.draw(st.integers(0, len(world.objects[kind]) - 1))
    manifest = world.objects[kind][index]
    path = data.draw(st.sampled_from(paths_of(manifest)))
    world.objects[kind][index] = with_value(manifest, path, value)
    judged(world)


@whole_worlds
@given(st.data(), st.sampled_from(VifDriver))
def test_no_hidden_field_of_a_port_makes_a_check_fall_over(
    data: st.DataObject, driver: VifDriver
) -> None:
    world = busy_world(driver)
    for port in node_ports(world):
        for field in data.draw(st.sets(st.sampled_from(sorted(port.keys() - {"id", "name"})))):
            if field != "project_id":
                del port[field]
    judged(world)


@whole_worlds
@given(
    st.sets(st.sampled_from(CALLS_OF_CLOUD)),
    st.sets(st.sampled_from(CALLS_OF_CLUSTER)),
    st.booleans(),
    st.sampled_from(VifDriver),
)
def test_whatever_is_refused_all_checks_answer_and_none_passes_for_it(
    cloud: set[str], cluster: set[str], registry: bool, driver: VifDriver
) -> None:
    world = busy_world(driver)
    before = {it.check: it for it in check_preflight(world.before())}
    world.broken = dict.fromkeys(cloud | cluster, GONE)
    world.registry.broken = GONE if registry else None
    judged(world)
    for finding in check_preflight(world.before()):
        if finding.status in (Status.PASS, Status.WARN):
            assert before[finding.check].status in (Status.PASS, Status.WARN), finding


@given(json_values())
def test_no_json_makes_a_reader_fall_over(value: Any) -> None:
    network_quotas({"port": value})
    network_quotas(value if isinstance(value, dict) else {})
    octavia_versions(value)


def test_quotas_are_limits_with_what_is_used_and_reserved() -> None:
    details = {
        "port": {"limit": 10, "used": 4, "reserved": 2},
        "network": {"limit": -1, "used": 4},
        "strange": {"limit": None},
    }
    assert network_quotas(details) == {
        "port": Quota(limit=10, used=6),
        "network": Quota(limit=-1, used=4),
    }
    assert network_quotas(details)["port"].free == 4
    assert network_quotas(details)["network"].free is None
    assert Quota(limit=3, used=9).free == 0


def test_octavia_names_its_quota_one_way_or_the_other() -> None:
    wanted = {"loadbalancer": Quota(limit=5, used=2)}
    assert balancer_quotas({"load_balancer": 5}, {"loadbalancer": 2}) == wanted
    assert balancer_quotas({"loadbalancer": 5}, {"loadbalancer": 2}) == wanted


def test_octavia_without_a_quota_says_so() -> None:
    assert balancer_quotas({}, {"loadbalancer": 0}) == {}
    world = unspoilt()
    world.balancer_limits = {}
    found = {it.check: it for it in check_preflight(world.before())}["quota-octavia"]
    assert found.status is Status.UNKNOWN
    assert "no quota" in found.evidence


def test_versions_are_ordered_as_numbers() -> None:
    assert octavia_versions(["v2.9", "v2.30", "v1", "latest"]) == ((1, 0), (2, 9), (2, 30))


def test_a_kubelet_that_does_not_say_takes_the_usual_number_of_pods() -> None:
    assert nothing_read(Unreadable("no")).pods_per_node == DEFAULT_PODS
    world = unspoilt()
    for item in world.objects["Node"]:
        item["status"].pop("allocatable")
    found = world.before().cluster
    assert found.pods_per_node == DEFAULT_PODS


def test_each_thing_is_asked_once() -> None:
    """Also for a user who is no admin, one question for each right."""
    world = busy_world(VifDriver.NESTED_MACVLAN)
    world.before()
    once = {
        "version", "Node", "Pod", "Service", "DaemonSet", "Deployment", "one Endpoints",
        "one Service", "one Secret", "one ConfigMap", "one DaemonSet", "one Deployment", "rights",
        "refused service", "NetworkPolicy", "Namespace",
    }  # fmt: skip
    once |= {*NEUTRON_KINDS, "loadbalancer", "extension", "login", "providers"}
    once |= {f"{what} of {api}" for what in ("endpoint", "quotas") for api in APIS}
    once |= {"versions of Octavia", "refused load balancer"}
    more = {"refused port": 3, "node statistics": len(world.objects["Node"])}
    assert Counter(world.asked) == dict.fromkeys(once, 1) | more
