"""Whatever answers in the place of an API: an error of ours, soon, of bounded length, and no more.

Every question of every client meets every way of `worlds.misbehaving`, one in eight of the pairs
each time, and all of them with `-m exhaustive`. Deadlines are tiny; no test
measures time, since what does not end runs into pytest's own limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from worlds.memory_cloud import cluster_cloud
from worlds.misbehaving import WAYS, Misbehaving, misbehaving
from worlds.served_apis import ServedApis
from worlds.sites import lab_site

from kuryr_runbook.clients import exchanges
from kuryr_runbook.clients.artifacts import artifact_store
from kuryr_runbook.clients.exchanges import Bounds
from kuryr_runbook.clients.images.registry import RegistryClient
from kuryr_runbook.clients.kubernetes import watch as kubernetes_watch
from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.kubernetes.leases import LeaseClient
from kuryr_runbook.clients.kubernetes.probes import ProbingCluster
from kuryr_runbook.clients.openstack.client import OpenStackClient
from kuryr_runbook.clients.openstack.identity import IdentityClient
from kuryr_runbook.clients.openstack.probes import ProbingCloud
from kuryr_runbook.clients.transport import get_text
from kuryr_runbook.lab.pki import Issued, ensure_ca
from kuryr_runbook.model.errors import RunbookError
from kuryr_runbook.specs.image import Reference

SITE = lab_site()
# Where urllib3 cannot make anything of a redirect, it leaves the connection to the collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
NODES = {"master": "172.18.0.10"}
LONGEST = 4000
"""Characters of a message."""
TINY = Bounds(connect=2.0, silence=0.2, whole=0.4, size=3 << 20)
MANIFEST = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}
Question = Callable[[str, Path], object]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines as short as tests bear, and no pauses before another attempt."""
    for name in ("API", "PROBE", "LEASE", "WORDS", "FILE", "LOGIN"):
        monkeypatch.setattr(exchanges, name, TINY)
    for module in ("openstack.session", "kubernetes.session"):
        seconds: Any = 0.0
        if module == "openstack.session":
            seconds = {"network": 0.0, "load_balancer": 0.0, "identity": 0.0}
        monkeypatch.setattr(f"kuryr_runbook.clients.{module}.PATIENCE_SECONDS", seconds)
    monkeypatch.setattr("kuryr_runbook.clients.openstack.probes.PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(kubernetes_watch, "WATCH_SECONDS", 1)
    monkeypatch.setattr(kubernetes_watch, "SILENT_SECONDS", -0.8)
    monkeypatch.setattr(kubernetes_watch, "AGAIN_SECONDS", 0.0)


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issued]:
    """A certificate for 127.0.0.1, which requests trusts."""
    from ipaddress import IPv4Address

    ca = ensure_ca(tmp_path_factory.mktemp("pki"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", str(ca.cert))
        yield ca.issue("server", common_name="server", addresses=[IPv4Address("127.0.0.1")])


def cloud_at(url: str, folder: Path) -> Path:
    """A clouds.yaml for a Keystone there."""
    apis = ServedApis(cluster_cloud(NODES), NODES)
    apis.url = url
    path = folder / "clouds.yaml"
    path.write_text(yaml.safe_dump(apis.clouds_yaml()))
    return path


def cluster_at(url: str, folder: Path) -> Path:
    """A kubeconfig for an API server there."""
    apis = ServedApis(cluster_cloud(NODES), NODES)
    apis.url = url
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(apis.kubeconfig()))
    return path


def openstack(ask: Callable[[OpenStackClient], object]) -> Question:
    def question(url: str, folder: Path) -> object:
        client = OpenStackClient("k8s", cloud_at(url, folder))
        try:
            return ask(client)
        finally:
            client.session.connection.session.session.close()

    return question


def probing(ask: Callable[[ProbingCloud], object]) -> Question:
    def question(url: str, folder: Path) -> object:
        client = ProbingCloud("k8s", cloud_at(url, folder))
        try:
            return ask(client)
        finally:
            client.session.connection.session.session.close()

    return question


def kubernetes(ask: Callable[[KubernetesClient], object]) -> Question:
    return lambda url, folder: ask(KubernetesClient(cluster_at(url, folder)))


def lease(url: str, folder: Path) -> object:
    section = SITE.kubernetes.model_copy(update={"kubeconfig": cluster_at(url, folder)})
    return LeaseClient(SITE.model_copy(update={"kubernetes": section})).read()


def image(url: str, folder: Path) -> object:
    host = url.partition("://")[2]
    return RegistryClient().remote_image(Reference.parse(f"{host}/kuryr/kuryr:stein"))


def words(url: str, folder: Path) -> object:
    return get_text("127.0.0.1", int(url.rpartition(":")[2]))


KEYSTONE: dict[str, Question] = {
    "login": probing(lambda client: client.login()),
    "project": openstack(lambda client: client.project_id),
    "credentials": openstack(
        lambda client: IdentityClient(client.session).application_credentials()
    ),
    "access rules": openstack(lambda client: IdentityClient(client.session).access_rules()),
    "networks by way of Keystone": openstack(lambda client: client.list_resources("network")),
}
SERVICES: dict[str, tuple[str, Question]] = {
    "networks": ("/network", openstack(lambda client: client.list_resources("network"))),
    "quotas": ("/network", openstack(lambda client: client.quotas("network", "p"))),
    "a new port": ("/network", openstack(lambda client: client.create("port", [{"name": "x"}]))),
    "new ports": ("/network", openstack(lambda client: client.create("port", [{}, {}]))),
    "an update": ("/network", openstack(lambda client: client.update("port", "p", {}))),
    "pairs": ("/network", openstack(lambda client: client.change_pairs("p", [], []))),
    "subports": ("/network", openstack(lambda client: client.remove_subports("t", ["p"]))),
    "a leg": ("/network", openstack(lambda client: client.add_router_interface("r", "s"))),
    "a probe": ("/network", probing(lambda client: client.refuse_port("n", {}))),
    "load balancers": ("/octavia", openstack(lambda client: client.list_resources("loadbalancer"))),
    "members": ("/octavia", openstack(lambda client: client.members("p"))),
    "an active one": (
        "/octavia",
        openstack(lambda client: client.wait_active("1", lambda _: None)),
    ),
    "versions of Octavia": ("/octavia", probing(lambda client: client.octavia_versions())),
    "providers": ("/octavia", probing(lambda client: client.providers())),
    "a trial of a credential": (
        "/network",
        openstack(
            lambda client: IdentityClient(client.session).statuses("i", "s", "network", ["/ports"])
        ),
    ),
    "an access rule's end": (
        "/access_rules",
        openstack(lambda client: IdentityClient(client.session).delete_access_rule("r")),
    ),
    "a new credential": (
        "/application_credentials",
        openstack(
            lambda client: IdentityClient(client.session).create_application_credential(
                {"name": "x", "description": "y"}
            )
        ),
    ),
}
CLUSTER: dict[str, tuple[str, Question]] = {
    "version": ("/", kubernetes(lambda client: client.version)),
    "discovery": ("/api", kubernetes(lambda client: client.list_objects("v1", "Node"))),
    "nodes": ("/nodes", kubernetes(lambda client: client.list_objects("v1", "Node"))),
    "a node": ("/nodes", kubernetes(lambda client: client.get(MANIFEST))),
    "applying": ("/nodes", kubernetes(lambda client: client.apply(MANIFEST))),
    "a preview": ("/nodes", kubernetes(lambda client: client.preview(MANIFEST))),
    "finalizers": (
        "/nodes",
        kubernetes(lambda client: client.change_finalizers(MANIFEST, added=["x"])),
    ),
    "deleting": ("/nodes", kubernetes(lambda client: client.delete(MANIFEST))),
    "a log": ("/pods", kubernetes(lambda client: client.log("n", "p"))),
    "exec": ("/pods", kubernetes(lambda client: client.execute("n", "p", ["x"], seconds=0.4))),
    "a watch": (
        "watch=",
        kubernetes(lambda client: client.watch("v1", "Node", seconds=1, until=lambda seen: False)),
    ),
    "a permission": (
        "/",
        lambda url, folder: ProbingCluster(cluster_at(url, folder)).may({"verb": "get"}),
    ),
    "a lease": ("/", lease),
}
OTHERS: dict[str, Question] = {
    "an artifact": lambda url, folder: artifact_store(url).sha256("x"),
    "an upload": lambda url, folder: artifact_store(url).put("x", b"y"),
    "words of a pod": words,
}
MAY_PASS = {
    # What is no API has no shape that could be wrong.
    "a log", "an artifact", "an upload", "words of a pod",
    # 404 means: there is none; and a watch is asked again until its time is over.
    "a node", "a lease", "deleting", "finalizers", "a watch", "credentials", "image",
    "access rules", "an access rule's end",
    # An answer without anything in it, where nothing of it is needed.
    "a leg", "a probe", "a new port",
    # Any status is an answer.
    "a trial of a credential",
}  # fmt: skip


def pairs_of(questions: Iterable[str]) -> list[Any]:
    """Every question with every way; one in eight of these, all ways among them, each time."""
    return [
        pytest.param(name, way, marks=() if (row + column) % 8 == 0 else pytest.mark.exhaustive)
        for row, name in enumerate(questions)
        for column, way in enumerate(WAYS)
    ]


@contextmanager
def of_ours(question: str) -> Iterator[None]:
    """Raises for all but an error of ours with one message of bounded length."""
    error: RunbookError | None = None
    try:
        yield
    except RunbookError as raised:
        error = raised
    if error is None:
        assert question in MAY_PASS
    else:
        assert 0 < len(str(error)) < LONGEST
        assert error.exit_code in (1, 6)


def until(part: str) -> Callable[[str, str], tuple[int, object] | None]:
    """The APIs' right answers, but to what has this in its path."""
    apis = ServedApis(cluster_cloud(NODES), NODES)

    def good(method: str, path: str) -> tuple[int, object] | None:
        plain = path.partition("?")[0]
        if "/identity" not in path and part in path.removeprefix("/cluster"):
            return None
        if part in plain and part in ("/application_credentials", "/access_rules"):
            return None
        return apis.answer(method, plain)

    good.apis = apis  # type: ignore[attr-defined]
    return good


def asked(server: Misbehaving, question: Question, folder: Path) -> object:
    apis = getattr(server.good, "apis", None)
    if apis is not None:
        apis.url = server.url
    return question(server.url, folder)


@pytest.mark.parametrize(("name", "way"), pairs_of(KEYSTONE))
def test_a_keystone_that_misbehaves(name: str, way: str, tmp_path: Path) -> None:
    with misbehaving(way) as server, of_ours(name):
        asked(server, KEYSTONE[name], tmp_path)


@pytest.mark.parametrize(("name", "way"), pairs_of(SERVICES))
def test_a_service_that_misbehaves(name: str, way: str, tmp_path: Path) -> None:
    part, question = SERVICES[name]
    with misbehaving(way, until(part)) as server, of_ours(name):
        asked(server, question, tmp_path)


@pytest.mark.parametrize(("name", "way"), pairs_of(CLUSTER))
def test_an_api_server_that_misbehaves(name: str, way: str, tmp_path: Path) -> None:
    part, question = CLUSTER[name]
    with misbehaving(way, until(part)) as server, of_ours(name):
        asked(server, question, tmp_path)


@pytest.mark.parametrize(("name", "way"), pairs_of(OTHERS))
def test_a_store_that_misbehaves(name: str, way: str, tmp_path: Path) -> None:
    with misbehaving(way) as server, of_ours(name):
        asked(server, OTHERS[name], tmp_path)


@pytest.mark.parametrize("way", WAYS)
def test_a_registry_that_misbehaves(way: str, tmp_path: Path, issued: Issued) -> None:
    with misbehaving(way, issued=issued) as server, of_ours("image"):
        asked(server, image, tmp_path)
