"""The properties of a Service that decide what Kuryr does for it."""

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
    """A Service, in Kubernetes' own terms."""

    @property
    def place(self) -> str:
        """namespace/name, which is also Kuryr's name for its load balancer."""

    @property
    def type(self) -> str:
        """ClusterIP, NodePort, LoadBalancer or ExternalName."""

    @property
    def cluster_ip(self) -> str:
        """Empty if it has none: it is headless, or of type ExternalName."""

    @property
    def selects(self) -> bool:
        """Whether it has a selector."""

    @property
    def ports(self) -> tuple[ServicePort, ...]:
        """The ports that it listens on."""

    @property
    def self_link(self) -> bool:
        """Whether the API returned it with a `metadata.selfLink`."""
