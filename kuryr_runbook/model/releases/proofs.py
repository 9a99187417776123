"""What was run on the lab, with packets: the one table that README, docs and commands refer to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.providers import OctaviaProvider


@dataclass(frozen=True, slots=True)
class Proof:
    """A whole run on the lab that passed all acceptance checks."""

    release: str
    driver: VifDriver
    provider: OctaviaProvider
    workers: str
    """`--worker-kind` of the lab."""
    passed: date
    """When it was last run."""


_MACVLAN, _VLAN, _VIF = VifDriver.NESTED_MACVLAN, VifDriver.NESTED_VLAN, VifDriver.NEUTRON_VIF
_AMPHORA, _OVN = OctaviaProvider.AMPHORA, OctaviaProvider.OVN

PROOFS: tuple[Proof, ...] = (
    Proof("stein", _MACVLAN, _AMPHORA, "namespace", date(2026, 11, 29)),
    Proof("train", _MACVLAN, _AMPHORA, "namespace", date(2026, 11, 26)),
    Proof("ussuri", _MACVLAN, _AMPHORA, "namespace", date(2026, 11, 26)),
    Proof("2024.1", _MACVLAN, _AMPHORA, "namespace", date(2026, 11, 26)),
    Proof("2024.1", _VLAN, _AMPHORA, "uml", date(2026, 11, 29)),
    Proof("stein", _VIF, _AMPHORA, "chassis", date(2026, 11, 29)),
    Proof("2024.1", _VIF, _AMPHORA, "chassis", date(2026, 11, 29)),
    Proof("ussuri", _VIF, _OVN, "chassis", date(2026, 11, 29)),
    Proof("2024.1", _VIF, _OVN, "chassis", date(2026, 11, 29)),
)
"""Run by `tests/lab`: test_runbook, test_releases, test_nested_vlan, test_neutron_vif."""


def proved(driver: VifDriver) -> tuple[str, ...]:
    """The releases that were run with that driver, the oldest first."""
    return tuple(dict.fromkeys(proof.release for proof in PROOFS if proof.driver is driver))
