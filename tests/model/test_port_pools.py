"""Pools of ports: Kuryr's own rules for their sizes, and how many ports they may have."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kuryr_runbook.model.port_pools import PortPool


def test_kuryrs_defaults_fit() -> None:
    pool = PortPool()
    assert not pool.enabled
    assert (pool.min_ports, pool.batch, pool.max_ports, pool.update_seconds) == (5, 10, 0, 20)


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ({"min_ports": 11}, "more than a batch of 10"),
        ({"max_ports": 9}, "less than a batch of 10"),
        ({"min_ports": 0}, "greater than or equal to 1"),
        ({"batch": "10"}, "valid integer"),
    ],
)
def test_what_kuryr_warns_of_is_refused(sizes: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        PortPool.model_validate(sizes)


@pytest.mark.parametrize("sizes", [{"min_ports": 10}, {"max_ports": 10}, {"max_ports": 0}])
def test_equal_sizes_and_no_limit_are_fine(sizes: dict[str, int]) -> None:
    assert PortPool.model_validate(sizes).spare >= 14


@st.composite
def fitting(draw: st.DrawFn) -> PortPool:
    batch = draw(st.integers(1, 40))
    low = draw(st.integers(1, batch))
    high = draw(st.just(0) | st.integers(batch, 60))
    return PortPool(enabled=True, min_ports=low, batch=batch, max_ports=high)


def spare_ports(pool: PortPool, events: list[bool]) -> Iterator[int]:
    """How many a pool has as pods come (True) and go, as Kuryr counts them."""
    spare = in_use = 0
    for comes in events:
        if comes:
            if spare < pool.min_ports:
                spare += max(pool.batch, pool.min_ports - spare)
                yield spare
            spare, in_use = spare - 1, in_use + 1
        elif in_use:
            in_use -= 1
            if not pool.max_ports or spare < pool.max_ports:
                spare += 1
        yield spare


@given(fitting(), st.lists(st.booleans(), max_size=200))
def test_no_pool_has_more_spare_ports_than_are_reckoned(pool: PortPool, events: list[bool]) -> None:
    """Without a maximum, those that pods had before come on top."""
    had = sum(events) if not pool.max_ports else 0
    assert all(count <= pool.spare + had for count in spare_ports(pool, events))


@given(fitting())
def test_a_pool_may_have_as_many_as_are_reckoned(pool: PortPool) -> None:
    """Pods take all but one less than the minimum, and the next one has the pool filled."""
    coming = [True] * (pool.batch - pool.min_ports + 2)
    assert max(spare_ports(pool, coming)) == pool.min_ports - 1 + pool.batch
