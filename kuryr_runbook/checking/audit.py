"""Which checks apply to a Kuryr that somebody else installed, and what their remedies may say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from kuryr_runbook.checking.checks import Check
from kuryr_runbook.model.findings import Finding
from kuryr_runbook.planning.audit import enforces_policies
from kuryr_runbook.snapshots.cluster.found_kuryr import FoundKuryr

NOT_LOOKED_AT = "not looked at"
OURS_ALONE = "it compares with what the runbook itself makes, which the plan shows"
FOREIGN: Mapping[str, str] = {
    **dict.fromkeys(("configuration", "site-drift", "node-group"), OURS_ALONE),
    **dict.fromkeys(("api-balancer", "api-timeouts", "api-rule", "has-to-exist"), OURS_ALONE),
    "other-kuryr": "the installed Kuryr is the one that is audited, and there is no other",
    "cni-configuration": "Kuryr is installed, so the nodes may be Ready because of it",
    "release-step": "no label says its release; a take-over keeps it",
}
"""Checks that ask about the runbook's own installation, with the reason."""
STAND_INS: Mapping[str, tuple[str, ...]] = {
    "image.repository": ("registry", "base-image", "image-signature", "image-pull"),
    "kuryr.link_iface": ("link-iface",),
}
"""The checks that need a key which nobody has found out."""
RUNBOOK = "kuryr-runbook "
LATER = "commands of kuryr-runbook that change something are for after a take-over"


def not_asked(kuryr: FoundKuryr, unknown: Iterable[str]) -> dict[str, str]:
    """The checks that do not apply, with the reasons; `unknown` are keys of the site file."""
    found = {} if kuryr.site else dict(FOREIGN)
    for key in unknown:
        found |= dict.fromkeys(STAND_INS.get(key, ()), f"{key} is not known")
    for option, names, reason in (
        ("kubernetes.vif_pool_driver", POOLED, "ports that are made in advance have no pod yet"),
        ("kubernetes.pod_subnets_driver", SPREAD, "namespaces have subnets of their own"),
        ("kubernetes.pod_security_groups_driver", GUARDED, "pods have other groups, as it decides"),
        ("kubernetes.multi_vif_drivers", ("intent-unmet",), "it makes further networks"),
    ):
        if kuryr.options.get(option, "default") not in ("default", "noop"):
            found |= dict.fromkeys(names, reason)
    if enforces_policies(kuryr):
        found |= dict.fromkeys(("policy-unenforced", *GUARDED), "it enforces network policies")
    if kuryr.options.get("kubernetes.controller_ha", "").lower() == "true":
        found["controller-replicas"] = "several controllers elect the one that works"
    return found


POOLED = ("port-orphaned", "port-twice", "port-shared", "subport", "pair-stale")
SPREAD = ("pod-subnet", "pod-addresses", "pod-traffic-rule", "port-orphaned", "router-legs")
GUARDED = ("pod-traffic-rule", "service-subnet-rule", "group-too-open", "egress")


def applicable(checks: Iterable[Check], reasons: Mapping[str, str]) -> Iterator[Check]:
    """The checks; those with a reason are skipped, and say it."""
    for check in checks:
        reason = reasons.get(check.name)
        yield check if reason is None else _skipping(check, f"{NOT_LOOKED_AT}: {reason}")


def of_others(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings about a Kuryr that is not the runbook's: without fixes, and with a warning."""
    for finding in findings:
        said = f"{finding.remedy}; {LATER}" if RUNBOOK in finding.remedy else finding.remedy
        yield replace(finding, fixes=(), remedy=said)


def _skipping(check: Check, reason: str) -> Check:
    return replace(check, moot=lambda site: reason)
