"""The sockets of all clients: a wait on one ends with its exchange at the latest.

requests (and keystoneauth on top of it), the Kubernetes client and its WebSockets are all urllib3
underneath, so its connections are replaced by ours. Their own timeouts end a silence, but neither a
response that trickles nor a name lookup, and they do not limit a response's size.
"""

from __future__ import annotations

import io
import logging
import socket
import time
from collections.abc import Mapping
from typing import Any, ClassVar

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NameResolutionError, NewConnectionError

from kuryr_runbook.clients import exchanges
from kuryr_runbook.clients.answers import LONGEST_REASON, MALFORMED
from kuryr_runbook.clients.exchanges import Exchange, call_with_timeout, current, exchange
from kuryr_runbook.model.errors import UnreachableError

LOG = logging.getLogger(__name__)
"""A line for each request, of which nothing is logged but method, address, status and time."""
PREVIEW = "dryRun=All"
"""In the URL of a request that asks Kubernetes what it would do, and changes nothing."""
REDIRECTS = 5
IDENTITY = "identity"


class _Socket:
    """A socket, plain or TLS, that consults its exchange before each wait."""

    def __init__(self, inner: Any, exchange: Exchange) -> None:
        self._inner = inner
        self.exchange = exchange

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __del__(self) -> None:
        # A connection that the pool kept and `open_socket` connects again drops its first socket.
        self._inner.close()

    def wait(self, seconds: float) -> None:
        """The next wait takes at most that long."""
        self._inner.settimeout(self.exchange.left(seconds))

    def settimeout(self, seconds: float | None) -> None:
        """Ignored: the exchange decides."""

    def recv(self, size: int) -> bytes:
        """Some bytes; empty at the end."""
        self.wait(self.exchange.bounds.silence)
        try:
            came: bytes = self._inner.recv(size)
        except TimeoutError as error:
            raise self.exchange.silent() from error
        self.exchange.received(len(came))
        return came

    def send(self, data: bytes) -> int:
        """Sends all of it: a caller would send the rest with a new timeout."""
        self.sendall(data)
        return len(data)

    def sendall(self, data: bytes) -> None:
        """All of it."""
        self.wait(self.exchange.bounds.whole)
        try:
            self._inner.sendall(data)
        except TimeoutError as error:
            raise self.exchange.failed("it does not take what is sent") from error

    def makefile(self, mode: str, buffering: int | None = None, **_: Any) -> io.BufferedReader:
        """The file from which http.client reads a response."""
        raw = self._inner.makefile(mode, buffering=0)
        return io.BufferedReader(_Raw(raw, self, self.exchange))


class _Raw(io.RawIOBase):
    """Reads from a socket, within the exchange that made the request, whichever comes next."""

    def __init__(self, raw: Any, sock: _Socket, exchange: Exchange) -> None:
        self._raw = raw
        self._sock = sock
        self._exchange = exchange

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock._inner.settimeout(self._exchange.left(self._exchange.bounds.silence))
        try:
            size: int = self._raw.readinto(buffer)
        except TimeoutError as error:
            raise self._exchange.silent() from error
        self._exchange.received(size)
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Ending:
    """Our part of one of urllib3's connections."""

    sock: Any
    _dns_host: str
    host: str
    port: int
    scheme: ClassVar[str]
    socket_options: Any
    _asked_at: float
    _is_preview: bool

    def _new_conn(self) -> Any:
        """A connection to the first of the host's addresses that accepts one."""
        exchange = current()
        exchange.connected = False
        place = f"{self.scheme}://{self.host}:{self.port}"
        # With TLS it is connected before the request is known.
        exchange.asks(exchange.asked if place in exchange.asked else place)
        until = exchange.spent + exchange.bounds.connect
        try:
            found = _addresses(self._dns_host, self.port, exchange)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error  # type: ignore[arg-type]
        failure: OSError | None = None
        for number, entry in enumerate(found):
            # One address that does not answer leaves time for those after it.
            share = max(until - exchange.spent, 0.01) / (len(found) - number)
            try:
                sock = _connected(entry, exchange.left(share), self.socket_options or ())
            except OSError as error:
                failure = error
                continue
            exchange.connected = True
            # For a proxy's response and TLS; urllib3 does not set it.
            sock.settimeout(max(until - exchange.spent, 0.01))
            return _Socket(sock, exchange)
        if isinstance(failure, TimeoutError):
            raise exchange.failed(f"no connection in {exchange.spent:.0f} s") from failure
        raise NewConnectionError(self, f"{failure}")  # type: ignore[arg-type]

    def connect(self) -> None:
        """Connect, with TLS if required."""
        exchange = current()
        try:
            super().connect()  # type: ignore[misc]
        except TimeoutError as error:
            raise exchange.failed(f"no TLS in {exchange.spent:.0f} s") from error
        if not isinstance(self.sock, _Socket):
            self.sock = _Socket(self.sock, exchange)

    def request(
        self, method: str, url: str, body: Any = None, headers: Any = None, **more: Any
    ) -> None:
        """Send a request. It does not accept compression: the uncompressed size has no limit."""
        exchange = current()
        path = url.partition("?")[0]
        exchange.asks(f"{method} {self.scheme}://{self.host}:{self.port}{path}")
        self._is_preview = PREVIEW in url
        self._asked_at = time.monotonic()
        if self.sock is not None:
            self.sock.exchange, exchange.connected = exchange, True
        kept = _without_encoding(headers or {})
        super().request(  # type: ignore[misc]
            method, url, body=body, headers=kept, **{**more, "decode_content": False}
        )

    def getresponse(self) -> Any:
        """The start of the response."""
        exchange = self.sock.exchange
        answer = super().getresponse()  # type: ignore[misc]
        preview = " (changes nothing)" if self._is_preview else ""
        took = time.monotonic() - self._asked_at
        LOG.info("%s%s: %d, %.2f s", exchange.asked, preview, answer.status, took)
        encoding = answer.headers.get("Content-Encoding", IDENTITY)
        if encoding.lower() != IDENTITY:
            answer.close()
            raise exchange.failed("its answer is compressed, although the request forbids it")
        return answer


def _connected(entry: Any, seconds: float, options: Any) -> socket.socket:
    """A socket connected to an address from getaddrinfo. Raises OSError."""
    family, kind, protocol, _, address = entry
    sock = socket.socket(family, kind, protocol)
    try:
        for option in options:
            sock.setsockopt(*option)
        sock.settimeout(seconds)
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


def _addresses(host: str, port: int, exchange: Exchange) -> list[Any]:
    """The host's addresses. Raises gaierror, or UnreachableError if the lookup takes too long."""
    host = host.strip("[]")
    try:
        return socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (socket.gaierror, UnicodeError):
        pass  # It is a name.

    def ask() -> list[Any]:
        try:
            return socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
        except UnicodeError as error:
            raise socket.gaierror(socket.EAI_NONAME, "the name is invalid") from error

    try:
        return call_with_timeout(ask, exchange.left(exchange.bounds.connect))
    except TimeoutError as error:
        raise exchange.failed(f"the lookup of {host[:253]} gets no answer") from error


def _without_encoding(headers: Mapping[str, Any]) -> Mapping[str, Any]:
    if not any(name.lower() == "accept-encoding" for name in headers):
        return headers
    return {name: value for name, value in headers.items() if name.lower() != "accept-encoding"}


class _Http(_Ending, HTTPConnection):
    """Plain."""

    scheme = "http"


class _Https(_Ending, HTTPSConnection):
    """With TLS."""

    scheme = "https"


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


POOLS = {"http": _HttpPool, "https": _HttpsPool}


def bind(manager: PoolManager) -> PoolManager:
    """Make a urllib3 pool use our connections from now on."""
    manager.pool_classes_by_scheme = POOLS
    return manager


def bound_s3(client: Any) -> Any:
    """Make a boto3 client use our connections from now on."""
    session = client._endpoint.http_session
    session._pool_classes_by_scheme = POOLS  # For the managers that it makes for proxies.
    bind(session._manager)
    return client


class _Adapter(HTTPAdapter):
    """requests' adapter for urllib3."""

    def init_poolmanager(self, *arguments: Any, **settings: Any) -> None:
        super().init_poolmanager(*arguments, **settings)
        bind(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **settings: Any) -> Any:
        return bind(super().proxy_manager_for(proxy, **settings))


def web_session() -> requests.Session:
    """A requests session, for use within exchanges only."""
    session = requests.Session()
    session.max_redirects = REDIRECTS
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter())
    return session


def open_socket(manager: PoolManager, url: str) -> Any:
    """A socket connected to a URL's host, with the pool's trust, login and proxy."""
    pool: Any = manager.connection_from_url(url)
    connection = pool._get_conn()
    if pool.proxy is not None and pool.scheme == "https":
        pool._prepare_proxy(connection)
    else:
        connection.connect()
    return connection.sock


MOST_CHARACTERS = 300


def get_text(address: str, port: int) -> str:
    """The text at `/`, at most 300 characters. Raises UnreachableError unless the status is 200."""
    url = f"http://{address}:{port}/"
    with web_session() as web:
        web.trust_env = False
        try:
            with exchange(url, bounds=exchanges.WORDS, remedy=f"check what answers at {url}"):
                answer = web.get(url, allow_redirects=False)
        except (requests.exceptions.RequestException, *MALFORMED) as error:
            reason = f"{type(error).__name__}: {error}"[:LONGEST_REASON]
            raise UnreachableError(f"{url} does not answer: {reason}") from error
    if answer.status_code != requests.codes.ok:
        raise UnreachableError(f"{url} answers {answer.status_code}, not 200")
    return answer.text[:MOST_CHARACTERS]
