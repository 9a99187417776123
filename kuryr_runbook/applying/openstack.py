"""Carry out plans of Neutron and Octavia."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kuryr_runbook.applying.steps import Execute, Known, Say, apply_plan
from kuryr_runbook.clients.openstack import OpenStackWriter
from kuryr_runbook.model.plan import Action, Outcome, Plan, Step


def apply_openstack(plan: Plan, writer: OpenStackWriter, say: Say) -> list[Outcome]:
    """Do the plan's steps. Raises ApplyError with what was done and what was not."""
    return apply_plan(plan, openstack_steps(writer, say), say)


def openstack_steps(writer: OpenStackWriter, say: Say) -> Execute:
    """How steps of Neutron and Octavia are done."""

    def execute(step: Step, body: Mapping[str, Any]) -> Known:
        match step.target.kind, step.action:
            case "router_interface", Action.CREATE:
                writer.add_router_interface(body["router_id"], body["subnet_id"])
                return {}
            case "router_interface", Action.DELETE:
                writer.remove_router_interface(body["router_id"], body["subnet_id"])
                return {}
            case "loadbalancer", Action.CREATE | Action.UPDATE | Action.REPLACE:
                return _load_balancer(step, body, writer, say)
            case "pool_members", Action.UPDATE:
                writer.replace_members(str(step.id), body["members"])
                return writer.wait_active(body["load_balancer"], say)
            case kind, Action.CREATE:
                return writer.create(kind, body)
            case kind, Action.UPDATE:
                return writer.update(kind, str(step.id), body)
            case kind, Action.DELETE:
                writer.delete(kind, str(step.id))
                return {}
        raise AssertionError(f"no way to {step.action} {step.target}")

    return execute


def _load_balancer(step: Step, body: Mapping[str, Any], writer: OpenStackWriter, say: Say) -> Known:
    if step.action is Action.REPLACE:
        writer.delete("loadbalancer", str(step.id))
    if step.action is Action.UPDATE:
        return writer.wait_active(str(step.id), say)
    return writer.wait_active(str(writer.create("loadbalancer", body)["id"]), say)
