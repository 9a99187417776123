"""Plans that were shown or saved for approval: only what is in them may be carried out later.

A saved plan contains actions, targets and fields, and a digest in place of each secret. It is not a
recipe that could become stale: it is compared with a new plan.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cache
from typing import Any, NotRequired

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from kuryr_runbook.model.documents import mapping, parse_json
from kuryr_runbook.model.errors import DriftError, UsageError
from kuryr_runbook.model.plan import KNOWN_LATER, Action, Consequence, LeftBehind, Plan, Step
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.site_file import site_digest

FORMAT = "kuryr-runbook/plan/1"

Document = Mapping[str, Any]


def plan_document(plan: Plan) -> dict[str, Any]:
    """A phase's plan as JSON values."""
    return {
        "phase": plan.phase,
        "counts": {str(action): count for action, count in plan.counts().items()},
        "steps": [_step_document(step) for step in plan.steps],
        "left": [_left_document(item) for item in plan.left],
        "consequences": [_consequence_document(item) for item in plan.consequences],
    }


def site_document(site: Site, plans: Iterable[Plan], *, made_at: str, version: str) -> Document:
    """The plans of all phases as JSON values, and what identifies their site."""
    return {
        "format": FORMAT,
        "site": site.name,
        "site_digest": site_digest(site),
        "made_at": made_at,
        "version": version,
        "phases": [plan_document(plan) for plan in plans],
    }


def parse_document(text: str, source: str, site: Site) -> Document:
    """A saved plan. Raises UsageError if it is not one, or was made for another site."""
    found = mapping(parse_json(text, source, remedy=MAKE_ONE), source, remedy=MAKE_ONE)
    if found.get("format") != FORMAT:
        raise UsageError(f"{source} does not have the format {FORMAT}", remedy=MAKE_ONE)
    try:
        document = _form().validate_python(found, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(
            f"{source} is damaged: {where}: {first['msg']}", remedy=MAKE_ONE
        ) from error
    if document["site_digest"] != site_digest(site):
        raise UsageError(
            f"{source} was made for site {document['site']} with a different site file",
            remedy="plan again, and get the new plan approved",
        )
    return document


class SavedChange(TypedDict):
    """One field of a step."""

    field: str
    before: str
    after: str


class SavedStep(TypedDict):
    """The parts of a step that are compared, or shown for approval."""

    action: str
    kind: str
    name: str
    id: str | None
    because: str
    disturbs: str
    conflicts: list[str]
    changes: list[SavedChange]


class SavedLeft(TypedDict):
    """Something that the site does not name any more."""

    kind: str
    name: str
    id: str
    because: str
    remedy: str


class SavedConsequence(TypedDict):
    """What Kuryr does once the steps are done."""

    kind: str
    name: str
    what: str
    notice: str


class SavedPhase(TypedDict):
    """The plan of one phase."""

    phase: str
    counts: dict[str, int]
    steps: list[SavedStep]
    left: NotRequired[list[SavedLeft]]
    """Only shown: no run does anything about it. Plans of earlier versions do not have it."""
    consequences: NotRequired[list[SavedConsequence]]
    """The same."""


class SavedPlan(TypedDict):
    """A file of plans."""

    format: str
    site: str
    site_digest: str
    made_at: str
    version: str
    phases: list[SavedPhase]


@cache
def _form() -> TypeAdapter[SavedPlan]:
    return TypeAdapter(SavedPlan)


MAKE_ONE = "make one with `kuryr-runbook plan --site FILE --out FILE`"


def refuse_unapproved(approved: Document, plan: Plan) -> None:
    """Raise DriftError unless every change of the plan is in the approved one.

    Changes that are only in the approved plan were made already, for example by a run that was
    interrupted.
    """
    steps = [step for phase in approved["phases"] if phase["phase"] == plan.phase
             for step in phase["steps"]]  # fmt: skip
    surprises = [
        f"{step.action} {step.target}: {step.because}"
        for step in plan.changes
        if not any(_covers(allowed, _step_document(step)) for allowed in steps)
    ]
    if surprises:
        raise DriftError(
            "\n  ".join([f"{plan.phase}: not in the plan that was approved:", *surprises]),
            remedy="something has changed since: plan again, review the plan, and approve it",
        )


def _left_document(item: LeftBehind) -> dict[str, str]:
    return {
        "kind": item.target.kind,
        "name": item.target.name,
        "id": item.id,
        "because": item.because,
        "remedy": item.remedy,
    }


def _consequence_document(item: Consequence) -> dict[str, str]:
    return {
        "kind": item.target.kind,
        "name": item.target.name,
        "what": item.what,
        "notice": item.notice,
    }


def _step_document(step: Step) -> dict[str, Any]:
    return {
        "action": str(step.action),
        "kind": step.target.kind,
        "name": step.target.name,
        "id": step.id,
        "because": step.because,
        "disturbs": step.disturbs,
        "conflicts": list(step.conflicts),
        "changes": [asdict(change) for change in step.changes],
    }


def _covers(allowed: Document, step: Document) -> bool:
    """Whether the approved step is this one; a value that is known later may be anything."""
    same = all(allowed[key] == step[key] for key in ("action", "kind", "name"))
    if step["action"] != Action.CREATE:
        same = same and allowed["id"] == step["id"]
    changes = {change["field"]: change for change in allowed["changes"]}
    return same and all(
        change["field"] in changes
        and changes[change["field"]]["before"] == change["before"]
        and _matches(changes[change["field"]]["after"], change["after"])
        for change in step["changes"]
    )


def _matches(allowed: str, value: str) -> bool:
    """Equality, except where the approved text says that a value is known later."""
    parts = [re.escape(part) for part in KNOWN_LATER.split(allowed)]
    return re.fullmatch(".+".join(parts), value, re.DOTALL) is not None
