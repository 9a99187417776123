"""A Service of the cluster, as far as it decides what Kuryr makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePort:
    """A port of a Service."""

    name: str
    protocol: str
    port: int


class Service(Protocol):
    """A Service, in Kubernetes' own words."""

    @property
    def place(self) -> str:
        """namespace/name, which is also how Kuryr names its load balancer."""

    @property
    def type(self) -> str:
        """ClusterIP, NodePort, LoadBalancer or ExternalName."""

    @property
    def cluster_ip(self) -> str:
        """Empty when it has none: it is headless, or of type ExternalName."""

    @property
    def selects(self) -> bool:
        """Whether it has a selector."""

    @property
    def ports(self) -> tuple[ServicePort, ...]:
        """What it listens at."""

    @property
    def self_link(self) -> bool:
        """Whether the API gave it a `metadata.selfLink`."""
