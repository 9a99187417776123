"""Where OVN and Open vSwitch keep what they keep, and how their commands find it."""

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
"""The databases: Open vSwitch's own, what Neutron writes, and what OVN makes of that."""


@dataclass(frozen=True, slots=True)
class Places:
    """The files of the data plane."""

    root: Path

    @property
    def run(self) -> Path:
        """Sockets and pid files, of all its programs."""
        return self.root / "run"

    @property
    def socket(self) -> Path:
        """Where the one database server answers; `db.sock` is where ovs-vsctl looks for it."""
        return self.run / "db.sock"

    @property
    def remote(self) -> str:
        """The database server, as clients name it."""
        return f"unix:{self.socket}"

    def database(self, name: str) -> Path:
        """The file of one of SCHEMAS."""
        return self.root / f"{name}.db"


def places(settings: LabSettings) -> Places:
    """The places of a lab."""
    return Places(settings.state / "ovn")


def environment(settings: LabSettings) -> dict[str, str]:
    """What leads `ovs-vsctl`, `ovs-ofctl`, `ovn-nbctl` and `ovn-sbctl` to this data plane."""
    where = places(settings)
    return {
        "OVS_RUNDIR": str(where.run),
        "OVN_RUNDIR": str(where.run),
        "OVN_NB_DB": where.remote,
        "OVN_SB_DB": where.remote,
    }
