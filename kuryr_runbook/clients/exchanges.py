"""Every exchange with the outside has an end, and shows what it waits for: one home for both.

An exchange is all that one question takes: looking a name up, connecting, TLS, sending, waiting,
reading, and what an SDK asks on the way, such as a redirect or a token. Its sockets are made by
`clients.transport`, which refuses to make one for no exchange, and asks here before each wait.
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
"""Seconds without an end after which an exchange is shown."""
SHOWN_AGAIN = 15.0
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How long an exchange may take, in seconds, and how much may come."""

    connect: float = 10.0
    """For the name, TCP and TLS together."""
    silence: float = 40.0
    """Between two pieces of an answer."""
    whole: float = 60.0
    size: int = 64 * MEBIBYTE
    """Bytes that may come in all."""


API = Bounds()
"""One question to OpenStack, Kubernetes or a registry; a load balancer's creation waits for Neutron
inside Octavia."""
PROBE = Bounds(silence=20.0, whole=30.0)
"""Somebody waits for what probes say, and can look anew."""
LEASE = Bounds(connect=2.0, silence=5.0, whole=7.0)
"""A renewal that hangs is of no use."""
WORDS = Bounds(silence=10.0, whole=10.0, size=MEBIBYTE)
"""A few words from a program in a pod."""
FILE = Bounds(whole=600.0, size=1024 * MEBIBYTE)
"""A file of some size to or from a store."""
ARCHIVE = Bounds(whole=120.0)
"""A file of a run, to or from an archive."""
LOGIN = Bounds(silence=120.0, whole=120.0, size=MEBIBYTE)
"""A program or a provider that a kubeconfig names for its login."""

_current: ContextVar[Exchange | None] = ContextVar("exchange", default=None)
_command_ends: list[float] = []
"""When all has to be over, whatever thread it runs in; by the monotonic clock."""


class Exchange:
    """One exchange under way: its time, what it asks, what has come of it."""

    def __init__(self, peer: str, bounds: Bounds, remedy: str) -> None:
        """`peer` in words, such as Neutron; `remedy` is the way out when it does not answer."""
        self.peer = peer
        self.bounds = bounds
        self.remedy = remedy
        self.asked = ""
        """Where and what: the request, once there is one."""
        self.bytes = 0
        self.connected = False
        self._began = time.monotonic()
        self._ends = min([self._began + bounds.whole, *_command_ends])

    def asks(self, asked: str) -> None:
        """Say what is asked from now on, and where."""
        self.asked = asked[:LONGEST_NAME]

    def left(self, seconds: float) -> float:
        """How long the next wait may take, that many seconds at most.

        Raises UnreachableError when the exchange's time is over.
        """
        left = self._ends - time.monotonic()
        if left <= 0:
            raise self.failed(f"no whole answer in {self.spent:.0f} s")
        return min(seconds, left)

    def came(self, size: int) -> None:
        """So many bytes came. Raises UnreachableError when that is more than may come."""
        self.bytes += size
        if self.bytes > self.bounds.size:
            limit = self.bounds.size / MEBIBYTE
            raise self.failed(f"its answer is larger than the {limit:.0f} MiB that one may have")

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
        """What has come of it so far."""
        if self.bytes:
            return f"{self.bytes} bytes of an answer"
        return "the connection, and not a byte of an answer" if self.connected else "no connection"

    def silent(self) -> UnreachableError:
        """The error for a wait that took as long as it may."""
        return self.failed(f"it does not answer: silence, after {self.spent:.0f} s in all")

    def failed(self, why: str) -> UnreachableError:
        """The error that names who was asked what, why nothing came of it, and what was seen."""
        return UnreachableError(
            f"{self.peer}: {self.asked or 'the login'}: {why}; seen last: {self.seen}",
            remedy=self.remedy,
        )

    def __str__(self) -> str:
        return f"{self.peer}: {self.asked or 'the login'}"


def _unheard(line: str) -> None:
    """Nobody is told."""


@contextmanager
def exchange(
    peer: str, *, bounds: Bounds, remedy: str, notify: Notify = _unheard
) -> Iterator[Exchange]:
    """What this thread asks of the outside within is one exchange.

    `notify` gets a line when it takes long. Within another one, it ends with that at the latest.
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
    """The exchange that this thread is in. A defect where there is none: it would have no end."""
    found = _current.get()
    if found is None:
        raise RuntimeError("a connection outside of any exchange, which would have no deadline")
    return found


@contextmanager
def all_within(seconds: float) -> Iterator[None]:
    """Every exchange of this process, in whatever thread, is over after that many seconds."""
    _command_ends.append(time.monotonic() + seconds)
    try:
        yield
    finally:
        _command_ends.pop()


def left_of_all(seconds: float) -> float:
    """That many seconds, or what `all_within` leaves of them."""
    return max(min([seconds, *(end - time.monotonic() for end in _command_ends)]), 0.0)


def left_behind(work: Callable[[], T], seconds: float) -> T:
    """What `work` returns, in a thread that is left behind when it takes longer.

    For calls that cannot be told a deadline, such as the system's name lookup. Raises TimeoutError.
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
