"""What Kuryr is to be told: the ids that phase 02's plan found, and what of kuryr.conf differs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from kuryr_runbook.model.errors import DriftError
from kuryr_runbook.model.plan import ABSENT, KNOWN_LATER, Change, Later, Step, Target
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.cluster.state import ClusterState
from kuryr_runbook.specs.kuryr_conf import LOGIN, KuryrIds


def ids_of(site: Site, project_id: str, steps: Iterable[Step]) -> KuryrIds:
    """The ids that Kuryr works with; what phase 02 is yet to make is known later."""
    found = {step.target: step.id for step in steps}
    network, spaces = site.network, site.network.namespace_subnets

    def of(kind: str, name: str) -> str:
        target = Target(kind, name)
        return found.get(target) or str(Later(target))

    return KuryrIds(
        k8s_project_id=project_id,
        external_network_id=of("network", network.external_network),
        node_subnet_id=of("subnet", network.node_subnet),
        kuryr_pod_subnet_id=of("subnet", network.pod_subnet.name),
        kuryr_service_subnet_id=of("subnet", network.service_subnet.name),
        pod_security_group_id=of("security_group", network.pod_security_group),
        router_id=of("router", network.router),
        namespace_pool_id=of("subnet_pool", spaces.pool) if spaces.enabled else "",
    )


def api_root_of(site: Site, cluster: ClusterState) -> str:
    """The API server's address for Kuryr's pods, which must not depend on Kuryr.

    Raises DriftError.
    """
    if site.kubernetes.api_root:
        return site.kubernetes.api_root
    if not cluster.api_servers:
        raise DriftError(
            "the endpoints of default/kubernetes are empty: no API server address is known",
            remedy="set kubernetes.api_root to https://<a master's node address>:6443",
        )
    address, port = cluster.api_servers[0]
    return f"https://{address}:{port}"


def option_changes(
    seen: Mapping[str, Mapping[str, str]], wanted: Mapping[str, Mapping[str, str]]
) -> Iterator[Change]:
    """What of a configuration differs, but for the login and what is known later."""
    for section in sorted({*seen, *wanted} - {LOGIN}):
        have, want = seen.get(section, {}), wanted.get(section, {})
        for name in sorted({*have, *want}):
            before, after = have.get(name, ABSENT), want.get(name, ABSENT)
            if before != after and not KNOWN_LATER.search(after):
                yield Change(f"[{section}] {name}", before, after)
