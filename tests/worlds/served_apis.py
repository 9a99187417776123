"""Keystone, Neutron, Octavia and an API server over HTTP, answering out of memory.

For what is about requests themselves, which the clients' own stand-ins do not see: how many there
are, and which are under way at the same time.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from worlds.cloud_answers import PROJECT
from worlds.memory_cloud import MemoryCloud
from worlds.memory_cluster import SYSTEM

from kuryr_runbook.clients.openstack.api import COLLECTIONS

NODE_KINDS = {"nodes": "Node", "endpoints": "Endpoints", "namespaces": "Namespace"}


@dataclass
class ServedApis:
    """The servers' side. `on_request` is called with method and path, before each answer."""

    cloud: MemoryCloud
    nodes: dict[str, str]
    """Address of each node; the first is the master."""
    on_request: Callable[[str, str], None] = lambda method, path: None
    requests: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""
    providers: tuple[str, ...] = ("amphora",)

    def answer(self, method: str, path: str) -> tuple[int, Any]:
        """Status and body; status 0 ends the connection without an answer."""
        self.requests.append((method, path))
        self.on_request(method, path)
        service, _, rest = path.strip("/").partition("/")
        match service:
            case "identity":
                return self._identity(rest)
            case "network":
                return 200, self._listed("network", f"/{rest.partition('/')[2]}")
            case "octavia":
                return 200, self._listed("load_balancer", f"/{rest.partition('/')[2]}")
            case "cluster":
                return 200, self._cluster(rest)
        return 404, {}

    def _identity(self, path: str) -> tuple[int, Any]:
        if path == "v3/auth/tokens":
            return 201, {"token": self._token()}
        link = {"rel": "self", "href": f"{self.url}/identity/v3/"}
        return 200, {"version": {"id": "v3.14", "status": "stable", "links": [link]}}

    def _token(self) -> dict[str, Any]:
        catalog = [
            {
                "type": kind,
                "name": kind,
                "id": kind,
                "endpoints": [
                    {
                        "interface": "public",
                        "region": "RegionOne",
                        "region_id": "RegionOne",
                        "url": f"{self.url}/{path}",
                        "id": kind,
                    }
                ],
            }
            for kind, path in (
                ("identity", "identity/v3"),
                ("network", "network/v2.0"),
                ("load-balancer", "octavia/v2.0"),
            )
        ]
        now = datetime.now(UTC)
        return {
            "methods": ["password"],
            "user": {"id": "u", "name": "u", "domain": {"id": "default", "name": "Default"}},
            "project": {
                "id": PROJECT,
                "name": "p",
                "domain": {"id": "default", "name": "Default"},
            },
            "roles": [{"id": "r", "name": "admin"}],
            "catalog": catalog,
            "issued_at": now.isoformat(),
            "expires_at": (now + timedelta(hours=1)).isoformat(),
        }

    def _listed(self, service: str, path: str) -> Any:
        if path == "/lbaas/providers":
            return {"providers": [{"name": name} for name in self.providers]}
        if path.endswith("/members"):
            return {"members": self.cloud.members(path.split("/")[-2])}
        for kind, collection in COLLECTIONS.items():
            if (collection.service, collection.path) == (service, path):
                return {collection.plural: self.cloud.list_resources(kind)}
        raise AssertionError(f"{service}: {path}")

    def _cluster(self, path: str) -> Any:
        match path:
            case "version":
                return {"gitVersion": "v1.20.2", "major": "1", "minor": "20"} | {
                    name: "" for name in VERSION_FIELDS
                }
            case "apis":
                version = {"groupVersion": "apps/v1", "version": "v1"}
                group = {"name": "apps", "versions": [version], "preferredVersion": version}
                return {"kind": "APIGroupList", "groups": [group]}
            case "api/v1":
                resources = [
                    {
                        "name": plural,
                        "kind": kind,
                        "namespaced": kind == "Endpoints",
                        "singularName": "",
                        "verbs": ["get", "list"],
                    }
                    for plural, kind in NODE_KINDS.items()
                ]
                return {"kind": "APIResourceList", "groupVersion": "v1", "resources": resources}
            case "api/v1/nodes":
                return {"items": [_node(*node) for node in self.nodes.items()]}
            case _ if path.endswith("/proxy/stats/summary"):
                return {"node": {"network": {"interfaces": [{"name": "ens3"}]}}}
            case "api/v1/namespaces":
                return {"items": [SYSTEM]}
            case "api/v1/namespaces/kube-system":
                return SYSTEM
            case "api/v1/namespaces/default/endpoints/kubernetes":
                master = {"ip": next(iter(self.nodes.values()))}
                return {
                    "metadata": {"name": "kubernetes", "namespace": "default"},
                    "subsets": [{"addresses": [master], "ports": [{"port": 6443}]}],
                }
        raise AssertionError(path)

    def clouds_yaml(self) -> dict[str, Any]:
        auth = {
            "auth_url": f"{self.url}/identity/v3",
            "username": "u",
            "password": secrets.token_hex(),
            "project_name": "p",
            "user_domain_name": "Default",
            "project_domain_name": "Default",
        }
        return {"clouds": {"k8s": {"auth": auth, "region_name": "RegionOne"}}}

    def kubeconfig(self) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": f"{self.url}/cluster"}}],
            "users": [{"name": "u", "user": {}}],
        }


VERSION_FIELDS = ("gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform")


def _node(name: str, address: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {},
        "status": {
            "addresses": [{"type": "InternalIP", "address": address}],
            "conditions": [{"type": "Ready", "status": "True", "message": "ready"}],
            "nodeInfo": {"containerRuntimeVersion": "containerd://1.6.20"},
        },
    }


@contextmanager
def served(apis: ServedApis, folder: Path) -> Iterator[None]:
    """Serve on this machine; clouds.yaml and kubeconfig are in the folder."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Else the end of an answer waits for the acknowledgement of its beginning.
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, body = apis.answer(self.command, urlsplit(self.path).path)
            if status == 0:
                self.close_connection = True
                return
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            if status == 201:
                self.send_header("X-Subject-Token", "token")
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_DELETE = do_GET  # noqa: N815

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    apis.url = f"http://127.0.0.1:{server.server_port}"
    (folder / "clouds.yaml").write_text(yaml.safe_dump(apis.clouds_yaml()))
    (folder / "kubeconfig").write_text(yaml.safe_dump(apis.kubeconfig()))
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
