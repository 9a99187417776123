"""Asks a person before anything changes, and refuses where nobody could answer."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING

import click

from kuryr_runbook.display.terminal import echo
from kuryr_runbook.display.verbosity import progress_apart
from kuryr_runbook.model.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from kuryr_runbook.running.request import RunRequest


def can_ask() -> bool:
    """Whether there is a person to ask: one who sees the question, and can answer it."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def agrees(question: str) -> bool:
    """Ask; anything but a clear yes is a no. Ctrl-C raises KeyboardInterrupt."""
    try:
        return click.confirm(question, err=True)
    except click.Abort as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise error.__context__ from None
        return False  # the end of the input


def nobody_to_ask() -> UsageError:
    """The refusal of the current command, with the ways to answer in advance."""
    command = click.get_current_context().info_name
    saved = (
        ", or --plan FILE with a plan from `kuryr-runbook plan --out FILE`, to do what is in it"
        if command == "run"
        else ""
    )
    return UsageError(
        f"{command} asks before it changes anything, and there is no terminal to ask on",
        remedy=f"give --yes to go ahead without a question{saved}; --dry-run only shows the plan",
    )


def agreed(request: RunRequest) -> RunRequest:
    """The request with the plan that a person agreed to; exits if they do not.

    If there is nothing to change there is no question, and the run changes nothing.
    """
    from kuryr_runbook.display.plans import site_view
    from kuryr_runbook.model.approval import site_document
    from kuryr_runbook.phases.catalogue import plan_site
    from kuryr_runbook.running.account import now

    with progress_apart():
        plans = list(plan_site(request.site, request.phases, request.options))
    unplanned = {phase.name: phase.unplanned for phase in request.phases if phase.unplanned}
    echo(site_view(plans, unplanned, everything=False), err=True)
    echo("", err=True)
    if any(plan.changes for plan in plans) and not agrees("Carry out this plan?"):
        echo("nothing was changed", err=True)
        sys.exit(ExitCode.CHANGES_PENDING)
    document = site_document(request.site, plans, made_at=now(), version=version("kuryr-runbook"))
    return replace(request, agreed=document)
