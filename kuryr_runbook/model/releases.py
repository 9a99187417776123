"""Kuryr releases: what differs between them, as data.

Sources: kuryr-kubernetes 1.0.1 and 1.1.2 as published on PyPI (setup.cfg, config.py, opts.py,
`kuryr_cni/`) and their upper constraints.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kuryr_runbook.model.drivers import VifDriver

SELF_LINK_GONE = (1, 24)
"""The first version of Kubernetes that has no `metadata.selfLink`, whatever its feature gates."""


def minor_version(text: str) -> tuple[int, int]:
    """Major and minor of a version of Kubernetes: 1.20, or v1.20.2. ValueError when it is none."""
    found = re.match(r"v?(\d+)\.(\d+)", text)
    if found is None:
        raise ValueError(f"{text!r} is no version of Kubernetes")
    return int(found[1]), int(found[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class CniPlugin:
    """The executable that the kubelet calls."""

    language: str
    """`go` or `python`. Only the Python plugin reads kuryr.conf on the host."""
    built_from: str
    """Version of kuryr-kubernetes whose sdist holds the plugin's source."""
    daemon_address: str
    """Where the plugin looks for the daemon: fixed in the Go plugin's source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One Kuryr release and what has to be known to install it."""

    name: str
    version: str
    """Version of the package kuryr-kubernetes."""
    python: tuple[str, ...]
    """Pythons on which the constraint set that we ship is tried."""
    constraints: str
    """File of the constraint set, in the package's data."""
    cni_plugin: CniPlugin
    handlers: tuple[str, ...]
    """`[kubernetes] enabled_handlers` for pods and services."""
    vif_drivers: dict[VifDriver, str]
    """Driver to the name that kuryr.conf gets: our out-of-tree one where upstream's is broken."""
    kubernetes_window: tuple[str, str]
    """First and last minor version of Kubernetes that it runs on.

    Stein to Victoria need `metadata.selfLink`, which 1.20 to 1.23 only give with the API server's
    feature gate RemoveSelfLink=false.
    """
    worker_subnet_option: str
    """`worker_nodes_subnet`, or `worker_nodes_subnets` from Wallaby on."""

    @property
    def needs_self_link(self) -> bool:
        """Whether it reads `metadata.selfLink`: a window that ends before 1.24 ends for that."""
        return minor_version(self.kubernetes_window[1]) < SELF_LINK_GONE

    def runs_on(self, kubernetes: tuple[int, int]) -> bool:
        """Whether that minor version of Kubernetes is in its window."""
        first, last = map(minor_version, self.kubernetes_window)
        return first <= kubernetes <= last


STEIN = Release(
    name="stein",
    version="1.0.1",
    python=("3.11",),
    constraints="constraints-stein.txt",
    cni_plugin=CniPlugin(language="go", built_from="1.1.2", daemon_address="127.0.0.1:5036"),
    handlers=("vif", "lb", "lbaasspec"),
    vif_drivers={
        # Upstream's driver reads the parent port outside its lock and loses address pairs.
        VifDriver.NESTED_MACVLAN: "nested-macvlan-locked",
        VifDriver.NESTED_VLAN: "nested-vlan",
        VifDriver.NEUTRON_VIF: "neutron-vif",
    },
    kubernetes_window=("1.11", "1.23"),
    worker_subnet_option="worker_nodes_subnet",
)

RELEASES: dict[str, Release] = {release.name: release for release in (STEIN,)}
