"""The registry's protocol, against a small registry on loopback with TLS and logins.

The real registry is met in tests/lab/test_image.py; it asks for neither tokens nor indexes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from kuryr_runbook.clients.images.registry import RegistryClient
from kuryr_runbook.lab.pki import Ca, ensure_ca
from kuryr_runbook.model.errors import AccessError, UnreachableError, UsageError
from kuryr_runbook.specs.image import Reference

LOGIN = base64.b64encode(b"kuryr:right").decode()
TOKEN = "a-token"

CONFIG = json.dumps({"config": {"Labels": {"made": "so"}}}).encode()
CONFIG_DIGEST = f"sha256:{hashlib.sha256(CONFIG).hexdigest()}"
MANIFEST = json.dumps(
    {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"digest": CONFIG_DIGEST},
        "layers": [{"size": 1000}, {"size": 23}],
    }
).encode()
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"
INDEX = json.dumps(
    {
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [
            {"digest": "sha256:" + "0" * 64, "platform": {"architecture": "s390x"}},
            {"digest": DIGEST, "platform": {"architecture": "amd64"}},
            {"digest": DIGEST, "platform": {"architecture": "arm64"}},
        ],
    }
).encode()
INDEX_DIGEST = f"sha256:{hashlib.sha256(INDEX).hexdigest()}"

CONTENT = {
    "/v2/kuryr/manifests/stein": MANIFEST,
    f"/v2/kuryr/manifests/{DIGEST}": MANIFEST,
    f"/v2/kuryr/blobs/{CONFIG_DIGEST}": CONFIG,
    "/v2/kuryr/manifests/many": INDEX,
}


class Registry(ThreadingHTTPServer):
    """What it holds is fixed; `scheme` is how it wants to be authorised."""

    scheme = "Basic"
    requests: list[tuple[str, str]]

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Registry

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.server.requests.append((self.command, self.path))
        url = urlsplit(self.path)
        given = self.headers.get("Authorization", "")
        if url.path == "/token":
            self.answer_token(given, parse_qs(url.query))
        elif not self.authorised(given):
            self.answer(401, b"", {"WWW-Authenticate": self.challenge()})
        elif url.path == "/v2/broken/manifests/stein":
            self.answer(503, b"", {})
        elif url.path in CONTENT:
            body = CONTENT[url.path]
            digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
            self.answer(200, body, {"Docker-Content-Digest": digest})
        else:
            self.answer(404, b"{}", {})

    def authorised(self, given: str) -> bool:
        wanted = {"Basic": f"Basic {LOGIN}", "Bearer": f"Bearer {TOKEN}", "none": ""}
        return given == wanted[self.server.scheme]

    def challenge(self) -> str:
        if self.server.scheme == "Basic":
            return 'Basic realm="test"'
        realm = f"https://{self.server.name}/token"
        return f'Bearer realm="{realm}",service="test",scope="repository:kuryr:pull,push"'

    def answer_token(self, given: str, query: dict[str, list[str]]) -> None:
        asked = {"service": ["test"], "scope": ["repository:kuryr:pull,push"]}
        if given == f"Basic {LOGIN}" and query == asked:
            self.answer(200, json.dumps({"token": TOKEN}).encode(), {})
        else:
            self.answer(401, b"", {})

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Ca:
    return ensure_ca(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def registry(ca: Ca) -> Iterator[Registry]:
    issued = ca.issue("registry", common_name="registry", addresses=["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.cert, issued.key)
    server = Registry(("127.0.0.1", 0), Handler)
    server.requests = []
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def login_file(folder: Path, registry: str, login: str = LOGIN) -> Path:
    path = folder / "auth.json"
    path.write_text(json.dumps({"auths": {registry: {"auth": login}}}))
    return path


@pytest.fixture
def client(registry: Registry, ca: Ca, tmp_path: Path) -> RegistryClient:
    return RegistryClient(login_file(tmp_path, registry.name), ca.cert)


def reference(registry: Registry, name: str = "kuryr:stein") -> Reference:
    return Reference.parse(f"{registry.name}/{name}")


@pytest.mark.parametrize("scheme", ["Basic", "Bearer", "none"])
def test_image_is_read_with_any_way_of_logging_in(
    registry: Registry, client: RegistryClient, scheme: str
) -> None:
    registry.scheme = scheme
    image = client.remote_image(reference(registry))
    assert image is not None
    assert (image.digest, image.labels, image.size) == (DIGEST, {"made": "so"}, 1023)
    assert client.digest(reference(registry)) == DIGEST


def test_token_is_asked_for_once(registry: Registry, client: RegistryClient) -> None:
    registry.scheme = "Bearer"
    client.remote_image(reference(registry))
    client.remote_image(reference(registry))
    assert sum(path.startswith("/token") for _, path in registry.requests) == 1


def test_digest_of_an_index_is_its_own_and_labels_those_of_this_machine(
    registry: Registry, client: RegistryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    image = client.remote_image(reference(registry, "kuryr:many"))
    assert image is not None
    assert (image.digest, image.labels) == (INDEX_DIGEST, {"made": "so"})


@pytest.mark.parametrize("name", ["kuryr:train", "other:stein"])
def test_what_is_not_there_is_none(registry: Registry, client: RegistryClient, name: str) -> None:
    assert client.remote_image(reference(registry, name)) is None
    assert client.digest(reference(registry, name)) is None


@pytest.mark.parametrize("scheme", ["Basic", "Bearer"])
def test_wrong_login_is_reported_apart(
    registry: Registry, ca: Ca, tmp_path: Path, scheme: str
) -> None:
    registry.scheme = scheme
    wrong = base64.b64encode(b"kuryr:wrong").decode()
    auth_file = login_file(tmp_path, registry.name, wrong)
    client = RegistryClient(auth_file, ca.cert)
    with pytest.raises(
        AccessError, match=f"401 for kuryr, with the login in {auth_file}"
    ) as caught:
        client.digest(reference(registry))
    assert wrong not in str(caught.value)


def test_login_for_another_registry_is_not_sent(registry: Registry, ca: Ca, tmp_path: Path) -> None:
    client = RegistryClient(login_file(tmp_path, "registry.example.org"), ca.cert)
    with pytest.raises(AccessError, match="401"):
        client.digest(reference(registry))


def test_netrc_is_not_used(
    registry: Registry, ca: Ca, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login kuryr password wrong\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    registry.scheme = "none"
    assert RegistryClient(None, ca.cert).digest(reference(registry)) == DIGEST


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_given_ca_wins_over_the_environments(
    registry: Registry,
    client: RegistryClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    monkeypatch.setenv(variable, str(ensure_ca(tmp_path / "another").cert))
    assert client.digest(reference(registry)) == DIGEST


def test_untrusted_ca_is_reported_apart(registry: Registry, tmp_path: Path) -> None:
    another = ensure_ca(tmp_path / "another").cert
    client = RegistryClient(None, another)
    with pytest.raises(AccessError, match="certificate is not trusted"):
        client.digest(reference(registry))


def test_silent_registry_is_reported_apart(registry: Registry, ca: Ca) -> None:
    registry.server_close()
    client = RegistryClient(None, ca.cert)
    with pytest.raises(UnreachableError, match=f"{registry.name}: no answer"):
        client.digest(reference(registry))


def test_failing_registry_is_no_empty_one(registry: Registry, client: RegistryClient) -> None:
    with pytest.raises(UnreachableError, match="503"):
        client.remote_image(reference(registry, "broken:stein"))


@pytest.mark.parametrize("content", ["", "[]", '{"auths": {"r": {"auth": "%"}}}', '{"auths": []}'])
def test_broken_login_file_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "auth.json"
    path.write_text(content)
    with pytest.raises(UsageError, match=f"image.registry_auth {path}") as caught:
        RegistryClient(path)
    assert "write it with" in str(caught.value)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"auth\.json cannot be read"):
        RegistryClient(tmp_path / "auth.json")
    with pytest.raises(UsageError, match=r"image.registry_ca .*ca\.pem cannot be read"):
        RegistryClient(None, tmp_path / "ca.pem")
