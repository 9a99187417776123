"""What a kuryr.conf and the cluster's definitions show about the release that uses them.

Handlers, drivers and options came and went: each has the first and the last release that knows it.
A handler or a driver that it does not know stops Kuryr, so both ends count. An unknown option is
ignored, and may be left from an earlier release: only its first release counts.

Source: entry points and registered options of all releases, as published
(`tests/specs/options`), and kubernetes_crds/ of their sdists.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from kuryr_runbook.model.releases.catalogue import RELEASES
from kuryr_runbook.model.releases.names import API_GROUP
from kuryr_runbook.model.releases.release import Release

FIRST, *_, LAST = RELEASES

HANDLERS: Mapping[str, tuple[str, str]] = {
    "vif": (FIRST, LAST),
    "lb": (FIRST, "ussuri"),
    "lbaasspec": (FIRST, "ussuri"),
    "ingresslb": (FIRST, "train"),
    "ocproute": (FIRST, "train"),
    "namespace": (FIRST, LAST),
    "policy": (FIRST, LAST),
    "pod_label": (FIRST, LAST),
    "kuryrnet": ("train", "train"),
    "kuryrnetpolicy": (FIRST, "ussuri"),
    "kuryrnetwork": ("ussuri", LAST),
    "kuryrnetwork_population": ("ussuri", LAST),
    "kuryrport": ("victoria", LAST),
    "service": ("victoria", LAST),
    "endpoints": ("victoria", LAST),
    "kuryrloadbalancer": ("victoria", LAST),
    "kuryrnetworkpolicy": ("victoria", LAST),
    "openshift_machine": ("wallaby", LAST),
}
"""First and last release with each handler."""

VIF_DRIVERS: Mapping[str, tuple[str, str]] = {
    "nested-dpdk": ("ussuri", LAST),
    "sriov": (FIRST, "yoga"),
}
"""First and last release with a VIF driver, where not all have it."""

OPTIONS_SINCE: Mapping[str, str] = {
    "kubernetes.watch_connection_timeout": "train",
    "kubernetes.watch_read_timeout": "train",
    "octavia_defaults.enforce_sg_rules": "train",
    "kubernetes.additional_ifname_prefix": "ussuri",
    "octavia_defaults.lb_algorithm": "ussuri",
    "kubernetes.watch_reconcile_period": "victoria",
    "kubernetes.nodes_subnets_driver": "wallaby",
    "octavia_defaults.timeout_client_data": "xena",
    "octavia_defaults.timeout_member_data": "xena",
    "kubernetes.use_events": "yoga",
}
"""The first release with each option."""


def has_handlers(release: Release, names: Collection[str]) -> bool:
    """Whether a release knows all of these handlers; one that nobody knows says nothing."""
    return all(_within(release, HANDLERS.get(name)) for name in names)


def has_vif_driver(release: Release, name: str) -> bool:
    """Whether a release knows a VIF driver; one that nobody knows says nothing."""
    return _within(release, VIF_DRIVERS.get(name))


def has_options(release: Release, names: Collection[str]) -> bool:
    """Whether none of these options came after a release."""
    return all(_within(release, (OPTIONS_SINCE.get(name, FIRST), LAST)) for name in names)


def fits_definitions(release: Release, names: Collection[str]) -> bool:
    """Whether a release works with these custom resource definitions, by their names.

    Earlier ones may be left over; one that it needs cannot be missing. Those of Train on are only
    needed with some handlers.
    """
    later = f"kuryrports.{API_GROUP}"
    if release.crds:
        return later in names
    networks = f"kuryrnetworks.{API_GROUP}"
    return later not in names and (networks not in names or _within(release, ("ussuri", LAST)))


def _within(release: Release, ends: tuple[str, str] | None) -> bool:
    if ends is None:
        return True
    order = list(RELEASES)
    return order.index(ends[0]) <= order.index(release.name) <= order.index(ends[1])
