"""A Service of the cluster, as far as it decides what Kuryr makes of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A Service, in Kubernetes' own words."""

    namespace: str
    name: str
    type: str
    """ClusterIP, NodePort, LoadBalancer or ExternalName."""
    cluster_ip: str
    """Empty when it has none: it is headless, or of type ExternalName."""
    selects: bool
    """Whether it has a selector."""
    ports: tuple[tuple[str, int], ...]
    """Protocol and port."""
    self_link: bool
    """Whether the API gave it a `metadata.selfLink`."""

    def __str__(self) -> str:
        """With its namespace, which is also how Kuryr names its load balancer."""
        return f"{self.namespace}/{self.name}"
