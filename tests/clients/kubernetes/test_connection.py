"""A login at a cluster: no file has the client's key, and what cannot be sent is refused."""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.config import kube_config

from kuryr_runbook.clients.kubernetes.connection import connect, server_of
from kuryr_runbook.clients.kubernetes.session import KubernetesSession
from kuryr_runbook.clients.openstack.session import OpenStackSession
from kuryr_runbook.lab.pki import ensure_ca
from kuryr_runbook.model.errors import UsageError

HELD = """
import sys
from pathlib import Path
from kuryr_runbook.clients.kubernetes.session import KubernetesSession
print(KubernetesSession(Path(sys.argv[1]), None, print).version, flush=True)
sys.stdin.read()
"""


ANSWERS: dict[str, dict[str, Any]] = {
    "/version/": dict.fromkeys(
        ("major", "minor", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler"), ""
    )
    | {"platform": "", "gitVersion": "v1.30.0"},
    "/version": {"gitVersion": "v1.30.0"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "groups": []},
    "/api/v1": {
        "kind": "APIResourceList",
        "resources": [
            {
                "name": "pods",
                "kind": "Pod",
                "namespaced": True,
                "verbs": ["list"],
                "singularName": "",
            }
        ],
    },
}


class Server(BaseHTTPRequestHandler):
    """Says which version it is and what kinds it has, to those whose certificate it knows."""

    def do_GET(self) -> None:
        body = json.dumps(ANSWERS[self.path]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


def encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def config(path: Path, server: str, user: dict[str, Any], cluster: dict[str, Any]) -> Path:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Iterator[Path]:
    """Of a cluster that lets in nobody without a certificate."""
    ca = ensure_ca(tmp_path / "pki")
    issued = ca.issue("server", common_name="server", addresses=[IPv4Address("127.0.0.1")])
    mine = ca.issue("admin", common_name="admin")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.cert, issued.key)
    context.load_verify_locations(ca.cert)
    context.verify_mode = ssl.CERT_REQUIRED
    server = HTTPServer(("127.0.0.1", 0), Server)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield config(
        tmp_path / "kubeconfig",
        f"https://127.0.0.1:{server.server_port}",
        {"client-certificate-data": encoded(mine.cert), "client-key-data": encoded(mine.key)},
        {"certificate-authority-data": encoded(ca.cert)},
    )
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_process_that_is_killed_leaves_no_key_behind(
    how: signal.Signals, kubeconfig: Path, tmp_path: Path
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", HELD, str(kubeconfig)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "v1.30.0\n"
        assert [*temporary.iterdir()] == []
        process.send_signal(how)
        process.wait()
    assert [*temporary.iterdir()] == []


def test_what_a_plugin_brings_goes_into_no_file_either(
    kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = yaml.safe_load(kubeconfig.read_text())
    user = content["users"][0]["user"]
    names = ("client-certificate", "client-key")
    pems = {name: base64.b64decode(user[f"{name}-data"]).decode() for name in names}
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {
            "clientCertificateData": pems["client-certificate"],
            "clientKeyData": pems["client-key"],
        },
    }
    (tmp_path / "credential").write_text(json.dumps(credential))
    content["users"][0]["user"] = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "cat",
            "args": [str(tmp_path / "credential")],
            "interactiveMode": "Never",
        }
    }
    kubeconfig.write_text(yaml.safe_dump(content))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    assert KubernetesSession(kubeconfig, None, print).version == "v1.30.0"
    assert [*(tmp_path / "tmp").iterdir()] == []


def test_discovery_leaves_no_file_that_others_could_have_planted(
    kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    session = KubernetesSession(kubeconfig, None, print)
    assert session.ask("discovery", lambda: session.resource("v1", "Pod")).name == "pods"
    assert [*(tmp_path / "tmp").iterdir()] == []


@pytest.mark.parametrize("broken", ["{}\n", "{}\n{}", "\t{}", "{}\x7f"])
def test_a_token_that_no_header_can_hold_is_refused_and_not_shown(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = secrets.token_hex(12)
    token = broken.format(half, half)
    path = config(tmp_path / "kubeconfig", "https://127.0.0.1:1", {"token": token}, {})
    with pytest.raises(UsageError, match="line break") as caught:
        connect(path, None)
    assert half not in f"{caught.value!r}{caught.value}{caught.value.__cause__}"
    clouds = {"clouds": {"k8s": {"auth_type": "v3token", "auth": {"auth_url": "http://127.0.0.1:1",
              "token": token}}}}  # fmt: skip
    (tmp_path / "clouds.yaml").write_text(yaml.safe_dump(clouds))
    with pytest.raises(UsageError, match="line break") as caught:
        OpenStackSession("k8s", tmp_path / "clouds.yaml", notify=print)
    assert half not in f"{caught.value!r}{caught.value}"


def test_a_token_that_a_plugin_spoils_later_is_not_shown(kubeconfig: Path) -> None:
    half = secrets.token_hex(12)
    session = KubernetesSession(kubeconfig, None, print)
    session.api.configuration.api_key["authorization"] = f"Bearer {half}\nx"
    with pytest.raises(UsageError, match="cannot be sent") as caught:
        _ = session.version
    assert half not in f"{caught.value!r}{caught.value}{caught.value.__cause__}"
    assert caught.value.__suppress_context__


def test_the_client_still_has_what_we_replace() -> None:
    from kubernetes.config import kube_config

    assert callable(kube_config._create_temp_file_with_content)


@pytest.mark.parametrize(
    ("written", "server"),
    [
        ("https://API.example", "https://api.example:443"),
        ("https://api.example:443/", "https://api.example:443"),
        ("https://api.example:6443/k8s/clusters/c-1/", "https://api.example:6443/k8s/clusters/c-1"),
        ("http://api.example", "http://api.example:80"),
        ("api.example:6443", "https://api.example:6443"),
        ("https://[::1]:6443", "https://::1:6443"),
        ("https://api.example:port", "https://api.example:port"),
        ("", ""),
    ],
)
def test_a_server_has_one_name_however_it_is_written(
    tmp_path: Path, written: str, server: str
) -> None:
    assert server_of(config(tmp_path / "kubeconfig", written, {}, {}), None) == server


def test_the_server_is_that_of_the_context_of_the_files_that_kubectl_would_merge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = config(tmp_path / "first", "https://first", {}, {})
    second = tmp_path / "second"
    second.write_text(
        first.read_text().replace("https://first", "https://second").replace("name: c", "name: d")
        .replace("cluster: c", "cluster: d")
    )  # fmt: skip
    monkeypatch.setenv("KUBECONFIG", f"{first}:{second}")
    assert server_of(None, None) == "https://first:443"
    assert server_of(None, "d") == "https://second:443"
    assert server_of(None, "other") == ""
    assert server_of(second, "d") == "https://second:443"


def test_where_a_kubeconfig_was_looked_for_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = f"{tmp_path / 'none'}"
    monkeypatch.setenv("KUBECONFIG", missing)
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", missing)
    with pytest.raises(UsageError, match=f"there is no file {missing}"):
        connect(None, None)


def test_a_broken_kubeconfig_names_no_server(tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").write_text("contexts: 1\n")
    with pytest.raises(UsageError, match="contexts is not a list"):
        server_of(tmp_path / "kubeconfig", None)
