"""What a world answers whoever reads or probes its cloud, its cluster and its registry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from worlds.cloud_answers import PROJECT
from worlds.objects import Item

from kuryr_runbook.clients.images.registry import RemoteImage
from kuryr_runbook.clients.openstack.probes import Login, Refusal
from kuryr_runbook.specs.image import Reference
from kuryr_runbook.specs.requirements import Right

NO_SUBNET = Refusal(status=404, type="SubnetNotFound", said="Subnet 0 could not be found.")
FORBIDDEN = Refusal(status=403, type="PolicyNotAuthorized", said="rule:create_port is disallowed")
NO_VIP = Refusal(status=400, type="", said="Validation failure: VIP must contain one of: ...")
REFUSED = Refusal(status=403, type="", said="Policy does not allow this request to be performed.")


class Apis:
    """Both APIs, of what a world holds. What is in `broken` fails, as if nothing answered."""

    objects: dict[str, list[Item]]
    """By kind."""
    resources: dict[str, list[Item]]
    """By type."""
    pool_members: dict[str, list[Item]]
    project_id = PROJECT

    def __init__(self) -> None:
        self.broken: dict[str, Exception] = {}
        self.asked: list[str] = []
        self.logs: dict[str, str] = {}
        self.limits: dict[str, tuple[int, int]] = {}
        """Neutron's quotas, each with what of it is used."""
        self.balancer_limits: dict[str, Any] = {"load_balancer": -1, "listener": -1, "pool": -1}
        self.pair_limit: int | None = None
        """How many address pairs a port may have; None: Neutron does not say."""
        self.extensions: list[str] = []
        self.octavia: Sequence[str] = ("v1", "v2.0", "v2.30")
        self.offered: Sequence[str] = ("amphora",)
        self.plain, self.bound, self.balancer = NO_SUBNET, NO_SUBNET, NO_VIP
        self.paired: Refusal | None = None
        """Whatever pairs are asked for; None: it depends on how many."""
        self.held: tuple[str, ...] = ("member",)
        self.has_access_rules = True
        self.kubernetes = ""
        """Its version."""
        self.said = ""
        """How the API server refuses a Service outside of its range."""
        self.interfaces: dict[str, tuple[str, ...]] = {}
        """By node; those of the others are alike."""
        self.denied: Callable[[Mapping[str, str]], bool] = lambda attributes: False

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if what in self.broken:
            raise self.broken[what]

    # The cluster's.

    @property
    def version(self) -> str:
        self._ask("version")
        return self.kubernetes

    def each_object(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str | None = None,
        labels: str = "",
        fields: str = "",
    ) -> Iterator[Item]:
        self._ask(f"{kind} {labels}".strip())
        key, _, value = labels.partition("=")
        for item in _whole(self.objects[kind]):
            found = item.get("metadata")
            metadata = found if isinstance(found, dict) else {}
            has = metadata.get("labels")
            if namespace is not None and metadata.get("namespace") != namespace:
                continue
            if not labels or (isinstance(has, dict) and has.get(key) == value):
                yield {"apiVersion": api_version, "kind": kind, **item}

    def list_objects(self, api_version: str, kind: str, **how: Any) -> list[Mapping[str, Any]]:
        return list(self.each_object(api_version, kind, **how))

    def get(self, manifest: Mapping[str, Any]) -> Item | None:
        kind, wanted = manifest["kind"], manifest["metadata"]
        self._ask(f"one {kind}")
        for item in _whole(self.objects.get(kind, ())):
            metadata = item["metadata"]
            if all(metadata.get(key) == wanted.get(key) for key in ("name", "namespace")):
                return {"kind": kind, **item}
        return None

    def preview(self, manifest: Mapping[str, Any]) -> Any:
        raise AssertionError("no check previews anything")

    def log(self, namespace: str, pod: str, *, lines: int = 30, container: str = "") -> str:
        self._ask(f"log {pod}")
        return self.logs.get(pod, "")

    def may(self, attributes: Mapping[str, str]) -> bool:
        self._ask("rights")
        return not self.denied(attributes)

    def refuse_service(self) -> str:
        self._ask("refused service")
        return self.said

    def node_statistics(self, node: str) -> Item:
        self._ask("node statistics")
        names = self.interfaces.get(node, ("ens3", "lo", "vethe1f2"))
        return {"node": {"network": {"interfaces": [{"name": it} for it in names]}}}

    # The cloud's.

    def list_resources(
        self, kind: str, *, fields: tuple[str, ...] = (), **filters: str | tuple[str, ...]
    ) -> list[Mapping[str, Any]]:
        self._ask(kind)
        if kind == "extension":
            return [{"alias": alias} for alias in self.extensions]
        return [
            item
            for item in _whole(self.resources[kind])
            if all(item.get(k, v) == v for k, v in filters.items())
        ]

    def members(self, pool_id: str) -> list[Mapping[str, Any]]:
        self._ask("member")
        return list(self.pool_members.get(pool_id, []))

    def quotas(self, service: str, project_id: str) -> Mapping[str, Any]:
        self._ask(f"quotas of {service}")
        if service == "load_balancer":
            return self.balancer_limits
        return {
            kind: {"limit": limit, "used": used, "reserved": 0}
            for kind, (limit, used) in self.limits.items()
        }

    def login(self) -> Login:
        self._ask("login")
        return Login(user="k8s", project="k8s", project_id=self.project_id, roles=self.held)

    def knows_access_rules(self) -> bool:
        self._ask("access rules")
        return self.has_access_rules

    def endpoint(self, service: str) -> str:
        self._ask(f"endpoint of {service}")
        return f"https://cloud.example.org/{service}"

    def octavia_versions(self) -> Sequence[str]:
        self._ask("versions of Octavia")
        return self.octavia

    def providers(self) -> Sequence[str]:
        self._ask("providers")
        return self.offered

    def refuse_port(self, network_id: str, body: Mapping[str, Any]) -> Refusal:
        self._ask("refused port")
        if "binding:host_id" in body:
            return self.bound
        if "allowed_address_pairs" not in body:
            return self.plain
        if self.paired is not None:
            return self.paired
        if self.pair_limit is None:
            return Refusal(status=400, type="", said="in other words")
        if len(body["allowed_address_pairs"]) <= self.pair_limit:
            return NO_SUBNET
        return Refusal(
            status=400,
            type="AllowedAddressPairExhausted",
            said=f"The number of allowed address pair exceeds the maximum {self.pair_limit}.",
        )

    def refuse_load_balancer(self, project_id: str) -> Refusal:
        self._ask("refused load balancer")
        return self.balancer


class Registry:
    """Has the images whose name it is given."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.images: dict[str, RemoteImage] = {}
        self.content: dict[str, bytes] = {}
        """Manifests by their names, blobs by their digests."""
        self.broken: Exception | None = None

    def digest(self, reference: Reference) -> str | None:
        if self.broken:
            raise self.broken
        return "sha256:abc" if str(reference) in self.names else None

    def remote_image(self, reference: Reference) -> RemoteImage | None:
        return self.images.get(str(reference))

    def manifest(self, reference: Reference) -> bytes | None:
        return self.content.get(str(reference))

    def blob(self, reference: Reference, digest: str) -> bytes | None:
        return self.content.get(digest)


def denied(right: Right) -> Callable[[Mapping[str, str]], bool]:
    """Denies that one right, and so also everything at once."""

    def of(attributes: Mapping[str, str]) -> bool:
        resource = "/".join(
            filter(None, (attributes["resource"], attributes.get("subresource", "")))
        )
        asked = (attributes["verb"], resource, attributes.get("namespace"))
        return asked == (right.verb, right.resource, right.namespace) or asked[0] == "*"

    return of


def _whole(items: Iterable[object]) -> Iterator[Item]:
    """What is an object at all: tests put other things there too."""
    return (item for item in items if isinstance(item, dict))
