"""How a site is, by what its runs on this machine left; neither cloud nor cluster is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kuryr_runbook.model.errors import ExitCode, RecordError
from kuryr_runbook.model.fleet import Member, Standing
from kuryr_runbook.recording.accounts import newest_run
from kuryr_runbook.recording.standing import RUNS
from kuryr_runbook.running.account import DONE, RunStatus
from kuryr_runbook.running.fleet.members import Fleet


def standings_of(fleet: Fleet) -> list[Standing]:
    """The standings of all sites, in the order of their files."""
    broken = [
        Standing(site="", file=it.file, exit_code=ExitCode.USAGE, error=it.error)
        for it in fleet.broken
    ]
    return fleet.in_order([*map(standing_of, fleet.members), *broken])


def standing_of(member: Member) -> Standing:
    """The site's standing, from the runs below the current directory."""
    standing = Standing(
        site=member.name, file=member.file, release=member.release, exit_code=ExitCode.DONE
    )
    try:
        found = newest_run(RUNS.absolute() / member.name)
    except RecordError as error:
        return replace(standing, exit_code=ExitCode.FAILED, error=str(error))
    if found is None:
        return standing
    directory, account = found
    fine = account["status"] in (*DONE, RunStatus.RUNNING)
    return replace(
        standing,
        exit_code=ExitCode.DONE if fine else ExitCode.FAILED,
        status=account["status"],
        started=str(account.get("started") or ""),
        run=directory,
        phase=_phase(account),
        error=_error(account),
    )


def _phase(account: Mapping[str, Any]) -> str:
    open_ones = (it["phase"] for it in _phases(account) if it.get("status") not in DONE)
    return str(next(open_ones, ""))


def _error(account: Mapping[str, Any]) -> str:
    return str(next((it["error"] for it in _phases(account) if it.get("error")), ""))


def _phases(account: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    phases = account.get("phases")
    listed = phases if isinstance(phases, list) else []
    return [it for it in listed if isinstance(it, dict) and "phase" in it]
