"""Which checks are asked about a Kuryr that somebody else installed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from worlds.installed import SHAPES

from kuryr_runbook.checking import diagnosis, preflight
from kuryr_runbook.checking.audit import FOREIGN, LATER, applicable, not_asked, of_others
from kuryr_runbook.checking.diagnosis import check_diagnosis
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.fixes import PhaseFix
from kuryr_runbook.snapshots.cluster.found_kuryr import FoundKuryr, read_found_kuryr

NAMES = {check.name for check in (*diagnosis.CHECKS, *preflight.CHECKS)}


def found(shape: str) -> FoundKuryr:
    kuryr = read_found_kuryr(SHAPES[shape]())
    assert kuryr is not None
    return kuryr


def reasons(shape: str) -> dict[str, str]:
    return not_asked(found(shape), ["image.repository", "kuryr.link_iface", "kuryr.release"])


@pytest.mark.parametrize("shape", SHAPES)
def test_only_checks_that_exist_are_left_out(shape: str) -> None:
    assert reasons(shape).keys() <= NAMES


def test_a_check_that_is_left_out_is_skipped_and_says_why() -> None:
    world = SHAPES["OpenShift's operator"]()
    checks = [*applicable(diagnosis.CHECKS, reasons("OpenShift's operator"))]
    assert [it.name for it in checks] == [it.name for it in diagnosis.CHECKS]
    said = {it.check: it for it in check_diagnosis(Look(world.read()), checks=checks)}
    for name in ("port-orphaned", "pod-subnet", "policy-unenforced", *FOREIGN.keys() & said.keys()):
        assert said[name].status is Status.SKIP
        assert said[name].evidence.startswith("not looked at: ")


def test_the_runbooks_own_is_asked_everything() -> None:
    kuryr = replace(found("the original's role"), site="mine")
    assert not_asked(kuryr, []) == {}


def test_ports_in_advance_are_no_orphans() -> None:
    assert "port-orphaned" in reasons("OpenShift's operator")
    assert "port-orphaned" not in reasons("the original's role")


def test_nothing_is_fixed_in_somebody_elses_kuryr() -> None:
    finding = Finding(
        status=Status.FAIL, evidence="e", check="c", title="t", fixes=(PhaseFix("daemon"),),
        remedy="kuryr-runbook run --site FILE --only daemon",
    )  # fmt: skip
    [told] = of_others([finding])
    assert told.fixes == ()
    assert LATER in told.remedy
    [plain] = of_others([replace(finding, remedy="openstack port list")])
    assert plain.remedy == "openstack port list"
