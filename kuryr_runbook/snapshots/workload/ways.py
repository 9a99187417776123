"""Who gets through to whom, while network policies are tried."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from kuryr_runbook.clients.kubernetes.exec import Executed
from kuryr_runbook.model.documents import parse_json
from kuryr_runbook.model.errors import FileError
from kuryr_runbook.model.site import Site
from kuryr_runbook.snapshots.reading import Unreadable, attempted
from kuryr_runbook.snapshots.workload.probes import Executor
from kuryr_runbook.specs.policy_trials import PODS, Way, place_of, reach_command

REACH_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WaysSeen:
    """What was tried at one time."""

    open: frozenset[Way]
    """The ways that had an answer."""
    untried: Mapping[str, str]
    """Pods that could not ask anybody, with the reason."""


def read_ways(
    site: Site, executor: Executor, addresses: Mapping[str, str], ways: Collection[Way]
) -> WaysSeen:
    """Let each pod ask what its ways lead to, all pods at once.

    `addresses` are those of the pods by name, and with the key "" that of the Service.
    """
    of_pod: dict[str, list[Way]] = defaultdict(list)
    for way in sorted(ways):
        of_pod[way.client].append(way)

    def ask(pod: str) -> frozenset[Way] | Unreadable:
        asked = of_pod[pod]
        command = reach_command(
            [(addresses["" if way.is_of_service else way.server], way.port) for way in asked]
        )
        executed = attempted(
            lambda: executor.execute(place_of(site, pod), pod, command, seconds=REACH_SECONDS)
        )
        return executed if isinstance(executed, Unreadable) else parse_ways(executed, asked)

    with ThreadPoolExecutor(len(PODS)) as pool:
        found = dict(zip(of_pod, pool.map(ask, of_pod), strict=True))
    return WaysSeen(
        open=frozenset().union(*(it for it in found.values() if not isinstance(it, Unreadable))),
        untried={pod: it.reason for pod, it in found.items() if isinstance(it, Unreadable)},
    )


def parse_ways(executed: Executed, asked: list[Way]) -> frozenset[Way] | Unreadable:
    """The ways that had an answer, by a pod's output; never raises."""
    lines = executed.output.strip().splitlines() or [""]
    if executed.status != 0:
        return Unreadable(f"asking ended with status {executed.status}: {lines[-1][:300]}")
    try:
        answers = parse_json(lines[-1], "it")
    except FileError as error:
        return Unreadable(f"the output cannot be read ({error.message}): {lines[-1][:100]}")
    if not isinstance(answers, list) or len(answers) != len(asked):
        return Unreadable(f"the output is not an answer for each way: {lines[-1][:100]}")
    return frozenset(way for way, ok in zip(asked, answers, strict=True) if ok is True)
