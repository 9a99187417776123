"""The one kind of check: whatever goes wrong in one is unknown for itself, and ends no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from spoiling.preflight import unspoilt
from worlds.sites import lab_site
from worlds.verification import Workload
from worlds.world import World

from kuryr_runbook.checking import diagnosis, preflight, verification
from kuryr_runbook.checking.causes import Cause, found
from kuryr_runbook.checking.checks import REPORT, Check, Depth, Occasion, checks_on, findings_of
from kuryr_runbook.checking.diagnosis import EVERYWHERE, Place, check_diagnosis
from kuryr_runbook.checking.paths import trace
from kuryr_runbook.checking.picture.topology import topology_of
from kuryr_runbook.checking.preflight import check_preflight
from kuryr_runbook.checking.verdicts import CouldNotLook, failed, passed, skipped
from kuryr_runbook.checking.verification import check_verification
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.findings import Finding, Status, Verdict, Victim

SITE = lab_site()
POD = Victim("pod", "a", "default")


def check(name: str, find: object, **more: object) -> Check:
    return Check(name, f"{name} is well", "the test", **more)(find)  # type: ignore[arg-type]


def broken(view: object) -> Verdict:
    raise ZeroDivisionError("ten by nothing")


def blind(view: object) -> Verdict:
    raise CouldNotLook("no list", "ask its operators")


def half(view: object) -> Iterator[Verdict]:
    yield failed("one is wrong", "mend it", POD)
    raise KeyError("the second")


def test_a_check_that_breaks_off_is_unknown_and_the_others_are_told() -> None:
    checks = [check("broken", broken), check("well", lambda view: passed("all of them"))]
    crash, well = findings_of(checks, SITE, None)
    assert (crash.check, crash.status, crash.remedy) == ("broken", Status.UNKNOWN, REPORT)
    assert "ZeroDivisionError: ten by nothing at checks.py:" in crash.evidence
    assert (well.status, well.evidence) == (Status.PASS, "all of them")
    assert [it.check for it in found(checks, SITE, None)] == ["broken", "well"]


def test_what_a_check_found_before_it_broke_off_stands() -> None:
    wrong, unknown = check("half", half).ask(SITE, None)
    assert (wrong.status, wrong.victims) == (Status.FAIL, (POD,))
    assert unknown.status is Status.UNKNOWN
    assert [it.status for it in found([check("half", half)], SITE, None)] == [
        Status.FAIL,
        Status.UNKNOWN,
    ]


def test_a_site_that_breaks_the_question_whether_it_arises_is_unknown_too() -> None:
    def moot(site: object) -> str:
        raise AttributeError("no driver")

    [verdict] = check("odd", lambda view: passed("well"), moot=moot).ask(SITE, None)
    assert verdict.status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ([], [(Status.PASS, "nothing found")]),
        ([passed("three ports")], [(Status.PASS, "three ports")]),
        ([passed("three"), failed("one", "mend")], [(Status.FAIL, "one")]),
        (skipped("not here"), [(Status.SKIP, "not here")]),
    ],
)
def test_a_pass_stands_alone(said: object, told: list[tuple[Status, str]]) -> None:
    verdicts = check("x", lambda view: said).ask(SITE, None)
    assert [(it.status, it.evidence) for it in verdicts] == told


def test_what_does_not_arise_is_not_asked() -> None:
    [verdict] = check("x", broken, moot=lambda site: f"not for {site.name}").ask(SITE, None)
    assert (verdict.status, verdict.evidence) == (Status.SKIP, f"not for {SITE.name}")


def test_who_could_not_look_for_one_reason_is_reported_once_with_the_way_out() -> None:
    checks = [check("one", blind), check("two", blind), check("three", broken)]
    first, crash = found(checks, SITE, None)
    assert (first.check, first.effects, first.remedy) == ("one", ("two",), "ask its operators")
    assert crash.check == "three"


def test_a_finding_keeps_victims_facts_and_region() -> None:
    verdict = Cause(
        status=Status.WARN, evidence="9 of 10", remedy="raise it", victims=(POD,), facts={"used": 9}
    )
    [finding] = found([check("quota", lambda view: verdict)], SITE, None)
    assert (finding.victims, finding.facts, finding.subject) == ((POD,), {"used": 9}, str(POD))


def test_a_list_has_the_checks_of_its_occasion_the_deepest_first() -> None:
    module = ModuleType("questions")
    module.__dict__.update(
        late=check("late", broken),
        early=check("early", broken, depth=Depth.GROUND),
        other=check("other", broken, on=(Occasion.PREFLIGHT,)),
        no_check="text",
    )
    assert [it.name for it in checks_on(Occasion.DIAGNOSIS, module)] == ["early", "late"]


def test_names_are_unique_and_what_is_explained_exists() -> None:
    for checks in (preflight.CHECKS, verification.CHECKS, diagnosis.CHECKS):
        names = [it.name for it in checks]
        assert len(set(names)) == len(names)
        assert all(it.title and it.source for it in checks)
    known = {it.name for it in diagnosis.CHECKS}
    assert all(it.explains <= known for it in diagnosis.CHECKS)


def put(item: Any, key: str, value: object) -> Callable[[], None]:
    return lambda: item.update({key: value})


def places_of_addresses(world: World, address: str) -> list[Callable[[], None]]:
    """What puts an address into each place where the world has one."""
    pod_name, service_name = world.pod_name(0), world.service_name(0)
    balancer = f"{world.space}/{service_name}"
    service, pod = world.object("Service", service_name), world.object("Pod", pod_name)
    [subset] = world.object("Endpoints", service_name)["subsets"]
    node, subnet = world.object("Node", "worker1"), world.resource("subnet", "s-services")
    return [
        put(service["spec"], "clusterIP", address),
        put(service["status"]["loadBalancer"]["ingress"][0], "ip", address),
        put(pod["status"], "podIP", address),
        put(pod["status"], "hostIP", address),
        put(subset["addresses"][0], "ip", address),
        put(node["status"]["addresses"][0], "address", address),
        put(world.resource("loadbalancer", balancer), "vip_address", address),
        put(world.port_of(pod_name)["fixed_ips"][0], "ip_address", address),
        put(world.node_port("worker1")["allowed_address_pairs"][0], "ip_address", address),
        put(subnet, "cidr", address),
        put(subnet["allocation_pools"][0], "start", address),
        put(world.resource("floatingip", "fip"), "floating_ip_address", address),
        put(world.pool_members[f"p-{balancer}"][0], "address", address),
        put(world.resource("security_group_rule", "r-services"), "remote_ip_prefix", address),
    ]


ODD_ADDRESSES = (
    "fd00::10", "10.096.000.011", "010.1.1.1", "10.96.0.300", "10.96.0", "10.96.0.1/24", "::ffff:1",
    "10.96.0.1%eth0", "localhost", "0", " ", "10.96.0.1\n", "\N{ARABIC-INDIC DIGIT ONE}.1.1.1",
)  # fmt: skip


@pytest.mark.parametrize("address", ODD_ADDRESSES)
def test_no_address_breaks_a_check_off(address: str) -> None:
    """Neither of a Service, nor of anything else that has one."""
    for index in range(len(places_of_addresses(World(), address))):
        world, workload = World(), Workload()
        for each in (world, workload):
            places_of_addresses(each, address)[index]()
        look = Look(world.read())
        findings = check_diagnosis(look, EVERYWHERE)
        told = [*findings, *check_verification(workload.verified())]
        assert not [it.evidence for it in told if it.remedy == REPORT]
        trace(look, Place(pod="web-0", service="web-0"))
        topology_of(look, findings)


@pytest.mark.parametrize("address", ODD_ADDRESSES)
@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Node", ("status", "addresses", 0, "address")),
        ("Service", ("spec", "clusterIP")),
        ("Endpoints", ("subsets", 0, "addresses", 0, "ip")),
    ],
)
def test_no_address_breaks_a_check_of_preflight_off(
    address: str, kind: str, path: tuple[Any, ...]
) -> None:
    world = unspoilt()
    found: Any = world.objects[kind][-1]
    for key in path[:-1]:
        found = found[key]
    found[path[-1]] = address
    assert not [it for it in check_preflight(world.before()) if it.remedy == REPORT]


BEFORE, VERIFIED, INSTALLED = unspoilt().before(), Workload().verified(), World().read()
LISTS: tuple[tuple[ModuleType, Callable[[], list[Finding]]], ...] = (
    (preflight, lambda: list(check_preflight(BEFORE, preflight.CHECKS))),
    (verification, lambda: list(check_verification(VERIFIED))),
    (diagnosis, lambda: check_diagnosis(Look(INSTALLED), checks=diagnosis.CHECKS)),
)


@pytest.mark.parametrize(("module", "ask"), LISTS, ids=lambda it: getattr(it, "__name__", ""))
def test_whichever_check_breaks_off_all_others_say_the_same(
    module: ModuleType, ask: Callable[[], list[Finding]], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = {it.check: it.status for it in ask()}
    for index, check in enumerate(module.CHECKS):
        checks = list(module.CHECKS)
        checks[index] = check(broken)
        monkeypatch.setattr(module, "CHECKS", tuple(checks))
        told = {it.check: it for it in ask()}
        monkeypatch.undo()
        if whole[check.name] is not Status.SKIP:
            assert (told[check.name].status, told[check.name].remedy) == (Status.UNKNOWN, REPORT)
        rest = {name: it.status for name, it in told.items() if name != check.name}
        assert rest == {name: it for name, it in whole.items() if name != check.name}
