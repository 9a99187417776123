"""The part of a snapshot for checks that is about subnets, and whose they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TypeVar

from kuryr_runbook.checking.verdicts import CouldNotLook, readable
from kuryr_runbook.checking.view.cluster import ClusterLook
from kuryr_runbook.model.errors import RunbookError
from kuryr_runbook.snapshots.cloud.lookup import Named, find
from kuryr_runbook.snapshots.cloud.ownership import Ownership
from kuryr_runbook.snapshots.cloud.resources import Network, Subnet
from kuryr_runbook.snapshots.cloud.state import CloudState
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.specs.policy_trials import policy_namespaces
from kuryr_runbook.specs.wanted import Wanted, node_subnet, pod_subnet, service_subnet

T = TypeVar("T")
N = TypeVar("N", bound=Named)


class SubnetLook(ClusterLook):
    """Subnets for checks. Everything raises CouldNotLook if it was not read."""

    @property
    def project(self) -> str:
        """The id of the project."""
        return readable(self.cloud.project_id)

    @cached_property
    def subnets(self) -> tuple[Subnet, ...]:
        """All subnets that the project can see."""
        return readable(self.cloud.subnets)

    @property
    def networks(self) -> tuple[Network, ...]:
        """All networks that the project can see."""
        return readable(self.cloud.networks)

    @cached_property
    def node_subnet(self) -> Subnet:
        """The subnet of the nodes."""
        return _there(look_up(self.cloud.subnets, node_subnet(self.site), self.cloud), "nodes")

    @cached_property
    def pod_subnet(self) -> Subnet:
        """The subnet of the pods."""
        return _there(look_up(self.cloud.subnets, pod_subnet(self.site), self.cloud), "pods")

    @cached_property
    def namespace_subnets(self) -> tuple[Subnet, ...]:
        """Those that Kuryr made for this cluster's namespaces; none if that is off."""
        if not self.site.network.namespace_subnets.enabled:
            return ()
        return sure(lambda: self._ownership.namespace_subnets)

    @property
    def pod_subnets(self) -> tuple[Subnet, ...]:
        """All subnets in which pods have their addresses."""
        return (self.pod_subnet, *self.namespace_subnets)

    @property
    def namespaces_of_pods(self) -> set[str]:
        """The namespaces in which Kuryr has pods to plug, with those of the verification."""
        pods = (pod.namespace for pod in self.all_pods if not pod.is_finished)
        of_policies = policy_namespaces(self.site) if self.site.kuryr.network_policies else ()
        return {*pods, self.site.verification.namespace, *of_policies}

    def subnet_of(self, namespace: str) -> str:
        """The id of the subnet for new pods of a namespace; empty: it does not exist yet."""
        if not self.site.network.namespace_subnets.enabled:
            return self.pod_subnet.id
        return self.subnet_of_namespace.get(namespace, "")

    @cached_property
    def subnet_of_namespace(self) -> Mapping[str, str]:
        """The id of the subnet that Kuryr made for a namespace, by its name."""
        return {
            it.namespace: it.made
            for it in readable(self.cluster.kuryr_objects)
            if it.kind == "KuryrNetwork" and it.made
        }

    @cached_property
    def service_subnet(self) -> Subnet:
        """The subnet of the Services."""
        return _there(
            look_up(self.cloud.subnets, service_subnet(self.site), self.cloud), "services"
        )

    def owned(self, ask: Callable[[Ownership, T], bool], resource: T) -> bool:
        """The answer of `snapshots/cloud/ownership.py` about a resource.

        Raises CouldNotLook if there is none.
        """
        return sure(lambda: ask(self._ownership, resource))

    @cached_property
    def own_pod_subnet(self) -> Subnet:
        """The subnet where Kuryr creates ports for this cluster."""
        named, found = self.pod_subnet, sure(lambda: self._ownership.pod_subnet)
        if found is None:
            raise CouldNotLook(
                f"subnet {named.name} ({named.id}) is not known to be this cluster's",
                f"set {pod_subnet(self.site).key}_id to its id",
            )
        return found

    @cached_property
    def _ownership(self) -> Ownership:
        return Ownership(self.site, readable(self.cluster.cluster_id), self.cloud)


def look_up(items: Iterable[N] | Unreadable, wanted: Wanted, cloud: CloudState) -> N | None:
    """The resource that the site names, or None if it does not exist.

    Raises CouldNotLook if that was not read, or several have the name.
    """
    return sure(lambda: find(readable(items), wanted, readable(cloud.project_id)))


def sure(ask: Callable[[], T]) -> T:
    """What `ask` returns. Raises CouldNotLook if it raises our errors."""
    try:
        return ask()
    except RunbookError as error:
        raise CouldNotLook(error.message, error.remedy or "") from error


def _there(subnet: Subnet | None, what: str) -> Subnet:
    if subnet is None:
        raise CouldNotLook(f"there is no subnet of the {what}", "see the check `subnets-exist`")
    return subnet
