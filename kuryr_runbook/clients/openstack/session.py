"""Requests to OpenStack's services, with errors as ours, repeated where that may help."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

from kuryr_runbook.clients import exchanges
from kuryr_runbook.clients.answers import (
    LONGEST_REASON,
    MALFORMED,
    SEE_WHAT_ANSWERS,
    mapping_of,
    parsing,
    part_of,
)
from kuryr_runbook.clients.exchanges import Bounds, exchange
from kuryr_runbook.clients.openstack.cloud_config import cloud_region
from kuryr_runbook.clients.patience import (
    TRANSIENT,
    Notify,
    TransientError,
    patiently,
    retry_after,
)
from kuryr_runbook.clients.secrets import learn, refuse_unsendable
from kuryr_runbook.clients.transport import web_session
from kuryr_runbook.model.errors import (
    AccessError,
    ApplyError,
    RunbookError,
    UnreachableError,
)
from kuryr_runbook.model.secrets import SECRET_NAME

T = TypeVar("T")

PATIENCE_SECONDS = {"network": 120.0, "load_balancer": 600.0, "identity": 120.0}
"""How long a request is repeated while its failure may pass: a load balancer is immutable while its
amphora boots, a minute or more."""
NAMES = {"network": "Neutron", "load_balancer": "Octavia", "identity": "Keystone"}
CHANGED_MEANWHILE = HTTPStatus.PRECONDITION_FAILED
"""Neutron's answer to If-Match if the resource has another revision by now."""
_LACKS_ROLE = (
    "the user needs another role: load-balancer_member (or admin) in addition to member for load "
    "balancers; admin for ports with binding:host_id, as nested-macvlan creates them"
)
FORBIDDEN = {
    "Neutron": _LACKS_ROLE,
    "Octavia": _LACKS_ROLE,
    "Keystone": "application credentials can only be managed by their own user, logged in with a "
    "password",
}
"""What to do about a 403, by service."""
UNREACHABLE = (
    "check auth_url and the network (VPN, proxy, firewall); the lab: `kuryr-runbook lab status`"
)


class OpenStackSession:
    """A login to a cloud. Safe for use by several threads."""

    def __init__(
        self,
        cloud: str,
        clouds_yaml: Path | None,
        notify: Notify,
        bounds: Bounds | None = None,
        patience: float = math.inf,
    ) -> None:
        """Sends nothing yet. Raises UsageError if there is no such entry or file.

        `bounds`: of one exchange; `patience`: how long a request is repeated at most, in seconds,
        if that is less than the service's own time.
        """
        self.region, self.connection = cloud_region(cloud, clouds_yaml, _keystone_session)
        for name, value in self.region.auth.items():
            if SECRET_NAME.search(name):
                learn(value, f"{name} of the cloud {cloud}")
                if "token" in name:
                    refuse_unsendable(value, f"{name} of the cloud {cloud}")
        self._notify = notify
        self._bounds = bounds or exchanges.API
        self._patience = patience
        self._answered: set[str] = set()

    @cached_property
    def project_id(self) -> str:
        """Id of the credentials' project."""
        ask = self.connection.session.get_project_id
        return self.patiently("identity", lambda: str(self._logged_in("identity", ask)))

    def access(self) -> Any:
        """keystoneauth's AccessInfo, from the login."""
        session: Any = self.connection.session

        def ask() -> Any:
            return session.auth.get_access(session)

        return self.patiently("identity", lambda: self._logged_in("identity", ask))

    def request(
        self, method: str, service: str, path: str, *, missing_ok: bool = False, **kwargs: Any
    ) -> Any:
        """A request that can safely be repeated.

        Raises our errors for every status except 2xx (and 404 if that is fine).
        """
        return self.patiently(
            service, lambda: self.once(method, service, path, missing_ok=missing_ok, **kwargs)
        )

    def patiently(self, service: str, attempt: Callable[[], T]) -> T:
        """What `attempt` returns, repeated while it raises TransientError."""
        seconds = min(PATIENCE_SECONDS[service], self._patience)
        return patiently(attempt, seconds=seconds, notify=self._notify)

    def once(
        self, method: str, service: str, path: str, *, missing_ok: bool = False, **kwargs: Any
    ) -> Any:
        """One request, not repeated; TransientError means that it may be."""

        def send() -> Any:
            proxy = getattr(self.connection, service)
            return proxy.request(path, method, raise_exc=False, **kwargs)

        request = f"{method} {path}"
        answer = self.answer(service, request, send)
        if answer.status_code < 300 and answer.content:
            mapping_of(
                f"{NAMES[service]} answers {answer.status_code} to {request}", answer.content
            )
        if answer.status_code < 300 or (missing_ok and answer.status_code == 404):
            return answer
        raise _refusal(NAMES[service], request, answer)

    def status(self, service: str, path: str, token: str) -> int:
        """The status of the response to a GET request with another login's token."""

        def send() -> Any:
            proxy = getattr(self.connection, service)
            headers = {"X-Auth-Token": token}
            return proxy.request(
                path, "GET", raise_exc=False, authenticated=False, headers=headers, log=False
            )

        def attempt() -> int:
            return int(self.answer(service, f"GET {path}", send).status_code)

        return self.patiently(service, attempt)

    def answer(self, service: str, request: str, send: Callable[[], Any]) -> Any:
        """The response to a request, whatever it is, unless another attempt may help.

        Then it raises TransientError. The request is sent once, as by `once`.
        """
        answer = self._logged_in(service, send)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            # keystoneauth renews an expired token for one thread, and fails for the others.
            answer = self._logged_in(service, send)
        if answer.status_code in {*TRANSIENT, CHANGED_MEANWHILE} or _is_immutable(answer):
            refusal = _refusal(NAMES[service], request, answer)
            raise TransientError(refusal, retry_after(answer.headers.get("Retry-After")))
        return answer

    def _logged_in(self, service: str, ask: Callable[[], T]) -> T:
        """What `ask` returns. It may have to log in first, and a busy Keystone may be retried."""
        from keystoneauth1 import exceptions as ksa

        with self._translated_errors(service):
            try:
                found = ask()
            except ksa.HttpError as error:
                # Only Keystone's error responses are raised; the services' are returned.
                if error.http_status not in TRANSIENT:
                    raise
                busy = UnreachableError(
                    f"Keystone answered {error.http_status} to the login: {_short(error)}",
                    remedy="check Keystone's log and its database, then run again",
                )
                raise TransientError(busy, retry_after(str(error.retry_after))) from error
        self._answered.add(service)
        return found

    @contextmanager
    def _translated_errors(self, service: str) -> Iterator[None]:
        """Chain keystoneauth's and the SDK's errors into ours; a lost connection is transient."""
        from keystoneauth1 import exceptions as ksa
        from openstack import exceptions as sdk

        name = NAMES[service]
        asked = exchange(name, bounds=self._bounds, remedy=UNREACHABLE, notify=self._notify)
        try:
            with asked:
                yield
        except UnreachableError as error:
            # An address that has never answered is probably wrong, not busy.
            if service in self._answered:
                raise TransientError(error) from error
            raise
        except ksa.Unauthorized as error:
            raise AccessError(
                f"Keystone refused the login: {_short(error)}",
                remedy="check user, password, project and domains in clouds.yaml",
            ) from error
        except ksa.SSLError as error:
            raise AccessError(
                f"{name}'s certificate is not trusted: {_short(error)}",
                remedy="set `cacert` of the entry in clouds.yaml to the cloud's CA",
            ) from error
        except (ksa.ConnectionError, ksa.DiscoveryFailure) as error:
            unreachable = UnreachableError(
                f"{name} does not answer: {_short(error)}", remedy=UNREACHABLE
            )
            if service in self._answered:
                raise TransientError(unreachable) from error
            raise unreachable from error
        except ksa.InvalidResponse as error:
            raise UnreachableError(
                f"{name}: the response is not from its API: {_short(error)}",
                remedy=SEE_WHAT_ANSWERS,
            ) from error
        except (ksa.ClientException, sdk.SDKException) as error:
            raise AccessError(f"{name}: {_short(error)}") from error
        except MALFORMED as error:
            # The SDK parses Keystone's responses and the services' version documents.
            raise UnreachableError(
                f"{name}: the response is not from its API: {_short(error)}",
                remedy=SEE_WHAT_ANSWERS,
            ) from error


def part_of_body(asked: str, answer: Any, name: str, kind: type[T]) -> T:
    """The value under a name in the response's object."""
    with parsing(asked):
        body = answer.json()
    return part_of(asked, body, name, kind)


def _short(error: Exception) -> str:
    """The SDK's message, cut, since it may quote a whole response."""
    return f"{error}"[:LONGEST_REASON] or type(error).__name__


def _keystone_session(**settings: Any) -> Any:
    """keystoneauth's session, over connections with deadlines; its login cannot deadlock."""
    from keystoneauth1.session import Session

    log_in_once(settings["auth"])
    return Session(session=web_session(), **settings)


def _is_immutable(answer: Any) -> bool:
    """Whether Octavia is still changing the load balancer, or Neutron lost a race."""
    return answer.status_code == 409 and "immutable" in error_text(answer)


def _refusal(service: str, request: str, answer: Any) -> RunbookError:
    message = f"{service} answered {answer.status_code} to {request}: {error_text(answer)}"
    if answer.status_code == 401:
        return AccessError(message, remedy="check user, password and project in clouds.yaml")
    if answer.status_code == 403:
        return AccessError(message, remedy=FORBIDDEN[service])
    if 300 <= answer.status_code < 400:
        return UnreachableError(f"{message}; redirected too often", remedy=SEE_WHAT_ANSWERS)
    return ApplyError(message)


def error_text(answer: Any) -> str:
    """A service's error message, at most 300 characters of it."""
    try:
        body = answer.json()
    except (ValueError, RecursionError):
        return str(answer.text)[:300]
    if not isinstance(body, dict):
        return str(body)[:300]
    error = body.get("NeutronError") or body.get("error") or body
    if isinstance(error, dict):
        error = error.get("message") or error.get("faultstring") or error
    return str(error)[:300]


def log_in_once(plugin: Any) -> None:
    """Make a keystoneauth plugin refuse a login that it starts within its own login.

    It holds a lock while it logs in, and requests Keystone's versions meanwhile. If the answer to
    that is 401, it repeats the request with a token, for which it has to log in, so it would wait
    for its own lock (keystoneauth1 5.18, `discover.get_version_data`, `BaseIdentityPlugin`). If the
    second login fails, it takes the version from the end of auth_url, as after any other failure.
    """
    if hasattr(plugin, "get_access"):
        plugin.get_access = _not_within_itself(plugin.get_access)


def _not_within_itself(get_access: Callable[..., Any]) -> Callable[..., Any]:
    from keystoneauth1.exceptions import Unauthorized

    inside = threading.local()

    def guarded(session: Any, **options: Any) -> Any:
        if getattr(inside, "now", False):
            raise Unauthorized("Keystone answers 401 to a request for its versions")
        inside.now = True
        try:
            return get_access(session, **options)
        finally:
            inside.now = False

    return guarded
