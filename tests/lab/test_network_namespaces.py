"""What is not the lab's is refused, and haproxy takes what is rendered for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.awaiting import has_ended
from worlds.machines import cluster

from kuryr_runbook.lab.compute.balancing import Listener, LoadBalancer, Member, Monitor, Pool
from kuryr_runbook.lab.compute.proxying import ALGORITHMS, CHECKED, render_haproxy
from kuryr_runbook.lab.network.kernel import CommandError, ip, run
from kuryr_runbook.lab.network.namespaces import (
    MARK,
    ensure_namespace,
    is_ours,
    namespaces,
    processes,
    remove_namespace,
)
from kuryr_runbook.lab.network.wires import HOST_LIKE
from kuryr_runbook.model.errors import LabError

pytestmark = pytest.mark.lab

SCRATCH = "kr-testscratch"


def say(message: str) -> None:
    assert message


@pytest.fixture(scope="module")
def scratch() -> Iterator[str]:
    ensure_namespace(SCRATCH, HOST_LIKE, say)
    yield SCRATCH
    remove_namespace(SCRATCH, say)


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
@pytest.mark.parametrize("check", sorted(CHECKED))
def test_haproxy_takes_its_configuration(
    tmp_path: Path, scratch: str, algorithm: str, check: str
) -> None:
    file = tmp_path / "haproxy.cfg"
    file.write_text(render_haproxy(balancer(algorithm, check), tmp_path / "stats"))
    run("haproxy", "-c", "-f", str(file), namespace=scratch)


def balancer(algorithm: str, check: str) -> LoadBalancer:
    fields: dict[str, Any] = {"delay": 5, "timeout": 3, "rise": 2, "fall": 3}
    monitor = Monitor(type=check, method="GET", path="/", codes="200-204", **fields)
    address = cluster().ports[0].fixed_ips[0].address
    members = tuple(
        Member(
            id=name,
            address=address,
            port=80,
            weight=weight,
            backup=weight == 0,
            monitor_address=address,
            monitor_port=81,
        )
        for name, weight in (("one", 0), ("two", 256))
    )
    pool = Pool(
        id="pool", algorithm=algorithm, persistence="SOURCE_IP", members=members, monitor=monitor
    )
    listener = {"protocol": "TCP", "policies": 0, "connection_limit": 9}
    times = {"timeout_client": 1, "timeout_connect": 2, "timeout_member": 3}
    found = tuple(
        Listener(id=f"listener{port}", port=port, pool=held, **listener, **times)  # type: ignore[arg-type]
        for port, held in ((80, pool), (81, pool), (82, None))
    )
    return LoadBalancer(id="lb", name="lb", vip=address, network_id="net", listeners=found)


def test_a_namespace_of_another_is_refused_and_stays() -> None:
    name = "kr-testforeign"
    ip("netns", "add", name)
    ip("link", "set", "lo", "up", namespace=name)
    try:
        with pytest.raises(LabError, match=f"{name} exists and is not the lab's"):
            ensure_namespace(name, HOST_LIKE, say)
        assert not is_ours(name)
    finally:
        ip("netns", "delete", name)


def test_a_namespace_that_was_made_and_not_yet_marked_is_taken() -> None:
    name = "kr-testhalf"
    ip("netns", "add", name)
    try:
        ensure_namespace(name, HOST_LIKE, say)
        assert MARK in ip("link", "show", "lo", namespace=name)
    finally:
        remove_namespace(name, say)
    assert namespaces(name) == ()


def test_processes_end_with_their_namespace() -> None:
    name = "kr-testends"
    ensure_namespace(name, HOST_LIKE, say)
    run("sh", "-c", "trap '' TERM; sleep 600 >/dev/null 2>&1 &", namespace=name)
    (pid,) = processes(name)
    remove_namespace(name, say)
    assert has_ended(pid)


def test_a_command_that_fails_says_what_it_said() -> None:
    with pytest.raises(CommandError, match="Cannot find device"):
        ip("link", "delete", "kr-none")
