"""What failed is told with its cause, and the cause is about those that suffer."""

from __future__ import annotations

import pytest
from spoiling.diagnosis import mtu
from worlds.world import World

from kuryr_runbook.checking import explaining
from kuryr_runbook.checking.explaining import NONE, explained
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.display.findings import findings_view
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.findings import Finding, Status, Victim

SPACE = "default"


POD_0, POD_1 = Victim("pod", "web-0", SPACE), Victim("pod", "web-1", SPACE)
SERVICE = Victim("service", "web-0", SPACE)


def failed(*victims: Victim) -> Finding:
    return Finding(
        check="pod-to-pod", title="Pods", status=Status.FAIL, evidence="1 of 12", victims=victims
    )


def cause(world: World, finding: Finding) -> str:
    """The cause, where the verification's namespace is that of the world's pods."""
    section = world.site.verification.model_copy(update={"namespace": SPACE})
    world.site = world.site.model_copy(update={"verification": section})
    [found] = explained([finding], Look(world.read()))
    return found.cause


def without_pair(pod: str) -> World:
    world = World()
    mac = world.port_of(pod)["mac_address"].lower()
    for item in world.resources["port"]:
        pairs = item["allowed_address_pairs"]
        item["allowed_address_pairs"] = [it for it in pairs if it["mac_address"] != mac]
    return world


def test_a_lost_pair_is_the_cause_of_what_its_pod_suffers() -> None:
    told = cause(without_pair("web-1"), failed(POD_1))
    assert "(check address-pair)" in told
    assert "-> " in told


def test_either_end_of_a_way_may_be_the_cause() -> None:
    told = cause(without_pair("web-1"), failed(POD_0, POD_1))
    assert "(check address-pair)" in told


def test_the_cause_of_another_pods_fault_is_not_told() -> None:
    assert cause(without_pair("web-1"), failed(POD_0)) == NONE


@pytest.mark.parametrize(
    "victims",
    [
        (),
        tuple(Victim("pod", f"web-{index}", SPACE) for index in range(4)),
        (SERVICE,),
        (POD_1, SERVICE),
        (Victim("floating IP", "198.51.100.7"),),
    ],
)
def test_of_many_all_are_diagnosed_and_of_a_service_what_is_behind_it(
    victims: tuple[Victim, ...],
) -> None:
    assert "(check address-pair)" in cause(without_pair("web-1"), failed(*victims))


def test_an_mtu_that_does_not_fit_is_the_cause_of_lost_packets() -> None:
    world = World(driver=VifDriver.NESTED_VLAN)
    mtu(world)
    assert "(check mtu)" in cause(world, failed(POD_0, POD_1))


def test_what_fails_goes_before_what_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        Finding(check=str(status), title="X", status=status, evidence="no", remedy="mend")
        for status in (Status.UNKNOWN, Status.WARN, Status.FAIL, Status.PASS)
    ]
    monkeypatch.setattr(explaining, "check_diagnosis", lambda look, place: found)
    assert cause(World(), failed()) == "no (check fail) -> mend"
    monkeypatch.setattr(explaining, "check_diagnosis", lambda look, place: found[:2])
    assert cause(World(), failed()) == "no (check warn) -> mend"


def test_only_failures_are_explained() -> None:
    passed = Finding(check="x", title="X", status=Status.UNKNOWN, evidence="could not look")
    assert explained([passed], Look(without_pair("web-1").read())) == [passed]


def test_the_cause_stands_below_evidence_and_remedy() -> None:
    finding = Finding(
        check="x", title="X", status=Status.FAIL, evidence="no", remedy="mend", cause="a rule"
    )
    view = findings_view("X", [finding])
    for shown in (view.text, view.html):
        assert "cause: a rule" in shown.lower()
    assert view.data["findings"][0]["cause"] == "a rule"
