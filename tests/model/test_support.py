"""The guard rails: what does not go together is refused, with reason and way out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds.sites import LAB_TEXT

from kuryr_runbook.model import support
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.errors import SiteError
from kuryr_runbook.model.findings import Status
from kuryr_runbook.model.providers import OctaviaProvider
from kuryr_runbook.model.releases import RELEASES, Release
from kuryr_runbook.model.services import Service, ServicePort
from kuryr_runbook.model.site_file import parse_site
from kuryr_runbook.model.support import Objection

MACVLAN, VLAN, NEUTRON = VifDriver
AMPHORA, OVN = OctaviaProvider
releases = st.sampled_from(list(RELEASES.values()))


def site_objections(
    release: str, driver: VifDriver, provider: OctaviaProvider, *tags: str
) -> dict[str, Objection]:
    found = list(support.site_objections(RELEASES[release], driver, provider, tags))
    return {objection.subject: objection for objection in found}


def test_what_the_original_runs_is_not_objected_to() -> None:
    assert site_objections("stein", MACVLAN, AMPHORA) == {}


@pytest.mark.parametrize("driver", VifDriver)
@pytest.mark.parametrize("name", RELEASES)
def test_every_release_works_with_every_driver(name: str, driver: VifDriver) -> None:
    assert site_objections(name, driver, AMPHORA, "tag") == {}


def test_ussuri_alone_needs_tags() -> None:
    asked = {name for name in RELEASES if "resource_tags" in site_objections(name, VLAN, AMPHORA)}
    assert asked == {"ussuri"}
    assert "resource_tags" not in site_objections("ussuri", VLAN, AMPHORA, "my-site")
    reason = site_objections("ussuri", VLAN, AMPHORA)["resource_tags"].evidence
    assert "deletes load balancers that are not its own" in reason


def pool_objections(release: str, driver: VifDriver, *tags: str) -> dict[str, Objection]:
    found = list(support.pool_objections(RELEASES[release], driver, tags))
    return {objection.subject: objection for objection in found}


@pytest.mark.parametrize("name", RELEASES)
def test_no_release_has_pools_for_macvlan(name: str) -> None:
    said = str(pool_objections(name, MACVLAN, "tag")["port_pool"])
    assert "no release of Kuryr can create several ports at a time with nested-macvlan" in said
    assert "nested-vlan or neutron-vif" in said


@pytest.mark.parametrize("driver", [VLAN, NEUTRON])
@pytest.mark.parametrize("name", RELEASES)
def test_the_others_have_pools_except_where_tags_do_not_protect(
    name: str, driver: VifDriver
) -> None:
    found = pool_objections(name, driver, "tag")
    assert ("port_pool" in found) is (name == "stein" and driver is NEUTRON)
    if found:
        assert "those of other clusters" in found["port_pool"].evidence
        assert "Kuryr train or later" in found["port_pool"].remedy


@pytest.mark.parametrize("name", RELEASES)
def test_pools_need_tags_in_every_release(name: str) -> None:
    reason = pool_objections(name, VLAN)["resource_tags"].evidence
    assert ("deletes leftovers" in reason) is (name != "stein")


def test_a_site_with_pools_is_refused_at_their_lines() -> None:
    text = LAB_TEXT.replace("release: stein", "release: stein\n  port_pool: {enabled: true}")
    with pytest.raises(SiteError) as caught:
        parse_site(text, "x.yaml")
    reported = [problem.partition(" (line ")[0] for problem in caught.value.problems]
    assert reported == ["kuryr.resource_tags", "kuryr.port_pool"]


def test_ovn_needs_an_algorithm_that_stein_and_train_cannot_ask_for() -> None:
    refused = {name for name in RELEASES if "octavia_provider" in site_objections(name, VLAN, OVN)}
    assert refused == {"stein", "train"}
    said = str(site_objections("train", VLAN, OVN)["octavia_provider"])
    assert "lb_algorithm" in said
    assert "Kuryr ussuri or later" in said


def test_ovn_does_not_open_the_nodes_to_everybody() -> None:
    found = support.site_objections(RELEASES["ussuri"], MACVLAN, OVN, ("tag",))
    assert any("nodes' security group" in objection.evidence for objection in found)
    assert "octavia_provider" not in site_objections("ussuri", NEUTRON, OVN, "tag")


def test_idle_timeouts_came_with_xena_and_are_for_amphorae() -> None:
    able = [
        name
        for name, release in RELEASES.items()
        if not list(support.idle_objections(release, OctaviaProvider.AMPHORA))
    ]
    assert able == ["xena", "yoga", "zed", "2023.1", "2023.2", "2024.1"]
    [old] = support.idle_objections(RELEASES["wallaby"], OctaviaProvider.AMPHORA)
    assert "Kuryr xena or later" in old.remedy
    [ovn] = support.idle_objections(RELEASES["xena"], OctaviaProvider.OVN)
    assert "use amphora" in ovn.remedy
    with pytest.raises(SiteError, match="1 problem") as caught:
        parse_site(LAB_TEXT.replace("kuryr:\n", "kuryr:\n  lb_idle_seconds: 90\n"), "lab.yaml")
    assert "kuryr.lb_idle_seconds" in str(caught.value)


def test_a_site_file_is_refused_with_all_objections_and_their_lines() -> None:
    text = LAB_TEXT.replace("release: stein", "release: ussuri\n  octavia_provider: ovn")
    with pytest.raises(SiteError) as caught:
        parse_site(text, "x.yaml")
    lines = text.splitlines()
    reported = [problem.partition(" (line ")[0] for problem in caught.value.problems]
    assert reported == ["kuryr.resource_tags", "kuryr.octavia_provider"]
    number = int(caught.value.problems[1].split("(line ")[1].split(")")[0])
    assert "octavia_provider: ovn" in lines[number - 1]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [("[a,b]", None), ('["a,b"]', "is not a tag"), ("[1.30]", "put it in quotes"),
     ("[a b]", "is not a tag"), ("my-site", "valid tuple")],
)  # fmt: skip
def test_tags_are_such_as_neutron_and_kuryr_conf_take(tags: str, expected: str | None) -> None:
    text = LAB_TEXT.replace("release: stein", f"release: stein\n  resource_tags: {tags}")
    if expected is None:
        assert parse_site(text, "x.yaml").kuryr.resource_tags == ("a", "b")
        return
    with pytest.raises(SiteError, match=expected):
        parse_site(text, "x.yaml")


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ("stein", "v1.10.0", (Status.FAIL, "1.11 to 1.23: use a cluster of Kubernetes 1.11 to")),
        ("stein", "v1.17.1", None),
        ("stein", "v1.20.2", None),
        ("stein", "v1.23.9", (Status.WARN, "up to 1.20")),
        ("stein", "v1.24.0", (Status.FAIL, "1.11 to 1.23: set kuryr.release to wallaby or xena")),
        (
            "victoria",
            "v1.15.3",
            (Status.FAIL, "1.16 to 1.23: set kuryr.release to stein or train or ussuri"),
        ),
        (
            "wallaby",
            "v1.15.3",
            (Status.FAIL, "from 1.16 on: set kuryr.release to stein or train or ussuri"),
        ),
        ("wallaby", "v1.28.0", (Status.WARN, "up to 1.19")),
        ("2024.1", "v1.28.2", None),
        ("2024.1", "v1.33.1", (Status.WARN, "up to 1.28")),
    ],
)
def test_kubernetes(name: str, version: str, expected: tuple[Status, str] | None) -> None:
    found = list(support.kubernetes_objections(RELEASES[name], version))
    if expected is None:
        assert found == []
        return
    [objection] = found
    assert objection.subject == f"Kubernetes {version}"
    assert objection.status is expected[0]
    assert expected[1] in str(objection)


@given(releases, st.integers(0, 60))
def test_a_cluster_gets_one_answer_at_most_and_outside_the_window_a_refusal(
    release: Release, minor: int
) -> None:
    found = list(support.kubernetes_objections(release, f"v1.{minor}.3"))
    assert len(found) <= 1
    refused = [objection for objection in found if objection.status is Status.FAIL]
    assert bool(refused) is not release.runs_on((1, minor))


def test_what_is_no_version_is_no_answer() -> None:
    with pytest.raises(ValueError, match="not a version"):
        next(support.kubernetes_objections(RELEASES["stein"], "unknown"))


@dataclass(frozen=True)
class Web:
    """A Service that every release serves, but for what is changed of it."""

    place: str = "default/web"
    type: str = "LoadBalancer"
    cluster_ip: str = "10.2.0.9"
    selects: bool = True
    ports: tuple[ServicePort, ...] = (ServicePort(name="", protocol="TCP", port=80),)
    self_link: bool = True


def service(ports: tuple[tuple[str, int], ...] = (("TCP", 80),), **changes: Any) -> Service:
    made = tuple(ServicePort(name="", protocol=protocol, port=port) for protocol, port in ports)
    return Web(ports=made, **changes)


@given(releases, st.booleans())
def test_self_link_is_missed_where_it_is_read(release: Release, there: bool) -> None:
    found = list(support.self_link_objections(release, service(self_link=there)))
    assert bool(found) is (release.needs_self_link and not there)
    for objection in found:
        assert objection.status is Status.FAIL
        assert "RemoveSelfLink=false" in objection.remedy


BOTH = (("UDP", 53), ("TCP", 53))


@pytest.mark.parametrize(
    ("name", "shape", "api", "expected"),
    [
        ("stein", service(), (2, 0), None),
        ("stein", service(type="NodePort"), (2, 26), "type NodePort"),
        ("2024.1", service(type="ExternalName", cluster_ip=""), (2, 26), "type ExternalName"),
        ("2024.1", service(type="ClusterIP", cluster_ip=""), (2, 26), "headless"),
        ("ussuri", service(selects=False), (2, 26), "without a selector"),
        ("victoria", service(selects=False), (2, 26), None),
    ],
)
def test_services_without_a_load_balancer(
    name: str, shape: Service, api: tuple[int, int], expected: str | None
) -> None:
    judge(name, shape, api, expected)
    assert support.gets_balancer(RELEASES[name], shape) is (expected is None)


@pytest.mark.parametrize(
    ("name", "ports", "api", "expected"),
    [
        ("stein", (("UDP", 53),), (2, 5), None),
        ("stein", BOTH, (2, 5), "port 53 has TCP and UDP"),
        ("ussuri", BOTH, (2, 12), "port 53 has TCP and UDP"),
        ("stein", BOTH, (2, 13), None),
        ("victoria", (("SCTP", 9),), (2, 26), "SCTP port 9"),
        ("wallaby", (("SCTP", 9),), (2, 22), "SCTP port 9"),
        ("wallaby", (("SCTP", 9),), (2, 23), None),
    ],
)
def test_ports_that_are_skipped_leave_the_load_balancer(
    name: str, ports: tuple[tuple[str, int], ...], api: tuple[int, int], expected: str | None
) -> None:
    shape = service(ports=ports)
    judge(name, shape, api, expected)
    assert support.gets_balancer(RELEASES[name], shape)


def judge(name: str, shape: Service, api: tuple[int, int], expected: str | None) -> None:
    found = list(support.service_objections(RELEASES[name], shape, api))
    if expected is None:
        assert found == []
        return
    [objection] = found
    assert objection.subject == "default/web"
    assert expected in objection.evidence
    assert objection.remedy
    assert objection.status is Status.WARN


def test_sctp_names_the_release_that_brought_it() -> None:
    shape = service(ports=(("SCTP", 9),))
    [objection] = support.service_objections(RELEASES["stein"], shape, (2, 26))
    assert "needs Kuryr wallaby or later and version 2.23 of" in objection.remedy
