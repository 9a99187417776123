"""What an audit says about a Kuryr that is installed: what was found, and how that is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kuryr_runbook.planning.draft_keys import DraftKey
from kuryr_runbook.planning.draft_kuryr import fitting_releases, names_in
from kuryr_runbook.snapshots.cluster.found_kuryr import FoundKuryr, FoundProgram
from kuryr_runbook.snapshots.reading import Unreadable

OPENSHIFT = "openshift-kuryr"
"""The namespace that OpenShift's cluster-network-operator creates for Kuryr."""
RUNBOOK, OPERATOR = "this runbook", "OpenShift's cluster-network-operator"
UPSTREAM, ROLE = "upstream's manifests", "the original's Ansible role"
DEFAULTS = {
    "kubernetes.controller_ha": "false",
    "kubernetes.multi_vif_drivers": "noop",
    "kubernetes.pod_security_groups_driver": "default",
    "kubernetes.pod_subnets_driver": "default",
    "kubernetes.pod_vif_driver": "neutron-vif",
    "kubernetes.vif_pool_driver": "noop",
}
"""What these options mean if they are not set, in every release (kuryr-kubernetes, config.py)."""
SETTINGS = {
    "VIF driver": "kubernetes.pod_vif_driver",
    "ports in advance": "kubernetes.vif_pool_driver",
    "subnets of pods": "kubernetes.pod_subnets_driver",
    "groups of pods": "kubernetes.pod_security_groups_driver",
    "further networks": "kubernetes.multi_vif_drivers",
    "several controllers": "kubernetes.controller_ha",
}
"""What the audit calls these options."""
RESOURCES = {
    "pods' subnet": ("network.pod_subnet.name", "network.kuryr_pod_subnet_id"),
    "pods' range": ("network.pod_subnet.cidr",),
    "pods' security group": ("network.pod_security_group",),
    "Services' subnet": ("network.service_subnet.name", "network.kuryr_service_subnet_id"),
    "Services' range": ("network.service_subnet.cidr",),
    "nodes' subnet": ("network.node_subnet",),
    "nodes' security group": ("network.node_security_group",),
    "external network": ("network.external_network",),
    "router": ("network.router",),
}
"""What the audit calls these keys of a site file."""


class Condition(StrEnum):
    """How much of a Kuryr there is."""

    ONE = "one Kuryr"
    NONE = "no Kuryr"
    SEVERAL = "more than one Kuryr"
    PARTIAL = "half a Kuryr"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something about the installed Kuryr."""

    subject: str
    value: str
    """Empty: it is not known."""
    because: str
    """How it is known, or why it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The condition of the installed Kuryr, with the evidence and the way out."""

    condition: Condition
    evidence: str
    remedy: str = ""


def judge(kuryr: FoundKuryr | None, remains: Sequence[str]) -> Judged:
    """Whether there is exactly one Kuryr: a controller and a daemon.

    `remains` is what else there is of one, if it has no programs.
    """
    if kuryr is None:
        if not remains:
            return Judged(
                condition=Condition.NONE,
                evidence="no DaemonSet, Deployment or pod is Kuryr's, and nothing is left of one",
                remedy="for a new installation: kuryr-runbook init. Programs outside of the "
                "cluster, such as DevStack's services, do not show here",
            )
        return Judged(
            condition=Condition.PARTIAL,
            evidence=f"no program is Kuryr's, but there is {'; '.join(remains)}",
            remedy="Kuryr was removed in part, or runs outside of the cluster, where it does not "
            "show. If it is gone, remove what is left; pods with its interfaces have to be "
            "created again",
        )
    parts = {part: [it for it in kuryr.programs if it.part == part] for part in PARTS}
    there = "; ".join(map(str, sorted(kuryr.programs, key=lambda it: it.part)))
    if any(len(programs) > 1 for programs in parts.values()):
        return Judged(
            condition=Condition.SEVERAL,
            evidence=there,
            remedy="there can be only one: they handle the same pods. Find out which is in use, "
            "by its pods and its log, and delete the other's DaemonSet, Deployment or Pod",
        )
    missing = [part for part, programs in parts.items() if not programs]
    if missing:
        return Judged(
            condition=Condition.PARTIAL,
            evidence=f"there is {there}, and no {missing[0]}",
            remedy=f"install the {missing[0]} again as it was installed, or remove the rest; one "
            "outside of the cluster does not show here",
        )
    return Judged(condition=Condition.ONE, evidence=there)


PARTS = ("controller", "daemon")


def origin(kuryr: FoundKuryr) -> Fact:
    """Who installed it."""
    subject, kinds = "installed by", {(it.kind, it.name) for it in kuryr.programs}
    if kuryr.site:
        because = f"the marks of site {kuryr.site} on {kuryr.programs[0]}"
        return Fact(subject=subject, value=RUNBOOK, because=because)
    if kuryr.namespace == OPENSHIFT:
        return Fact(subject=subject, value=OPERATOR, because=f"namespace {OPENSHIFT}")
    if ("DaemonSet", "kuryr-cni-ds") in kinds:
        because = "DaemonSet kuryr-cni-ds: DevStack, or the generator of tools/"
        return Fact(subject=subject, value=UPSTREAM, because=because)
    if kinds == {("Pod", "kuryr-controller"), ("DaemonSet", "kuryr-daemon")}:
        because = "Pod kuryr-controller without a Deployment, DaemonSet kuryr-daemon"
        return Fact(subject=subject, value=ROLE, because=because)
    return Fact(subject=subject, value="", because="its names are those of no installer we know")


def facts(kuryr: FoundKuryr, keys: Mapping[str, DraftKey]) -> Iterator[Fact]:
    """All that is said about it; `keys` are those of a drafted site file."""
    yield origin(kuryr)
    for program in sorted(kuryr.programs, key=lambda it: it.part):
        yield _program(program)
    yield _release(kuryr, keys)
    for subject, option in SETTINGS.items():
        yield setting(kuryr, subject, option)
    yield _handlers(kuryr)
    for subject, names in RESOURCES.items():
        known = [keys[name] for name in names if name in keys]
        if known:
            best = next((it for it in known if it.value is not None), known[0])
            yield Fact(subject=subject, value=best.shown, because=best.because)
    yield from _logins(kuryr)
    yield from _unknown(kuryr)


def setting(kuryr: FoundKuryr, subject: str, option: str) -> Fact:
    """The value of an option: as set, or Kuryr's default if all of its configuration was read."""
    section, _, name = option.partition(".")
    if option in kuryr.options:
        because = f"[{section}] {name}"
        return Fact(subject=subject, value=kuryr.options[option], because=because)
    if kuryr.is_configuration_known:
        because = f"[{section}] {name} is not set, which means this"
        return Fact(subject=subject, value=DEFAULTS[option], because=because)
    because = f"[{section}] {name} is in nothing that could be read"
    return Fact(subject=subject, value="", because=because)


def enforces_policies(kuryr: FoundKuryr) -> bool:
    """Whether it turns network policies into security groups."""
    return "policy" in names_in(kuryr.options.get("kubernetes.enabled_handlers", ""))


def _program(program: FoundProgram) -> Fact:
    images = ", ".join(program.images) or "no image"
    return Fact(subject=program.part, value=str(program), because=images)


def _release(kuryr: FoundKuryr, keys: Mapping[str, DraftKey]) -> Fact:
    key = keys["kuryr.release"]
    if key.value is not None:
        return Fact(subject="release", value=key.shown, because=key.because)
    fitting = " or ".join(fitting_releases(kuryr))
    return Fact(subject="release", value=fitting, because=key.because)


def _handlers(kuryr: FoundKuryr) -> Fact:
    names = names_in(kuryr.options.get("kubernetes.enabled_handlers", ""))
    if not names:
        because = "[kubernetes] enabled_handlers is not set, or was not read"
        return Fact(subject="handlers", value="", because=because)
    enforced = "network policies are" + ("" if enforces_policies(kuryr) else " not") + " enforced"
    because = f"[kubernetes] enabled_handlers: {enforced}"
    return Fact(subject="handlers", value=", ".join(names), because=because)


def _logins(kuryr: FoundKuryr) -> Iterator[Fact]:
    """Its logins; an object that everybody may read is named as such."""
    if not kuryr.logins:
        because = "no Secret or ConfigMap that could be read has [neutron] options of a login"
        yield Fact(subject="login", value="", because=because)
    for login in kuryr.logins:
        because = f"in {login.where}"
        if login.where.startswith("ConfigMap "):
            because = f"{because}: whoever may read ConfigMaps there has it"
        yield Fact(subject="login", value=login.kind, because=because)


def _unknown(kuryr: FoundKuryr) -> Iterator[Fact]:
    """What could not be read, and what no API shows."""
    for whose, reason in kuryr.unread.items():
        yield Fact(subject=whose, value="", because=f"could not be read: {reason}")
    if not kuryr.configurations and not kuryr.unread:
        because = "it is in no Secret or ConfigMap that its programs mount: on the nodes' disks?"
        yield Fact(subject="kuryr.conf", value="", because=because)
    if isinstance(kuryr.definitions, Unreadable):
        because = kuryr.definitions.reason
        yield Fact(subject="custom resource definitions", value="", because=because)
    because = "no API shows the nodes' disks; the daemon's container installs plugin and file"
    yield Fact(subject="CNI plugin on the nodes", value="", because=because)
    because = "no API shows what somebody else's login may do"
    yield Fact(subject="rights of its login", value="", because=because)
