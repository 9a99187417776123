"""The guard rails: what does not go together is refused, with reason and way out."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuryr_runbook.model import support
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.errors import SiteError
from kuryr_runbook.model.findings import Status
from kuryr_runbook.model.providers import OctaviaProvider
from kuryr_runbook.model.releases import RELEASES, Release
from kuryr_runbook.model.site_file import parse_site
from kuryr_runbook.model.support import Objection, ServiceShape

LAB = (Path(__file__).parents[2] / "parameters" / "lab.yaml").read_text()
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


@pytest.mark.parametrize("name", RELEASES)
def test_nothing_is_installed_without_an_image(name: str) -> None:
    found = site_objections(name, VLAN, AMPHORA, "tag")
    assert set(found) == (set() if RELEASES[name].image else {"release"})
    if found:
        assert str(found["release"]).endswith("choose stein")


@pytest.mark.parametrize("name", list(RELEASES)[3:])
def test_nested_macvlan_is_refused_where_upstream_broke_it(name: str) -> None:
    refused = site_objections(name, MACVLAN, AMPHORA)["vif_driver"]
    assert "use nested-vlan" in refused.way_out
    assert "annot bind" in refused.reason
    assert "vif_driver" not in site_objections(name, VLAN, AMPHORA)


@pytest.mark.parametrize("name", list(RELEASES)[:3])
def test_nested_macvlan_works_before(name: str) -> None:
    assert "vif_driver" not in site_objections(name, MACVLAN, AMPHORA)


def test_ussuri_alone_needs_tags() -> None:
    asked = {name for name in RELEASES if "resource_tags" in site_objections(name, VLAN, AMPHORA)}
    assert asked == {"ussuri"}
    assert "resource_tags" not in site_objections("ussuri", VLAN, AMPHORA, "my-site")
    reason = site_objections("ussuri", VLAN, AMPHORA)["resource_tags"].reason
    assert "deletes load balancers that are not its own" in reason


def test_ovn_needs_an_algorithm_that_stein_and_train_cannot_ask_for() -> None:
    refused = {name for name in RELEASES if "octavia_provider" in site_objections(name, VLAN, OVN)}
    assert refused == {"stein", "train"}
    said = str(site_objections("train", VLAN, OVN)["octavia_provider"])
    assert "lb_algorithm" in said
    assert "Kuryr ussuri or later" in said


def test_ovn_does_not_open_the_nodes_to_everybody() -> None:
    found = support.site_objections(RELEASES["ussuri"], MACVLAN, OVN, ("tag",))
    assert any("nodes' security group" in objection.reason for objection in found)
    assert "octavia_provider" not in site_objections("ussuri", NEUTRON, OVN, "tag")


def test_a_site_file_is_refused_with_all_objections_and_their_lines() -> None:
    text = LAB.replace("release: stein", "release: ussuri\n  octavia_provider: ovn")
    with pytest.raises(SiteError) as caught:
        parse_site(text, "x.yaml")
    lines = text.splitlines()
    told = [problem.partition(" (line ")[0] for problem in caught.value.problems]
    assert told == ["kuryr.octavia_provider", "kuryr.release", "kuryr.resource_tags"]
    number = int(caught.value.problems[1].split("(line ")[1].split(")")[0])
    assert "release: ussuri" in lines[number - 1]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [("[a,b]", None), ('["a,b"]', "match pattern"), ("[1.30]", "put it in quotes"),
     ("[a b]", "match pattern"), ("my-site", "valid tuple")],
)  # fmt: skip
def test_tags_are_such_as_neutron_and_kuryr_conf_take(tags: str, expected: str | None) -> None:
    text = LAB.replace("release: stein", f"release: stein\n  resource_tags: {tags}")
    if expected is None:
        assert parse_site(text, "x.yaml").kuryr.resource_tags == ("a", "b")
        return
    with pytest.raises(SiteError, match=expected):
        parse_site(text, "x.yaml")


@pytest.mark.parametrize(
    ("name", "version", "self_link", "expected"),
    [
        ("stein", "v1.10.0", None, (Status.FAIL, "1.11 to 1.23")),
        ("stein", "v1.17.1", None, None),
        ("stein", "v1.20.2", None, (Status.WARN, "RemoveSelfLink=false")),
        ("stein", "v1.20.2", False, (Status.FAIL, "RemoveSelfLink=false")),
        ("stein", "v1.20.2", True, None),
        ("stein", "v1.23.9", True, (Status.WARN, "up to 1.20")),
        ("stein", "v1.24.0", True, (Status.FAIL, "1.11 to 1.23")),
        ("victoria", "v1.15.3", True, (Status.FAIL, "1.16 to 1.23")),
        ("wallaby", "v1.28.0", False, (Status.WARN, "up to 1.19")),
        ("2024.1", "v1.28.2", False, None),
        ("2024.1", "v1.33.1", None, (Status.WARN, "up to 1.28")),
    ],
)
def test_kubernetes(
    name: str, version: str, self_link: bool | None, expected: tuple[Status, str] | None
) -> None:
    found = list(support.kubernetes_objections(RELEASES[name], version, self_link=self_link))
    if expected is None:
        assert found == []
        return
    [objection] = found
    assert objection.status is expected[0]
    assert expected[1] in str(objection)


@given(releases, st.integers(0, 60), st.sampled_from([None, True, False]))
def test_a_cluster_gets_one_answer_at_most_and_outside_the_window_a_refusal(
    release: Release, minor: int, self_link: bool | None
) -> None:
    version = f"v1.{minor}.3"
    found = list(support.kubernetes_objections(release, version, self_link=self_link))
    assert len(found) <= 1
    if not release.runs_on((1, minor)):
        assert found[0].status is Status.FAIL
    elif not release.needs_self_link:
        assert all(objection.status is Status.WARN for objection in found)


@pytest.mark.parametrize(
    ("python", "eventlet", "works"),
    [("3.6", "0.24.1", True), ("3.7", "0.24.1", False), ("3.7", "0.25.2", False),
     ("3.7", "0.26.1", True), ("3.11", "0.35.1", True), ("3.11", "0.25.2", False)],
)  # fmt: skip
def test_eventlet_has_to_know_the_python(python: str, eventlet: str, works: bool) -> None:
    found = list(support.python_objections(RELEASES["stein"], python, eventlet))
    assert (found == []) is works


def test_address_pairs_are_counted_by_node() -> None:
    found = list(support.address_pair_objections(MACVLAN, {"w1": 10, "w2": 11}, 10))
    assert [objection.subject for objection in found] == ["node w2"]
    assert "max_allowed_address_pair" in found[0].way_out
    assert list(support.address_pair_objections(VLAN, {"w1": 500}, 10)) == []


def service(**changes: object) -> ServiceShape:
    shape = {
        "name": "default/web",
        "kind": "LoadBalancer",
        "headless": False,
        "has_selector": True,
        "ports": (("TCP", 80),),
    }
    return ServiceShape(**(shape | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "shape", "octavia", "expected"),
    [
        ("stein", service(), "2.0", None),
        ("stein", service(kind="NodePort"), "2.26", "type NodePort"),
        ("2024.1", service(kind="ExternalName"), "2.26", "type ExternalName"),
        ("2024.1", service(kind="ClusterIP", headless=True), "2.26", "headless"),
        ("ussuri", service(has_selector=False), "2.26", "without a selector"),
        ("victoria", service(has_selector=False), "2.26", None),
        ("stein", service(ports=(("UDP", 53),)), "2.5", None),
        ("stein", service(ports=(("UDP", 53), ("TCP", 53))), "2.5", "port 53 has TCP and UDP"),
        ("stein", service(ports=(("UDP", 53), ("TCP", 53))), "2.13", None),
        ("victoria", service(ports=(("SCTP", 9),)), "2.26", "SCTP port 9"),
        ("wallaby", service(ports=(("SCTP", 9),)), "2.22", "SCTP port 9"),
        ("wallaby", service(ports=(("SCTP", 9),)), "2.23", None),
    ],
)
def test_services(name: str, shape: ServiceShape, octavia: str, expected: str | None) -> None:
    found = list(support.service_objections(RELEASES[name], shape, octavia))
    if expected is None:
        assert found == []
        return
    [objection] = found
    assert expected in objection.reason
    assert objection.way_out
    assert objection.status is Status.WARN
