"""Bodies of steps hold what is known later anywhere, and are plain or of a type of their own."""

from __future__ import annotations

import pytest

from kuryr_runbook.model.bodies import (
    BalancerPart,
    PairChanges,
    PoolMembers,
    RouterLeg,
    plain,
)
from kuryr_runbook.model.plan import Action, Later, Step, Target, laters, resolve

ROUTER, SUBNET = Target("router", "r"), Target("subnet", "s")


def test_a_typed_body_waits_for_what_it_refers_to_and_gets_it() -> None:
    leg = RouterLeg(router_id=Later(ROUTER), subnet_id=Later(SUBNET))
    step = Step(action=Action.CREATE, target=Target("router_interface", "s"), because="", body=leg)
    assert step.needs == {ROUTER, SUBNET}
    known = {ROUTER: {"id": "1"}, SUBNET: {"id": "2"}}
    assert resolve(leg, known) == RouterLeg(router_id="1", subnet_id="2")


def test_what_is_known_later_is_found_however_deep() -> None:
    members = ({"address": "10.0.0.1", "subnet_id": Later(SUBNET)},)
    body = PoolMembers(members=members, balancer_id="b")
    assert list(laters(body)) == [Later(SUBNET)]
    found = resolve(body, {SUBNET: {"id": "2"}})
    assert found == PoolMembers(
        members=({"address": "10.0.0.1", "subnet_id": "2"},), balancer_id="b"
    )
    part = BalancerPart(fields={"pool": [Later(SUBNET)]}, balancer_id="b")
    assert resolve(part, {SUBNET: {"id": "2"}}).fields == {"pool": ["2"]}


def test_only_a_whole_resource_or_its_fields_are_plain() -> None:
    assert plain({"name": "n"}) == {"name": "n"}
    with pytest.raises(TypeError, match="PairChanges is no plain body"):
        plain(PairChanges())
