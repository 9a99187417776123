"""What pods, and the machine that runs the notebook, can reach over the network."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from kuryr_runbook.clients.kubernetes.exec import Executed
from kuryr_runbook.clients.transport import get_text
from kuryr_runbook.model.documents import parse_json
from kuryr_runbook.model.errors import FileError, UnreachableError
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.reading import Unreadable, attempted
from kuryr_runbook.specs.workload import SERVICE_PORT, Targets, probe_command

PROBE_SECONDS = 60.0
AT_ONCE = 16
"""Pods that probe at the same time, and requests to the floating IP."""


class Executor(Protocol):
    """Runs commands in pods."""

    def execute(
        self, namespace: str, pod: str, command: list[str], *, seconds: float = 60.0
    ) -> Executed:
        """Run a command in the pod's first container."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The result of one request."""

    ok: bool | None
    """None: it could not be sent at all."""
    said: str
    seen: str = ""
    """The client's address, as the server saw it; empty if it does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodProbe:
    """What one pod can reach."""

    pings: Mapping[str, Answer]
    """By address: every other pod, and the external address."""
    large: Mapping[str, Answer]
    """By address: pings with the largest packet, of the pods that answered small ones; empty if
    that size is not known."""
    tcp: Mapping[str, Answer]
    """By address: HTTP to every other pod directly; `said` is which pod answered."""
    vip: tuple[Answer, ...]
    """HTTP to the service's address; `said` is which pod answered."""
    api: Answer
    """The API server through its service address; `said` are the names of the listed services."""
    dns: Answer | None
    """The cluster's DNS; None: it was not tried."""


def read_probes(
    site: Site, executor: Executor, targets: Targets
) -> dict[str, PodProbe | Unreadable]:
    """Let every pod send all of its requests, several pods at once, with one command in each."""

    def probe(pod: str) -> PodProbe | Unreadable:
        command = probe_command(site, pod, targets)
        executed = attempted(
            lambda: executor.execute(
                site.verification.namespace, pod, command, seconds=PROBE_SECONDS
            )
        )
        return executed if isinstance(executed, Unreadable) else parse_probe(executed)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(targets.pods, pool.map(probe, targets.pods), strict=True))


def parse_probe(executed: Executed) -> PodProbe | Unreadable:
    """The answers in a pod's output; never raises."""
    lines = executed.output.strip().splitlines() or [""]
    if executed.status != 0:
        return Unreadable(f"the probe ended with status {executed.status}: {lines[-1][:300]}")
    try:
        found = parse_json(lines[-1], "it")
        return PodProbe(
            pings=_by_address(found["ping"]),
            large=_by_address(found["large"]),
            tcp=_by_address(found["tcp"]),
            vip=tuple(_answer(item) for item in found["vip"]),
            api=_answer(found["api"]),
            dns=None if found["dns"] is None else _answer(found["dns"]),
        )
    except (FileError, ValueError, KeyError, TypeError, AttributeError) as error:
        return Unreadable(f"the probe's output cannot be read ({error}): {lines[-1][:100]}")


def _by_address(items: Mapping[str, Any]) -> dict[str, Answer]:
    return {address: _answer(item) for address, item in items.items()}


def _answer(item: Any) -> Answer:
    ok = item["ok"]
    if ok is not None and not isinstance(ok, bool):
        raise ValueError(f"{ok!r} is not an answer")
    return Answer(ok=ok, said=str(item["said"]), seen=str(item.get("seen", "")))


def read_outside(address: str, tries: int) -> tuple[Answer, ...]:
    """Send that many requests to the floating IP from here, several at once."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return tuple(pool.map(_asked, [address] * tries))


def _asked(address: str) -> Answer:
    try:
        return Answer(ok=True, said=get_text(address, SERVICE_PORT))
    except UnreachableError as error:
        return Answer(ok=False, said=error.message)
