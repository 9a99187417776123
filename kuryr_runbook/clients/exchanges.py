"""Every exchange with the outside has a deadline and shows what it is waiting for.

An exchange is everything that one request involves: name lookup, connecting, TLS, sending, waiting,
reading, and an SDK's own requests along the way, such as a redirect or a token. Its sockets are
made by `clients.transport`, which refuses to make one outside of an exchange, and consults it
before each wait.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

from kuryr_runbook.model.errors import UnreachableError

T = TypeVar("T")
Notify = Callable[[str], None]

MEBIBYTE = 1 << 20
SHOWN_AFTER = 5.0
"""Seconds after which an unfinished exchange is shown."""
SHOWN_AGAIN = 15.0
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How long an exchange may take, in seconds, and how large its response may be."""

    connect: float = 10.0
    """For name lookup, TCP and TLS together."""
    silence: float = 40.0
    """Between two pieces of a response."""
    whole: float = 60.0
    size: int = 64 * MEBIBYTE
    """Bytes of the response, in total."""


API = Bounds()
"""One request to OpenStack, Kubernetes or a registry; to create a load balancer, Octavia waits for
Neutron."""
PROBE = Bounds(silence=20.0, whole=30.0)
"""A person waits for the result of a probe, and can repeat it."""
LEASE = Bounds(connect=2.0, silence=5.0, whole=7.0)
"""A renewal that hangs is useless."""
WORDS = Bounds(silence=10.0, whole=10.0, size=MEBIBYTE)
"""A short text from a program in a pod."""
FILE = Bounds(whole=600.0, size=1024 * MEBIBYTE)
"""A file of some size to or from a store."""
ARCHIVE = Bounds(whole=120.0)
"""A file of a run, to or from an archive."""
LOGIN = Bounds(silence=120.0, whole=120.0, size=MEBIBYTE)
"""A program or provider that a kubeconfig uses to log in."""

_current: ContextVar[Exchange | None] = ContextVar("exchange", default=None)
_command_ends: list[float] = []
"""When all exchanges have to be over, in any thread; by the monotonic clock."""


class Exchange:
    """An exchange in progress: its time, its request, what has arrived."""

    def __init__(self, peer: str, bounds: Bounds, remedy: str) -> None:
        """`peer` in words, such as Neutron; `remedy` is what to do if it does not answer."""
        self.peer = peer
        self.bounds = bounds
        self.remedy = remedy
        self.asked = ""
        """Method and URL of the request, once there is one."""
        self.bytes = 0
        self.connected = False
        self._began = time.monotonic()
        self._ends = min([self._began + bounds.whole, *_command_ends])

    def asks(self, asked: str) -> None:
        """Note the request that is being made."""
        self.asked = asked[:LONGEST_NAME]

    def left(self, seconds: float) -> float:
        """How long the next wait may take, at most that many seconds.

        Raises UnreachableError if the exchange's time is over.
        """
        left = self._ends - time.monotonic()
        if left <= 0:
            raise self.failed(f"no complete answer in {self.spent:.0f} s")
        return min(seconds, left)

    def received(self, size: int) -> None:
        """Count bytes that arrived. Raises UnreachableError if they are too many."""
        self.bytes += size
        if self.bytes > self.bounds.size:
            limit = self.bounds.size / MEBIBYTE
            raise self.failed(f"its answer is larger than the limit of {limit:.0f} MiB")

    @property
    def is_over(self) -> bool:
        """Whether its time is over."""
        return time.monotonic() >= self._ends

    @property
    def spent(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began

    @property
    def seen(self) -> str:
        """How far it has got."""
        if self.bytes:
            return f"{self.bytes} bytes of an answer"
        return "a connection, but no byte of an answer" if self.connected else "no connection"

    def silent(self) -> UnreachableError:
        """The error for a wait that took too long."""
        return self.failed(f"it does not answer: silence, after {self.spent:.0f} s in total")

    def failed(self, why: str) -> UnreachableError:
        """The error that names the peer, the request, the reason and how far it got."""
        return UnreachableError(
            f"{self.peer}: {self.asked or 'the login'}: {why}; seen last: {self.seen}",
            remedy=self.remedy,
        )

    def __str__(self) -> str:
        return f"{self.peer}: {self.asked or 'the login'}"


def _ignore(line: str) -> None:
    """Show nothing."""


@contextmanager
def exchange(
    peer: str, *, bounds: Bounds, remedy: str, notify: Notify = _ignore
) -> Iterator[Exchange]:
    """All requests that this thread makes within the block are one exchange.

    `notify` gets a line if it takes long. An exchange within another one ends with that at the
    latest.
    """
    opened = Exchange(peer, bounds, remedy)
    around = _current.get()
    if around is not None:
        opened._ends = min(opened._ends, around._ends)
    token = _current.set(opened)
    ended = threading.Event()
    threading.Thread(target=_show, args=(opened, ended, notify), daemon=True).start()
    try:
        yield opened
    finally:
        ended.set()
        _current.reset(token)


def _show(opened: Exchange, ended: threading.Event, notify: Notify) -> None:
    pause = SHOWN_AFTER
    while not ended.wait(pause):
        whole = opened.bounds.whole
        notify(f"waiting for {opened}: {opened.spent:.0f} s of at most {whole:.0f} s")
        pause = SHOWN_AGAIN


def current() -> Exchange:
    """The exchange that this thread is in. Being in none is a bug: there would be no deadline."""
    found = _current.get()
    if found is None:
        raise RuntimeError("a connection outside of any exchange, which would have no deadline")
    return found


@contextmanager
def all_within(seconds: float) -> Iterator[None]:
    """All exchanges of this process, in any thread, are over after that many seconds."""
    _command_ends.append(time.monotonic() + seconds)
    try:
        yield
    finally:
        _command_ends.pop()


def left_of_all(seconds: float) -> float:
    """That many seconds, or fewer if `all_within` ends earlier."""
    return max(min([seconds, *(end - time.monotonic() for end in _command_ends)]), 0.0)


def call_with_timeout(work: Callable[[], T], seconds: float) -> T:
    """What `work` returns, run in a thread that is abandoned if it takes longer.

    For calls that accept no deadline, such as the system's name lookup. Raises TimeoutError.
    """
    ended: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(1)

    def run() -> None:
        try:
            ended.put((work(), None))
        except BaseException as error:
            ended.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        result, error = ended.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"not done in {seconds:.0f} s") from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]
