"""The files of OVN and Open vSwitch, and how their commands find them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kuryr_runbook.lab.settings import LabSettings

SCHEMAS: Mapping[str, Path] = {
    "switch": Path("/usr/share/openvswitch/vswitch.ovsschema"),
    "northbound": Path("/usr/share/ovn/ovn-nb.ovsschema"),
    "southbound": Path("/usr/share/ovn/ovn-sb.ovsschema"),
}
"""The databases: Open vSwitch's own, and OVN's northbound (written by Neutron) and southbound."""


@dataclass(frozen=True, slots=True)
class Places:
    """The files of the data plane."""

    root: Path

    @property
    def run(self) -> Path:
        """Directory of all its programs' sockets and pid files."""
        return self.root / "run"

    @property
    def socket(self) -> Path:
        """The socket of the only database server; ovs-vsctl looks for `db.sock`."""
        return self.run / "db.sock"

    @property
    def remote(self) -> str:
        """The database server's address for clients."""
        return f"unix:{self.socket}"

    def database(self, name: str) -> Path:
        """The file of one of SCHEMAS."""
        return self.root / f"{name}.db"


def places(settings: LabSettings) -> Places:
    """The files of a lab's data plane."""
    return Places(settings.state / "ovn")


def environment(settings: LabSettings) -> dict[str, str]:
    """Variables that make `ovs-vsctl`, `ovs-ofctl`, `ovn-nbctl` and `ovn-sbctl` use this lab."""
    where = places(settings)
    return {
        "OVS_RUNDIR": str(where.run),
        "OVN_RUNDIR": str(where.run),
        "OVN_NB_DB": where.remote,
        "OVN_SB_DB": where.remote,
    }
