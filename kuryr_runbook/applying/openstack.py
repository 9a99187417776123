"""Carry out plans of Neutron and Octavia."""

from __future__ import annotations

from collections.abc import Sequence

from kuryr_runbook.applying.steps import Body, Executor, Known, Say, apply_plan
from kuryr_runbook.clients.openstack.api import OpenStackWriter
from kuryr_runbook.model import plan as plans
from kuryr_runbook.model.plan import Action, Outcome, Plan, Step

BULK = frozenset({"network", "subnet", "port", "security_group", "security_group_rule"})
"""What Neutron creates several of in one request: all of them, or none."""


def apply_openstack(plan: Plan, writer: OpenStackWriter, say: Say) -> list[Outcome]:
    """Do the plan's steps. Raises ApplyError with what was done and what was not."""
    return apply_plan(plan, OpenStackExecutor(writer), say)


class OpenStackExecutor(Executor):
    """How steps of Neutron and Octavia are done."""

    def __init__(self, writer: OpenStackWriter) -> None:
        self._writer = writer

    def bulk(self, step: Step) -> str | None:
        """Creations of one kind go together.

        Rules only with those of their group (Neutron: SecurityGroupNotSingleGroupRules).
        """
        kind = step.target.kind
        if step.action is not Action.CREATE or kind not in BULK:
            return None
        return f"{kind} {step.body.get('security_group_id', '')}"

    def execute_bulk(self, key: str, bodies: Sequence[Body]) -> Sequence[Known]:
        """Create the resources of a kind."""
        return self._writer.create(key.partition(" ")[0], bodies)

    def execute(self, step: Step, body: Body, say: Say) -> Known:
        """Do one step; waits where Octavia works on after its answer."""
        match step.target.kind, step.action:
            case "router_interface", Action.CREATE:
                self._writer.add_router_interface(body["router_id"], body["subnet_id"])
                return {}
            case "router_interface", Action.DELETE:
                self._writer.remove_router_interface(body["router_id"], body["subnet_id"])
                return {}
            case "loadbalancer", Action.CREATE | Action.UPDATE | Action.REPLACE:
                return self._load_balancer(step, body, say)
            case "listener" | "pool" as kind, Action.CREATE:
                [made] = self._writer.create(kind, [body])
                self._writer.wait_active(step.known["loadbalancer_id"], say)
                return made
            case "listener" | "pool" as kind, Action.UPDATE:
                changed = self._writer.update(kind, str(step.id), body)
                self._writer.wait_active(step.known["loadbalancer_id"], say)
                return changed
            case "pool_members" | plans.ADDRESS_PAIRS | "subports", Action.UPDATE:
                return self._list_within(step, body, say)
            case kind, Action.CREATE:
                [made] = self._writer.create(kind, [body])
                return made
            case kind, Action.UPDATE:
                return self._writer.update(kind, str(step.id), body)
            case kind, Action.DELETE:
                self._writer.delete(kind, str(step.id))
                return {}
        raise AssertionError(f"no way to {step.action} {step.target}")

    def _list_within(self, step: Step, body: Body, say: Say) -> Known:
        """Change a list that belongs to a pool, a port or a trunk."""
        match step.target.kind:
            case "pool_members":
                self._writer.replace_members(str(step.id), body["members"])
                return self._writer.wait_active(step.known["loadbalancer_id"], say)
            case plans.ADDRESS_PAIRS:
                return self._writer.change_pairs(str(step.id), body["added"], body["removed"])
        self._writer.remove_subports(str(step.id), body["ports"])
        return {}

    def _load_balancer(self, step: Step, body: Body, say: Say) -> Known:
        if step.action is Action.REPLACE:
            self._writer.delete("loadbalancer", str(step.id))
        if step.action is Action.UPDATE:
            if body:
                self._writer.update("loadbalancer", str(step.id), body)
            return self._writer.wait_active(str(step.id), say)
        [made] = self._writer.create("loadbalancer", [body])
        return self._writer.wait_active(str(made["id"]), say)
