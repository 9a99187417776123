"""Finds out what a cloud permits its user, without doing it.

A probe is a request that cannot succeed: something is missing in it, or does not exist. How the
service refuses it shows whether its policy would have permitted the request.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kuryr_runbook.clients import exchanges
from kuryr_runbook.clients.answers import MALFORMED, SEE_WHAT_ANSWERS, parsing
from kuryr_runbook.clients.openstack.api import OpenStackReader
from kuryr_runbook.clients.openstack.client import OpenStackClient
from kuryr_runbook.clients.openstack.identity import IdentityClient
from kuryr_runbook.clients.openstack.reading import CloudReader
from kuryr_runbook.clients.openstack.session import (
    NAMES,
    OpenStackSession,
    error_text,
    part_of_body,
)
from kuryr_runbook.clients.patience import Notify
from kuryr_runbook.model.errors import AccessError, ApplyError, UnreachableError

PATIENCE_SECONDS = 30.0
"""How long a busy service is tried: a person waits for the probe's result, and can repeat it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who we are to the cloud."""

    user: str
    project: str
    project_id: str
    roles: tuple[str, ...]
    """The roles in that project, including implied ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """How a service refused a request that cannot succeed."""

    status: int
    type: str
    """Neutron's name of the error; empty if the service gives none."""
    said: str


class CloudProber(OpenStackReader, Protocol):
    """Reads a cloud, and finds out what it would permit. Nothing in it changes."""

    def login(self) -> Login:
        """Log in to Keystone."""

    def knows_access_rules(self) -> bool:
        """Whether Keystone knows access rules of application credentials."""

    def endpoint(self, service: str) -> str:
        """Endpoint of `network` or `load_balancer`: from clouds.yaml, else from the catalogue."""

    def octavia_versions(self) -> Sequence[str]:
        """Ids of the versions of Octavia's API, such as v2.27."""

    def quotas(self, service: str, project_id: str) -> Mapping[str, Any]:
        """A project's quotas by resource, as the service returns them."""

    def providers(self) -> Sequence[str]:
        """Names of the providers that Octavia offers."""

    def refuse_port(self, network_id: str, body: Mapping[str, Any]) -> Refusal:
        """How Neutron refuses a port in that network and in a subnet that does not exist."""

    def refuse_load_balancer(self, project_id: str) -> Refusal:
        """How Octavia refuses a load balancer without an address."""


class AskingCloud(OpenStackClient):
    """A connection that can also find out what Neutron would refuse."""

    def refuse_port(self, network_id: str, body: Mapping[str, Any]) -> Refusal:
        """How Neutron refuses a port in that network and in a subnet that does not exist."""
        return refuse_port(self.session, network_id, body)


class ProbingCloud(CloudReader):
    """Reads and probes a cloud, changes nothing, and gives up soon if a service does not answer."""

    def __init__(
        self, cloud: str, clouds_yaml: Path | None = None, notify: Notify = lambda line: None
    ) -> None:
        """Sends nothing yet. Raises UsageError if there is no such entry or file."""
        super().__init__(
            OpenStackSession(cloud, clouds_yaml, notify, exchanges.PROBE, PATIENCE_SECONDS)
        )

    def refuse_port(self, network_id: str, body: Mapping[str, Any]) -> Refusal:
        """How Neutron refuses a port in that network and in a subnet that does not exist."""
        return refuse_port(self.session, network_id, body)

    def login(self) -> Login:
        """Log in to Keystone."""
        access = self.session.access()
        with parsing("Keystone: the token"):
            return Login(
                user=str(access.username),
                project=str(access.project_name),
                project_id=str(access.project_id),
                roles=tuple(sorted(access.role_names)),
            )

    def knows_access_rules(self) -> bool:
        """Whether Keystone knows access rules of application credentials."""
        return IdentityClient(self.session).access_rules() is not None

    def endpoint(self, service: str) -> str:
        """Endpoint of `network` or `load_balancer`: from clouds.yaml, else from the catalogue.

        Raises AccessError if there is none; it names the services in the catalogue.
        """
        kind = service.replace("_", "-")
        given = self.session.region.get_endpoint(kind)
        if given:
            return str(given)
        region, interface = (
            self.session.region.get_region_name(kind),
            self.session.region.get_interface(kind),
        )
        with parsing("Keystone: the catalogue"):
            catalogue = self.session.access().service_catalog
            found = catalogue.get_endpoints_data(
                service_type=kind, region_name=region, interface=interface
            )
            urls = [str(endpoint.url) for endpoints in found.values() for endpoint in endpoints]
            known = sorted({str(item["type"]) for item in catalogue.catalog})
        if urls:
            return urls[0]
        raise AccessError(
            f"the catalogue has no {interface} endpoint of type {kind} ({NAMES[service]}) in "
            f"region {region or '(any)'}; its types: {', '.join(known) or 'none'}",
            remedy=f"check region_name in clouds.yaml; Kuryr cannot work without {NAMES[service]}",
        )

    def octavia_versions(self) -> Sequence[str]:
        """Ids of the versions of Octavia's API, such as v2.27, from its root.

        The root requires no role, so it answers even if the policy refuses everything else.
        """
        root = self.endpoint("load_balancer").rstrip("/").removesuffix("/v2.0").removesuffix("/v2")

        def send() -> Any:
            return self.session.connection.session.get(f"{root}/", raise_exc=False)

        try:
            answer = _answer(self.session, "load_balancer", f"GET {root}/", send)
        except ApplyError as error:
            raise UnreachableError(error.message, remedy=SEE_WHAT_ANSWERS) from error
        try:
            versions = answer.json()["versions"]
            return [str(version["id"]) for version in versions]
        except MALFORMED as error:
            raise UnreachableError(
                f"Octavia answers {answer.status_code} at {root}/ instead of its versions",
                remedy=SEE_WHAT_ANSWERS,
            ) from error

    def providers(self) -> Sequence[str]:
        """Names of the providers that Octavia offers."""
        answer = self.session.request("GET", "load_balancer", "/lbaas/providers")
        providers = part_of_body("Octavia: GET /lbaas/providers", answer, "providers", list)
        return [str(provider.get("name")) for provider in providers]

    def refuse_load_balancer(self, project_id: str) -> Refusal:
        """How Octavia refuses a load balancer without an address.

        It cannot create anything: there is no load balancer without a VIP. Octavia checks its
        policy (403) before the VIP (400). Read in `controllers/load_balancer.py`, and seen with
        Octavia 18.
        """
        body = {"loadbalancer": {"project_id": project_id}}
        return _refused(self.session, "load_balancer", "/lbaas/loadbalancers", body)


def refuse_port(session: OpenStackSession, network_id: str, body: Mapping[str, Any]) -> Refusal:
    """How Neutron refuses a port in that network and in a subnet that does not exist.

    It cannot create anything, since the subnet's id was generated a moment ago. Neutron checks a
    request in this order: the values by themselves (400: more address pairs than it allows), the
    network (404), the quota (409), the policy (403), and last, in the transaction that would create
    the port and is rolled back, the subnet (404, type SubnetNotFound). So that type means
    "permitted". Read in Neutron's pecan hooks and `ipam_backend_mixin.py`, seen with Neutron 28.
    """
    fixed_ips = [{"subnet_id": str(uuid.uuid4())}]
    port = {"network_id": network_id, "fixed_ips": fixed_ips, **body}
    return _refused(session, "network", "/ports", {"port": port})


def _refused(
    session: OpenStackSession, service: str, path: str, json: Mapping[str, Any]
) -> Refusal:
    def send() -> Any:
        proxy = getattr(session.connection, service)
        return proxy.request(path, "POST", raise_exc=False, json=json)

    answer = _answer(session, service, f"POST {path}", send)
    if answer.status_code < 300:
        raise ApplyError(
            f"{NAMES[service]} accepted an impossible request, POST {path}, and "
            f"answered {error_text(answer)}",
            remedy="delete what it created, if anything, and report this",
        )
    return Refusal(status=answer.status_code, type=_error_type(answer), said=error_text(answer))


def _answer(session: OpenStackSession, service: str, request: str, send: Callable[[], Any]) -> Any:
    """The response, whatever it is; the request is repeated where that may help."""
    return session.patiently(service, lambda: session.answer(service, request, send))


def _error_type(answer: Any) -> str:
    try:
        error = answer.json().get("NeutronError", {})
    except MALFORMED:
        return ""
    return str(error.get("type", "")) if isinstance(error, dict) else ""
