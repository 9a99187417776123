"""Reads a container registry over its HTTP API (OCI distribution specification 1.1)."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

import requests

from kuryr_runbook.clients import exchanges
from kuryr_runbook.clients.answers import (
    LONGEST_REASON,
    MALFORMED,
    expected,
    mapping_of,
    parsing,
)
from kuryr_runbook.clients.exchanges import exchange
from kuryr_runbook.clients.files import read_certificates, read_json
from kuryr_runbook.clients.patience import Notify
from kuryr_runbook.clients.secrets import learn, refuse_unsendable
from kuryr_runbook.clients.transport import web_session
from kuryr_runbook.model.documents import from_base64, mapping
from kuryr_runbook.model.errors import AccessError, UnreachableError, UsageError
from kuryr_runbook.specs.attachments import digest_of
from kuryr_runbook.specs.image import DOCKER_HUB, Reference

INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
ACCEPT = {"Accept": ", ".join((*MANIFEST_TYPES, *INDEX_TYPES))}
UNREACHABLE = (
    "check the address in image.repository and image.base_image, and that the registry runs"
)
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""The kernel's name of an architecture to the registries' name."""

WHAT = "image.registry_auth"
LOG_IN = "write it with `buildah login --authfile FILE REGISTRY`"

HUB_API = "registry-1.docker.io"
HUB_LOGINS = (DOCKER_HUB, "https://index.docker.io/v1/", "index.docker.io")
"""The names under which a login for Docker Hub may be stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteImage:
    """An image in a registry."""

    digest: str
    """Of what the reference points to: the manifest, or the index of manifests."""
    labels: Mapping[str, str]
    size: int
    """Bytes to transfer: the compressed layers."""


class RegistryClient:
    """Reads registries with one login file and one CA."""

    def __init__(
        self,
        auth_file: Path | None = None,
        ca: Path | None = None,
        notify: Notify = lambda line: None,
    ) -> None:
        """`auth_file` in the form of docker's config.json; None: no login, the system's CAs.

        Raises UsageError if a file cannot be read.
        """
        self._logins = _read_logins(auth_file) if auth_file else {}
        self._auth_file = auth_file
        self._ca = ca
        self._notify = notify
        self._web = web_session()
        self._authorizations: dict[tuple[str, str], str] = {}
        if ca:
            read_certificates(ca, "image.registry_ca", remedy="name the PEM file of its CA")

    def digest(self, reference: Reference) -> str | None:
        """Digest of an image, or None if the registry has none of that name."""
        answer = self._request("HEAD", reference, f"manifests/{reference.version}")
        if answer is None:
            return None
        return answer.headers.get("Docker-Content-Digest") or self._manifest(reference)[0]

    def remote_image(self, reference: Reference) -> RemoteImage | None:
        """Digest, labels and size of an image, or None if the registry has none of that name.

        Raises AccessError if the registry refuses or isn't trusted, UnreachableError if it
        doesn't answer.
        """
        if self._request("HEAD", reference, f"manifests/{reference.version}") is None:
            return None
        digest, manifest = self._manifest(reference)
        asked = _asked(reference)
        if manifest.get("mediaType") in INDEX_TYPES or "manifests" in manifest:
            with parsing(asked):
                own = reference.at(_own_platform(manifest["manifests"]))
            _, manifest = self._manifest(own)
        with parsing(asked):
            config_digest = str(manifest["config"]["digest"])
            size = sum(int(layer["size"]) for layer in manifest["layers"])
        blob = self.blob(reference, config_digest)
        config = mapping_of(asked, blob).get("config") if blob is not None else {}
        labels = expected(asked, expected(asked, config or {}, dict).get("Labels") or {}, dict)
        return RemoteImage(
            digest=digest,
            labels={str(name): str(value) for name, value in labels.items()},
            size=size,
        )

    def manifest(self, reference: Reference) -> bytes | None:
        """The very bytes of a manifest, or None when the registry has none of that name."""
        answer = self._request("GET", reference, f"manifests/{reference.version}")
        return None if answer is None else answer.content

    def blob(self, reference: Reference, digest: str) -> bytes | None:
        """A small blob of the repository, or None when it has none of that digest."""
        answer = self._request("GET", reference, f"blobs/{quote(digest, safe=':')}")
        return None if answer is None else answer.content

    def _manifest(self, reference: Reference) -> tuple[str, dict[str, Any]]:
        """The digest, computed from the bytes received, and the manifest."""
        content = self.manifest(reference)
        if content is None:
            raise UnreachableError(
                f"image {reference}: the registry has it, but not its manifest",
                remedy="push the image again",
            )
        return digest_of(content), mapping_of(_asked(reference), content)

    def _request(
        self, method: str, reference: Reference, path: str, **content: Any
    ) -> requests.Response | None:
        """The response, or None for 404; logs in if the registry requires it.

        `path`: below the repository, or the place of an upload. `content`: for `_send`.
        """
        url = urljoin(_repository_url(reference), path)
        key = (reference.registry, reference.repository)
        answer = self._send(method, url, self._authorizations.get(key), **content)
        if answer.status_code == requests.codes.unauthorized:
            authorization = self._authorization(answer, reference)
            if authorization:
                self._authorizations[key] = authorization
                answer = self._send(method, url, authorization, **content)
        if answer.status_code == requests.codes.not_found:
            return None
        self._refuse(answer, reference)
        return answer

    def _send(
        self,
        method: str,
        url: str,
        authorization: str | None,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        media_type: str = "application/octet-stream",
    ) -> requests.Response:
        headers = ACCEPT | ({"Authorization": authorization} if authorization else {})
        if body is not None:
            headers["Content-Type"] = media_type
        peer = f"registry {_host(url)}"
        try:
            with exchange(peer, bounds=exchanges.API, remedy=UNREACHABLE, notify=self._notify):
                return self._web.request(
                    method,
                    url,
                    params=query,
                    data=body,
                    headers=headers,
                    verify=str(self._ca) if self._ca else True,
                    auth=_no_netrc,
                )
        except requests.exceptions.SSLError as error:
            raise AccessError(
                f"registry {_host(url)}: its certificate is not trusted: {_reason(error)}",
                remedy="set image.registry_ca to the CA that signed the registry's certificate",
            ) from error
        except (requests.exceptions.RequestException, *MALFORMED) as error:
            # MALFORMED: a challenge or a redirect without a valid address.
            raise UnreachableError(
                f"registry {_host(url)}: no answer: {_reason(error)}", remedy=UNREACHABLE
            ) from error

    def _authorization(self, answer: requests.Response, reference: Reference) -> str | None:
        """What the registry's challenge requires: a token, or name and password."""
        names = HUB_LOGINS if reference.registry == DOCKER_HUB else (reference.registry,)
        login = next((self._logins[name] for name in names if name in self._logins), None)
        scheme, _, rest = answer.headers.get("WWW-Authenticate", "").partition(" ")
        basic = f"Basic {login}" if login else None
        if scheme.lower() != "bearer":
            return basic
        challenge = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        query = {key: challenge[key] for key in ("service", "scope") if key in challenge}
        realm = challenge.get("realm", "")
        if not realm.startswith("https://"):
            raise UnreachableError(
                f"{_asked(reference)}: it says to get a token at {realm[:LONGEST_REASON]!r}, "
                "which is not an https address",
                remedy="check the registry's settings for tokens",
            )
        token = self._send("GET", realm, basic, query)
        self._refuse(token, reference)
        given = mapping_of(f"{_asked(reference)}: its token", token.content)
        word = given.get("token") or given.get("access_token")
        learn(word, f"a token of registry {reference.registry}")
        refuse_unsendable(word, f"the token that registry {reference.registry} gave")
        return f"Bearer {word}"

    def _refuse(self, answer: requests.Response, reference: Reference) -> None:
        if answer.ok:
            return
        if answer.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
            login = f"the login in {self._auth_file}" if self._auth_file else "no login"
            raise AccessError(
                f"registry {reference.registry}: {answer.status_code} for "
                f"{reference.repository}, with {login}",
                remedy=f"`buildah login --authfile FILE {reference.registry}` and set "
                "image.registry_auth to the file; the user needs to read and write the repository",
            )
        raise UnreachableError(
            f"registry {reference.registry}: {answer.status_code} "
            f"{str(answer.reason)[:LONGEST_REASON]} for {reference}",
            remedy="check the registry's log",
        )


def _repository_url(reference: Reference) -> str:
    host = HUB_API if reference.registry == DOCKER_HUB else reference.registry
    return f"https://{host}/v2/{reference.repository}/"


def _asked(reference: Reference) -> str:
    return f"registry {reference.registry}: {reference}"


def _no_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps the Authorization header, which a ~/.netrc would replace."""
    return request


def _read_logins(path: Path) -> dict[str, str]:
    """Registry to base64 of `user:password`."""
    logins = {name: entry["auth"] for name, entry in read_logins(path).items() if entry.get("auth")}
    for name, encoded in logins.items():
        if from_base64(encoded) is None:  # This refuses a line break, too.
            raise UsageError(f"{WHAT} {path}: auths.{name}.auth is not base64", remedy=LOG_IN)
    return logins


def read_logins(path: Path) -> dict[str, dict[str, Any]]:
    """The entries of a login file by their registries. Raises FileError."""
    source = f"{WHAT} {path}"
    content = mapping(read_json(path, WHAT, remedy=LOG_IN), source, remedy=LOG_IN)
    auths = mapping(content.get("auths", {}), f"{source}: auths", remedy=LOG_IN)
    return {
        name: mapping(entry, f"{source}: auths.{name}", remedy=LOG_IN)
        for name, entry in auths.items()
    }


def _own_platform(manifests: list[dict[str, Any]]) -> str:
    """Digest of the manifest for this architecture; the first one if none is marked so."""
    machine = platform.machine()
    wanted = ARCHITECTURES.get(machine, machine)
    for manifest in manifests:
        if manifest.get("platform", {}).get("architecture") == wanted:
            return str(manifest["digest"])
    return str(manifests[0]["digest"])


def _host(url: str) -> str:
    return url.split("/")[2] if url.startswith("https://") else url


def _reason(error: Exception) -> str:
    """The innermost reason: the outer ones repeat the address."""
    text = str(getattr(error.args[0], "reason", error) if error.args else error)
    text = text.rsplit("object at", 1)[-1].split(": ", 1)[-1] if "object at" in text else text
    return text[:LONGEST_REASON] or type(error).__name__
