"""What objects of the cluster ask for, from their manifests, if Kuryr may not do it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_network

from kuryr_runbook.model.intents import Intent, Wish
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.snapshots.parsing import part, parts, text, texts

POLICIES = ("networking.k8s.io/v1", "NetworkPolicy")
NAMESPACES = ("v1", "Namespace")
LONGEST = 100
"""Characters of a value that are kept."""
BOTH_FAMILIES = 2
"""What is open to everybody has a rule for IPv4 and one for IPv6."""
BANDWIDTHS = (Wish.BANDWIDTH, "kubernetes.io/egress-bandwidth")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """An object of which only the intents matter."""

    namespace: str
    """Empty for a namespace itself."""
    name: str
    intents: tuple[Intent, ...]
    rules: int = 0
    """Of a NetworkPolicy: the rules of security groups that Kuryr makes for it, at least. A peer
    that selects pods counts once, and becomes a rule for each of these pods."""


def service_intents(item: Manifest) -> tuple[Intent, ...]:
    """The intents of a Service."""
    spec = part(item, "spec")
    outside = _of_outside(spec) if spec.get("type") == "LoadBalancer" else ()
    annotations = part(item, "metadata", "annotations")
    timeouts = [key.removeprefix(Wish.TIMEOUT) for key in annotations if _is_timeout(key)]
    return (
        *outside,
        *_of_inside(spec),
        *(Intent(Wish.TIMEOUT, timeout) for timeout in sorted(timeouts)),
    )


def _of_outside(spec: Manifest) -> Iterator[Intent]:
    ranges = texts(spec, "loadBalancerSourceRanges")
    if _limits(ranges):
        yield Intent(Wish.SOURCE_RANGES, ", ".join(ranges))
    for wish, key in (
        (Wish.WANTED_ADDRESS, "loadBalancerIP"),
        (Wish.CLASS, "loadBalancerClass"),
    ):
        if text(spec, key):
            yield Intent(wish, text(spec, key))
    if text(spec, "externalTrafficPolicy") == "Local":
        yield Intent(Wish.EXTERNAL_POLICY, "Local")


def _of_inside(spec: Manifest) -> Iterator[Intent]:
    if text(spec, "sessionAffinity") not in ("", "None"):
        yield Intent(Wish.AFFINITY, text(spec, "sessionAffinity"))
    if texts(spec, "externalIPs"):
        yield Intent(Wish.EXTERNAL_IPS, ", ".join(texts(spec, "externalIPs")))
    if text(spec, "internalTrafficPolicy") == "Local":
        yield Intent(Wish.INTERNAL_POLICY, "Local")
    # A single family from Kubernetes 1.16 to 1.19, several since.
    families = texts(spec, "ipFamilies") or texts({"one": [spec.get("ipFamily")]}, "one")
    policy = text(spec, "ipFamilyPolicy")
    if "IPv6" in families or policy == "RequireDualStack":
        yield Intent(Wish.FAMILY, ", ".join(filter(None, (*families, policy))))


def _is_timeout(key: object) -> bool:
    return isinstance(key, str) and key.startswith(Wish.TIMEOUT)


def _limits(ranges: tuple[str, ...]) -> bool:
    """Whether the ranges exclude any client; an invalid range does."""
    for one in ranges:
        try:
            if ip_network(one.strip(), strict=False).prefixlen == 0:
                return False
        except ValueError:
            continue
    return bool(ranges)


def pod_intents(item: Manifest) -> tuple[Intent, ...]:
    """The intents of a pod that is not in its node's network."""
    annotations = part(item, "metadata", "annotations")
    limits = [text(annotations, key) for key in BANDWIDTHS if text(annotations, key)]
    found = []
    if text(annotations, Wish.NETWORKS):
        found.append(Intent(Wish.NETWORKS, text(annotations, Wish.NETWORKS)[:LONGEST]))
    if limits:
        found.append(Intent(Wish.BANDWIDTH, " and ".join(limits)))
    ports = [
        str(port["hostPort"])
        for container in parts(part(item, "spec"), "containers")
        for port in parts(container, "ports")
        if port.get("hostPort")
    ]
    if ports:
        found.append(Intent(Wish.HOST_PORT, ", ".join(ports)))
    return tuple(found)


def namespace_of(item: Manifest) -> Stated:
    """A namespace, from its manifest."""
    project = text(part(item, "metadata", "annotations"), Wish.PROJECT)
    return _stated(item, (Intent(Wish.PROJECT, project),) if project else ())


def policy_of(item: Manifest) -> Stated:
    """A NetworkPolicy, from its manifest, with what it closes, if anything.

    A direction is closed except for its rules; a rule without limits opens it again.
    """
    spec = part(item, "spec")
    implied = ("Ingress", "Egress") if spec.get("egress") else ("Ingress",)
    types = [kind.lower() for kind in texts(spec, "policyTypes") or implied]
    closed = [kind for kind in types if not _is_open(spec, kind)]
    closing = (Intent(Wish.CLOSED, " and ".join(closed)),) if closed else ()
    stated = _stated(item, (*closing, *_misread(spec)))
    return replace(stated, rules=sum(_rules(spec, kind, types) for kind in ("ingress", "egress")))


def _misread(spec: Manifest) -> Iterator[Intent]:
    """What of a policy Kuryr does not do as it says."""
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for rule in parts(spec, direction):
            for peer in parts(rule, peers):
                excepted = texts(part(peer, "ipBlock"), "except")
                if len(excepted) > 1:
                    yield Intent(Wish.EXCEPTIONS, ", ".join(excepted)[:LONGEST])
            for port in parts(rule, "ports"):
                if port.get("endPort"):
                    yield Intent(Wish.END_PORT, f"{port.get('port')} to {port['endPort']}")


def _rules(spec: Manifest, direction: str, types: Collection[str]) -> int:
    """How many rules a direction becomes, at least (controller/drivers/network_policy.py)."""
    peers = "from" if direction == "ingress" else "to"
    # From the Services' and the nodes' subnets.
    always = 2 if direction == "ingress" else 0
    if direction not in types:
        return always + BOTH_FAMILIES
    found = always
    for rule in parts(spec, direction):
        count = len(parts(rule, peers)) or BOTH_FAMILIES
        found += count * max(1, len(parts(rule, "ports")))
    return found


def _stated(item: Manifest, intents: tuple[Intent, ...]) -> Stated:
    metadata = part(item, "metadata")
    return Stated(
        namespace=text(metadata, "namespace"), name=text(metadata, "name"), intents=intents
    )


def _is_open(spec: Manifest, direction: str) -> bool:
    peers = "from" if direction == "ingress" else "to"
    return any(not rule.get(peers) and not rule.get("ports") for rule in parts(spec, direction))
