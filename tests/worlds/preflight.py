"""Cloud, cluster and registry in memory that preflight finds in order, for tests to spoil."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from worlds.memory_cloud import MemoryCloud, cluster_cloud
from worlds.memory_cluster import MemoryCluster
from worlds.sites import lab_site

from kuryr_runbook.clients.images.registry import RemoteImage
from kuryr_runbook.clients.openstack.probes import Login, Refusal
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.errors import AccessError
from kuryr_runbook.model.objects import Manifest, Resource
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.preflight import PreflightSnapshot, read_preflight
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.specs.image import Reference
from kuryr_runbook.specs.requirements import Right, needed_extensions

NODES = {"master": "172.18.0.10", "worker1": "172.18.0.11", "worker2": "172.18.0.12"}
NO_SUBNET = Refusal(status=404, type="SubnetNotFound", said="Subnet 0 could not be found.")
FORBIDDEN = Refusal(status=403, type="PolicyNotAuthorized", said="rule:create_port is disallowed")
NO_VIP = Refusal(status=400, type="", said="Validation failure: VIP must contain one of: ...")
REFUSED = Refusal(status=403, type="", said="Policy does not allow this request to be performed.")


def too_many(limit: int) -> Refusal:
    """What Neutron says to more pairs than it allows."""
    said = f"The number of allowed address pair exceeds the maximum {limit}."
    return Refusal(status=400, type="AllowedAddressPairExhausted", said=said)


RESOURCES = (
    "network", "subnet", "router", "port", "security_group", "security_group_rule", "floatingip",
)  # fmt: skip


def quotas(limit: int, used: int) -> dict[str, dict[str, int]]:
    """Neutron's quota details, the same for every resource."""
    return {name: {"limit": limit, "used": used, "reserved": 0} for name in RESOURCES}


class ProbedCloud:
    """Satisfies CloudProber, on a MemoryCloud; each method can be made to fail."""

    def __init__(self, memory: MemoryCloud, extensions: Sequence[str]) -> None:
        self.memory = memory
        self.extensions = list(extensions)
        self.broken: dict[str, Exception] = {}
        self.asked: list[str] = []
        self.limits = quotas(limit=-1, used=3)
        self.balancer_limits: Mapping[str, Any] = {"load_balancer": -1}
        self.versions: Sequence[str] = ("v1", "v2.0", "v2.30")
        self.offered: Sequence[str] = ("amphora",)
        self.plain, self.bound, self.paired = NO_SUBNET, NO_SUBNET, NO_SUBNET
        self.balancer = NO_VIP
        self.held: tuple[str, ...] = ("member",)

    @property
    def project_id(self) -> str:
        return self.memory.project_id

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if what in self.broken:
            raise self.broken[what]

    def list_resources(
        self, kind: str, *, fields: tuple[str, ...] = (), **filters: str | tuple[str, ...]
    ) -> list[Resource]:
        self._ask(kind)
        if kind == "extension":
            return [{"alias": alias} for alias in self.extensions]
        return self.memory.list_resources(kind, fields=fields, **filters)

    def members(self, pool_id: str) -> list[Resource]:
        raise AssertionError("preflight does not ask for members")

    def login(self) -> Login:
        self._ask("login")
        return Login(user="k8s", project="k8s", project_id=self.project_id, roles=self.held)

    def endpoint(self, service: str) -> str:
        self._ask(service)
        return f"https://cloud.example.org/{service}"

    def octavia_versions(self) -> Sequence[str]:
        self._ask("versions")
        return self.versions

    def quotas(self, service: str, project_id: str) -> Mapping[str, Any]:
        self._ask(f"quotas of {service}")
        return self.limits if service == "network" else self.balancer_limits

    def providers(self) -> Sequence[str]:
        self._ask("providers")
        return self.offered

    def refuse_port(self, network_id: str, body: Mapping[str, Any]) -> Refusal:
        self._ask("port probe")
        if "binding:host_id" in body:
            return self.bound
        return self.paired if "allowed_address_pairs" in body else self.plain

    def refuse_load_balancer(self, project_id: str) -> Refusal:
        self._ask("balancer probe")
        return self.balancer


class ProbedCluster(MemoryCluster):
    """Satisfies ClusterProber; each method can be made to fail."""

    def __init__(self, *objects: Manifest) -> None:
        super().__init__(*objects)
        self.broken: dict[str, Exception] = {}
        self.asked: list[str] = []
        self.told_version = "v1.20.2"
        self.said = "the provided range is not valid. The range of valid IPs is 10.2.0.0/25"
        self.denied: Callable[[Mapping[str, str]], bool] = lambda attributes: False

    @property
    def version(self) -> str:  # type: ignore[override]
        self._ask("version")
        return self.told_version

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if what in self.broken:
            raise self.broken[what]

    def list_objects(
        self, api_version: str, kind: str, *, namespace: str | None = None, labels: str = ""
    ) -> list[Manifest]:
        self._ask(kind)
        return super().list_objects(api_version, kind, namespace=namespace, labels=labels)

    def get(self, manifest: Mapping[str, Any]) -> dict[str, Any] | None:
        self._ask(f"one {manifest['kind']}")
        return super().get(manifest)

    def may(self, attributes: Mapping[str, str]) -> bool:
        self._ask("rights")
        return not self.denied(attributes)

    def refuse_service(self) -> str:
        self._ask("service probe")
        return self.said


class ProbedRegistry:
    """Has the images whose name it is given."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.images: dict[str, RemoteImage] = {}
        self.broken: Exception | None = None

    def digest(self, reference: Reference) -> str | None:
        if self.broken:
            raise self.broken
        return "sha256:abc" if str(reference) in self.names else None

    def remote_image(self, reference: Reference) -> RemoteImage | None:
        return self.images.get(str(reference))


class World:
    """All that preflight looks at, in order."""

    def __init__(self, driver: VifDriver = VifDriver.NESTED_MACVLAN) -> None:
        self.site: Site = lab_site(driver)
        self.cloud = ProbedCloud(cluster_cloud(NODES), list(needed_extensions(self.site)))
        for port in self.ports.values():
            port["trunk_details"] = {"trunk_id": f"trunk of {port['name']}"}
        self.cluster = ProbedCluster(
            node("worker1"), node("worker2"), service("kubernetes"), api_endpoints()
        )
        self.registry = ProbedRegistry(self.site.base_image)
        self.unreadable: dict[str, Unreadable] = {}
        self.resilience = False

    @property
    def ports(self) -> dict[str, dict[str, Any]]:
        """The nodes' ports by name, to be changed."""
        return {it["name"]: it for it in self.cloud.memory.resources["port"] if it["name"]}

    def read(self) -> PreflightSnapshot:
        return read_preflight(
            self.site,
            self.unreadable.get("cloud") or self.cloud,
            self.unreadable.get("cluster") or self.cluster,
            self.unreadable.get("registry") or self.registry,
            resilience=self.resilience,
        )

    def change_site(self, section: str, **values: Any) -> None:
        changed = getattr(self.site, section).model_copy(update=values)
        self.site = self.site.model_copy(update={section: changed})


def node(name: str, **spec: Any) -> dict[str, Any]:
    """A node that waits for a CNI configuration."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "spec": spec,
        "status": {
            "addresses": [{"type": "InternalIP", "address": NODES[name]}],
            "allocatable": {"pods": "110"},
            "conditions": [{"type": "Ready", "status": "False"}],
        },
    }


def service(name: str, namespace: str = "default", **spec: Any) -> dict[str, Any]:
    """A Service, of ClusterIP 10.2.0.1 unless said otherwise."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "selfLink": "/api/v1/..."},
        "spec": {"clusterIP": "10.2.0.1", "type": "ClusterIP", **spec},
    }


def api_endpoints() -> dict[str, Any]:
    """Of the one API server."""
    return {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": "kubernetes", "namespace": "default"},
        "subsets": [{"addresses": [{"ip": NODES["master"]}], "ports": [{"port": 6443}]}],
    }


def program(kind: str, name: str, *words: str, **spec: Any) -> dict[str, Any]:
    """A DaemonSet or Deployment, or a static pod; its command is `words`."""
    pod = {"containers": [{"image": "i", "command": list(words)}], "hostNetwork": True, **spec}
    return {
        "apiVersion": "v1" if kind == "Pod" else "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "kube-system"},
        "spec": pod if kind == "Pod" else {"template": {"spec": pod}},
    }


def pod(name: str, namespace: str = "default", **metadata: Any) -> dict[str, Any]:
    """A pod that waits for its network."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, **metadata},
        "spec": {"containers": []},
        "status": {"phase": "Pending"},
    }


def policy(name: str, **spec: Any) -> dict[str, Any]:
    """A NetworkPolicy that lets nobody in, unless said otherwise."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"], **spec},
    }


def denied(right: Right) -> Callable[[Mapping[str, str]], bool]:
    """Denies that one right, and so also everything at once."""

    def of(attributes: Mapping[str, str]) -> bool:
        resource = "/".join(
            filter(None, (attributes["resource"], attributes.get("subresource", "")))
        )
        asked = (attributes["verb"], resource, attributes.get("namespace"))
        return asked == (right.verb, right.resource, right.namespace) or asked[0] == "*"

    return of


GONE = AccessError("it says no", remedy="ask its operators")
