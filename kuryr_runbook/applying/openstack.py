"""Carry out plans for Neutron and Octavia."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from kuryr_runbook.applying.steps import Executor, Known, Say, apply_plan
from kuryr_runbook.clients.openstack.api import COLLECTIONS, OpenStackWriter
from kuryr_runbook.model.bodies import (
    BalancerPart,
    Body,
    Fields,
    OfCloud,
    PairChanges,
    PoolMembers,
    RouterLeg,
    SubportRemoval,
    plain,
)
from kuryr_runbook.model.plan import Action, Outcome, Plan, Step

BULK = frozenset({"network", "subnet", "port", "security_group", "security_group_rule"})
"""Kinds of which Neutron creates several in one request: all of them, or none."""


def apply_openstack(plan: Plan, writer: OpenStackWriter, say: Say) -> list[Outcome]:
    """Do the plan's steps. Raises ApplyError with what was done and what was not."""
    return apply_plan(plan, OpenStackExecutor(writer), say)


def is_of_cloud(step: Step) -> bool:
    """Whether a step of a mixed plan is done here."""
    return step.target.kind in COLLECTIONS or isinstance(step.body, OfCloud)


class OpenStackExecutor(Executor):
    """Does steps for Neutron and Octavia."""

    def __init__(self, writer: OpenStackWriter) -> None:
        self._writer = writer

    def bulk(self, step: Step) -> str | None:
        """Resources of one kind are created together.

        Rules only with those of their group (Neutron: SecurityGroupNotSingleGroupRules).
        """
        kind = step.target.kind
        if step.action is not Action.CREATE or kind not in BULK:
            return None
        return f"{kind} {plain(step.body).get('security_group_id', '')}"

    def execute_bulk(self, key: str, bodies: Sequence[Body]) -> Sequence[Known]:
        """Create the resources of a kind."""
        return self._writer.create(key.partition(" ")[0], [plain(body) for body in bodies])

    def execute(self, step: Step, body: Body, say: Say) -> Known:
        """Do one step; waits if Octavia continues after its response."""
        if isinstance(body, OfCloud):
            return self._part(step, body, say)
        body = plain(body)
        match step.target.kind, step.action:
            case "loadbalancer", Action.CREATE | Action.UPDATE | Action.REPLACE:
                return self._load_balancer(step, body, say)
            case kind, Action.CREATE:
                [made] = self._writer.create(kind, [body])
                return made
            case kind, Action.UPDATE:
                return self._writer.update(kind, str(step.id), body)
            case kind, Action.DELETE:
                self._writer.delete(kind, str(step.id))
                return {}
        raise AssertionError(f"no way to {step.action} {step.target}")

    def _part(self, step: Step, body: OfCloud, say: Say) -> Known:
        """Change a part of a router, a port, a trunk or a load balancer."""
        writer = self._writer
        match body:
            case RouterLeg() if step.action is Action.DELETE:
                writer.remove_router_interface(body.router_id, body.subnet_id)
            case RouterLeg():
                writer.add_router_interface(body.router_id, body.subnet_id)
            case PairChanges():
                return writer.change_pairs(str(step.id), body.added, body.removed)
            case SubportRemoval():
                writer.remove_subports(str(step.id), body.ports)
            case PoolMembers():
                writer.replace_members(str(step.id), body.members)
                writer.wait_active(body.balancer_id, say)
            case BalancerPart():
                return self._balancer_part(step, body, say)
            case _:
                assert_never(body)
        return {}

    def _balancer_part(self, step: Step, body: BalancerPart, say: Say) -> Known:
        kind = step.target.kind
        if step.action is Action.CREATE:
            [done] = self._writer.create(kind, [body.fields])
        else:
            done = self._writer.update(kind, str(step.id), body.fields)
        self._writer.wait_active(body.balancer_id, say)
        return done

    def _load_balancer(self, step: Step, body: Fields, say: Say) -> Known:
        if step.action is Action.REPLACE:
            self._writer.delete("loadbalancer", str(step.id))
        if step.action is Action.UPDATE:
            if body:
                self._writer.update("loadbalancer", str(step.id), body)
            return self._writer.wait_active(str(step.id), say)
        [made] = self._writer.create("loadbalancer", [body])
        return self._writer.wait_active(str(made["id"]), say)
