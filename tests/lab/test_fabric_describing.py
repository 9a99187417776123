"""The agent's log says what changed, port by port."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

from worlds.fabric import cluster, pair, rule

from kuryr_runbook.lab.fabric.describing import describe_guards, describe_nats
from kuryr_runbook.lab.fabric.filtering import Guard, guard
from kuryr_runbook.lab.fabric.parts import Nat

NODE = cluster().ports[0]


def guarded(*, with_rule: bool = False, **changes: object) -> Guard:
    found = (rule(protocol="tcp", port_min=22, port_max=22),) if with_rule else ()
    return guard("p-1", replace(NODE, **changes), replace(cluster(), rules=found))  # type: ignore[arg-type]


def test_nothing_is_said_when_nothing_changed() -> None:
    assert list(describe_guards([guarded()], [guarded()])) == []
    assert list(describe_nats([], [])) == []


def test_a_pair_that_came_and_one_that_went() -> None:
    after = guarded(pairs=(pair("10.1.0.8/32"),))
    assert list(describe_guards([guarded()], [after])) == [
        "port p-1 may send as + 10.1.0.8/32 fa:16:3e:99:00:01, - 10.1.0.7/32 fa:16:3e:99:00:01"
    ]


def test_an_opening_that_came() -> None:
    assert list(describe_guards([guarded()], [guarded(with_rule=True)])) == [
        "port p-1 is open for + protocol 6 22-22 from 0.0.0.0/0"
    ]


def test_many_differences_are_counted() -> None:
    after = guarded(pairs=tuple(pair(f"10.1.1.{n}/32") for n in range(9)))
    assert list(describe_guards([guarded()], [after])) == ["port p-1 may send as 10 more or fewer"]


def test_a_floating_ip_that_went() -> None:
    address = IPv4Address("198.51.100.20")
    before = Nat(
        device="q-1",
        address=address,
        snat=True,
        inside=(),
        floating=((IPv4Address("198.51.100.99"), IPv4Address("172.18.0.11")),),
    )
    assert list(describe_nats([before], [replace(before, floating=())])) == [
        "router translates - 198.51.100.99 to 172.18.0.11"
    ]
