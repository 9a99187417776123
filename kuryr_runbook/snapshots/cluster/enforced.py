"""What Kuryr noted of a network policy: its group, whom it selects, and the group's rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.snapshots.parsing import part, parts, text, texts

Labels = tuple[tuple[str, str], ...]
"""An object's labels, by name."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A requirement of a label selector."""

    key: str
    operator: str
    values: tuple[str, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet it (Kubernetes, LabelSelectorRequirement)."""
        match self.operator:
            case "In":
                return labels.get(self.key) in self.values
            case "NotIn":
                return labels.get(self.key) not in self.values
            case "Exists":
                return self.key in labels
            case "DoesNotExist":
                return self.key not in labels
        return False


@dataclass(frozen=True, slots=True)
class SgRule:
    """A rule of a security group, by the fields that Kuryr compares."""

    direction: str
    ethertype: str
    protocol: str
    """In lower case; empty: all."""
    first_port: int | None
    last_port: int | None
    prefix: str
    """Empty: anywhere."""

    def __str__(self) -> str:
        ports = "" if self.first_port is None else f" {self.first_port}-{self.last_port}"
        return f"{self.direction} {self.protocol or 'all'}{ports} {self.prefix or self.ethertype}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Enforced:
    """A KuryrNetworkPolicy, as far as it says how a policy is enforced."""

    labels: Labels
    """Labels that a pod has to have; with no requirement at all it selects all of its namespace."""
    expressions: tuple[Expression, ...]
    rules: frozenset[SgRule]
    """Those that its group has to have."""

    def selects(self, labels: Labels) -> bool:
        """Whether it selects a pod of its namespace with these labels."""
        having = dict(labels)
        return all(having.get(key) == value for key, value in self.labels) and all(
            it.matches(having) for it in self.expressions
        )


def labels_of(item: Manifest, *path: str) -> Labels:
    """The labels below a path."""
    return tuple(sorted((str(key), str(value)) for key, value in part(item, *path).items()))


def enforced_of(item: Manifest) -> Enforced:
    """What a KuryrNetworkPolicy says."""
    spec = part(item, "spec")
    selector = part(spec, "podSelector")
    rules = (*parts(spec, "ingressSgRules"), *parts(spec, "egressSgRules"))
    return Enforced(
        labels=labels_of(selector, "matchLabels"),
        expressions=tuple(
            Expression(text(it, "key"), text(it, "operator"), texts(it, "values"))
            for it in parts(selector, "matchExpressions")
        ),
        rules=frozenset(_rule(part(it, "sgRule")) for it in rules),
    )


def _rule(item: Manifest) -> SgRule:
    low, high = item.get("port_range_min"), item.get("port_range_max")
    return SgRule(
        direction=text(item, "direction"),
        ethertype=text(item, "ethertype"),
        protocol=text(item, "protocol").lower(),
        first_port=low if isinstance(low, int) else None,
        last_port=high if isinstance(high, int) else None,
        prefix=as_range(text(item, "remote_ip_prefix")),
    )


def as_range(prefix: str) -> str:
    """With its length, which Neutron adds to a single address."""
    return f"{prefix}/32" if prefix and "/" not in prefix else prefix
