"""A first site file, from what cloud and cluster show.

Nothing is guessed: a key whose value could not be found out stays blank. Only what the runbook is
going to make gets a name of ours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network
from math import log2

from kuryr_runbook.model.addressing import service_problems
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.findings import Status
from kuryr_runbook.model.releases import RELEASES
from kuryr_runbook.model.support import kubernetes_objections
from kuryr_runbook.model.wording import agreeing, counted
from kuryr_runbook.planning.draft_interfaces import LINK_IFACE, link_iface
from kuryr_runbook.planning.draft_keys import DraftKey, unknown
from kuryr_runbook.planning.draft_kuryr import kuryr_keys
from kuryr_runbook.planning.draft_names import Ours, named
from kuryr_runbook.snapshots.cloud.resources import Port, Router, Subnet
from kuryr_runbook.snapshots.cloud.state import CloudState
from kuryr_runbook.snapshots.cluster.found_kuryr import FoundKuryr
from kuryr_runbook.snapshots.cluster.objects import DEFAULT_PODS, Node
from kuryr_runbook.snapshots.cluster.permissions import service_range_of
from kuryr_runbook.snapshots.reading import Unreadable, known
from kuryr_runbook.snapshots.survey import Survey

POD_RANGE = IPv4Network("10.0.0.0/8")
"""The range in which a range for pods is searched for."""
TAGS = "kuryr.resource_tags"
WIDEST_POD_PREFIX, NARROWEST_POD_PREFIX = 16, 24


def draft_site(survey: Survey, site: str) -> tuple[DraftKey, ...]:
    """The keys that the survey may determine, in any order.

    `site` is its name, unless the runbook has installed Kuryr under another one. What an installed
    Kuryr says counts more than what would otherwise be proposed.
    """
    cloud = None if isinstance(survey.cloud, Unreadable) else survey.cloud
    kuryr = survey.kuryr if isinstance(survey.kuryr, FoundKuryr) else None
    installed = {it.key: it for it in kuryr_keys(kuryr, cloud)} if kuryr is not None else {}
    name = str(installed["name"].value) if "name" in installed else site
    ours = Ours(site=name, cluster_id=survey.cluster_id, cloud=cloud) if cloud else None
    proposed = {it.key: it for it in _proposed(survey, ours)}
    keys = proposed | installed
    if not isinstance(survey.interfaces, Unreadable) and any(it.own for it in survey.interfaces):
        # The nodes themselves were looked at.
        keys[LINK_IFACE] = proposed[LINK_IFACE]
    release = RELEASES.get(str(keys["kuryr.release"].value))
    if release is not None and release.needs_resource_tags and TAGS not in keys:
        keys[TAGS] = DraftKey(key=TAGS, value=(name,), because=f"Kuryr {release.name} needs one")
    return tuple(keys.values())


def _proposed(survey: Survey, ours: Ours | None) -> Iterator[DraftKey]:
    """What cloud and cluster say, whether or not Kuryr is installed."""
    yield from _service_range(survey)
    yield from _nodes_place(survey, ours)
    yield from ours.taken() if ours else ()
    yield from _pod_range(survey, ours)
    yield from _kuryr(survey)
    yield link_iface(survey.interfaces)
    yield unknown("image.repository", "it is yours to choose: init --image")


def _service_range(survey: Survey) -> Iterator[DraftKey]:
    cidr, subnet = "kubernetes.service_cidr", "network.service_subnet.cidr"
    found = service_range_of(survey.service_refusal)
    if found is None:
        reason = survey.service_refusal
        why = reason.reason if isinstance(reason, Unreadable) else "the API server hides it"
        yield unknown(cidr, why)
        yield unknown(subnet, "kubernetes.service_cidr is not known")
        return
    yield DraftKey(key=cidr, value=str(found), because="the API server names it")
    wider = found
    while wider.prefixlen > POD_RANGE.prefixlen:
        wider = wider.supernet()
        if not any(service_problems(wider, found)):
            yield DraftKey(
                key=subnet, value=str(wider), because="its lower half contains that range"
            )
            return
    yield unknown(subnet, f"no range has {found} in its lower half: the cluster needs another one")


def _nodes_place(survey: Survey, ours: Ours | None) -> Iterator[DraftKey]:
    """Subnet, router, external network and security group, found through the nodes' ports."""
    cloud, nodes = survey.cloud, survey.nodes
    if isinstance(cloud, Unreadable) or ours is None:
        yield from _nowhere(cloud.reason if isinstance(cloud, Unreadable) else "")
        return
    if isinstance(nodes, Unreadable):
        yield from _nowhere(nodes.reason)
        return
    ports = _ports_of(nodes, cloud)
    at = Counter(fixed.subnet_id for port in ports for fixed in port.fixed_ips)
    most = [subnet_id for subnet_id, _ in at.most_common(1)]
    subnet = next((it for it in known(cloud.subnets) if it.id in most), None)
    if subnet is None:
        addresses = ", ".join(node.address for node in nodes) or "none"
        yield from _nowhere(f"no port of the project has a node's address ({addresses})")
        return
    router = _router(cloud, subnet)
    yield _external(cloud, router)
    if router is None:
        yield ours.name("network.router", f"subnet {subnet.name} is on none")
    else:
        because = "it has an interface in the nodes' subnet"
        yield named("network.router", router, known(cloud.routers), because)
    are = agreeing(len(ports), "is", "are")
    because = f"{len(ports)} of {counted(len(nodes), 'node')} {are} in it"
    yield named("network.node_subnet", subnet, known(cloud.subnets), because)
    yield _node_group(ours, ports)


def _nowhere(because: str) -> Iterator[DraftKey]:
    """The keys that depend on the nodes' place, which is not known."""
    for key in ("external_network", "router", "node_subnet", "node_security_group"):
        yield unknown(f"network.{key}", because)


def _ports_of(nodes: Sequence[Node], cloud: CloudState) -> list[Port]:
    addresses = {node.address for node in nodes if node.address}
    return [port for port in known(cloud.ports) if addresses.intersection(port.addresses)]


def _router(cloud: CloudState, subnet: Subnet) -> Router | None:
    routers = {router.id: router for router in known(cloud.routers)}
    legs = (it for it in known(cloud.ports) if it.device_id in routers and it.is_in(subnet.id))
    return next((routers[port.device_id] for port in legs), None)


def _external(cloud: CloudState, router: Router | None) -> DraftKey:
    key, networks = "network.external_network", known(cloud.networks)
    gateway = router.gateway.network_id if router is not None and router.gateway else None
    network = next((it for it in networks if it.id == gateway), None)
    if network is not None:
        return named(key, network, networks, "the router's gateway is there")
    external = [it for it in networks if it.external]
    if len(external) == 1:
        return named(key, external[0], networks, "the only external network")
    names = ", ".join(it.name for it in external) or "none is visible"
    return unknown(key, f"several could be meant ({names})" if external else names)


def _node_group(ours: Ours, ports: Sequence[Port]) -> DraftKey:
    key, groups = "network.node_security_group", known(ours.cloud.groups)
    common = set.intersection(*(set(port.groups) for port in ports))
    shared = [group for group in groups if group.id in common and group.name != "default"]
    if len(shared) == 1:
        return named(key, shared[0], groups, "all nodes' ports are in it")
    if not shared:
        return ours.name(key, "the nodes' ports only share `default`")
    names = ", ".join(group.name for group in shared)
    return unknown(key, f"the nodes' ports share several ({names})")


def _pod_range(survey: Survey, ours: Ours | None) -> Iterator[DraftKey]:
    """The first free range with an address for each pod that the nodes can run."""
    key = "network.pod_subnet.cidr"
    if ours is not None and (made := ours.pod_subnet) is not None:
        yield DraftKey(key=key, value=made.cidr, because=f"the runbook created {made.name}")
        return
    if isinstance(survey.cloud, Unreadable):
        yield unknown(key, survey.cloud.reason)
        return
    subnets = known(survey.cloud.subnets)
    taken = [IPv4Network(subnet.cidr) for subnet in subnets if ":" not in subnet.cidr]
    services = next((it.value for it in _service_range(survey) if it.value), None)
    taken += [IPv4Network(services).supernet()] if services else []
    nodes = () if isinstance(survey.nodes, Unreadable) else survey.nodes
    pods = sum(node.pods or DEFAULT_PODS for node in nodes)
    prefix = pod_prefix(pods)
    for block in POD_RANGE.subnets(new_prefix=WIDEST_POD_PREFIX):
        if block[0] != POD_RANGE[0] and not any(block.overlaps(other) for other in taken):
            found = next(block.subnets(new_prefix=prefix))
            because = f"free; the nodes accept {counted(pods, 'pod')}"
            yield DraftKey(key=key, value=str(found), because=because)
            return
    yield unknown(key, f"no /{WIDEST_POD_PREFIX} of {POD_RANGE} is free of the cloud's subnets")


def pod_prefix(pods: int) -> int:
    """Prefix length of the narrowest range that has an address for each pod, /24 to /16.

    Network, gateway, the last usable address and broadcast are not available to pods.
    """
    needed = 32 - int(log2(pods + 4 - 1)) - 1
    return max(WIDEST_POD_PREFIX, min(NARROWEST_POD_PREFIX, needed))


def _kuryr(survey: Survey) -> Iterator[DraftKey]:
    yield _release(survey)
    yield _driver(survey)
    key, providers = "kuryr.octavia_provider", survey.providers
    if isinstance(providers, Unreadable):
        yield unknown(key, providers.reason)
    elif "ovn" in providers and not {"amphora", "octavia"} & set(providers):
        yield DraftKey(key=key, value="ovn", because="Octavia offers no amphora")


def _release(survey: Survey) -> DraftKey:
    """The latest release that runs on the cluster."""
    key = "kuryr.release"
    if isinstance(survey.version, Unreadable):
        return unknown(key, survey.version.reason)
    fitting = [
        release.name
        for release in RELEASES.values()
        if not any(
            objection.status is Status.FAIL
            for objection in kubernetes_objections(release, survey.version)
        )
    ]
    if not fitting:
        return unknown(key, f"none runs on Kubernetes {survey.version}")
    because = f"the latest that runs on Kubernetes {survey.version}"
    return DraftKey(key=key, value=fitting[-1], because=because)


def _driver(survey: Survey) -> DraftKey:
    """nested-vlan where its trunks are prepared: instances only get them when they are started."""
    key, macvlan = "kuryr.vif_driver", str(VifDriver.NESTED_MACVLAN)
    if isinstance(survey.cloud, Unreadable) or isinstance(survey.nodes, Unreadable):
        return DraftKey(key=key, value=macvlan, because="it needs nothing that has to be prepared")
    workers = [node for node in survey.nodes if node.schedulable]
    ports = _ports_of(workers, survey.cloud)
    if ports and all(port.trunk_id for port in ports):
        because = "the workers' ports are parents of trunks"
        return DraftKey(key=key, value=str(VifDriver.NESTED_VLAN), because=because)
    return DraftKey(key=key, value=macvlan, because="not all workers' ports are parents of trunks")
