"""What `kuryr-runbook fleet` starts for each site: the command for that site alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kuryr_runbook.cli.run_options import PhaseChoice
from kuryr_runbook.clients.writing import make_directory
from kuryr_runbook.display.verbosity import tell
from kuryr_runbook.model.errors import UsageError

if TYPE_CHECKING:
    from kuryr_runbook.model.fleet import Member
    from kuryr_runbook.running.fleet.engine import Job, Work
    from kuryr_runbook.running.fleet.members import Fleet


def planned(
    fleet: Fleet,
    choice: PhaseChoice,
    at_once: int,
    *,
    out: Path | None,
    metrics: Path | None = None,
) -> Work:
    """Plan all sites; `out` and `metrics` are directories for a file of each."""
    from kuryr_runbook.running.fleet.answers import planned as read
    from kuryr_runbook.running.fleet.engine import Job, Pace, carry_out

    if out is not None:
        make_directory(out)
    jobs = [
        Job(
            member=it,
            arguments=(
                *("plan", "-q", f"--site={it.file}", "--json", *choice.arguments),
                *([] if out is None else [f"--out={plan_in(out, it)}"]),
                *metrics_of(metrics, it, "plan"),
            ),
            read=read,
        )
        for it in fleet.members
    ]
    return carry_out([jobs], Pace(at_once=at_once), tell)


def metrics_of(directory: Path | None, member: Member, command: str) -> list[str]:
    """The option with the site's file; one for each command, which replaces it as a whole."""
    return [] if directory is None else [f"--metrics={directory}/{member.name}-{command}.prom"]


def plan_in(directory: Path, member: Member) -> Path:
    """A site's plan among those of a fleet."""
    return directory / f"{member.name}.json"


def refuse_without_plan(fleet: Fleet, plans: Path) -> None:
    """Raise UsageError if a site has no saved plan."""
    missing = [it for it in fleet.members if not plan_in(plans, it).is_file()]
    if missing:
        raise UsageError(
            "\n  ".join(
                ["there is no plan for:", *(f"{it.name}: {plan_in(plans, it)}" for it in missing)]
            ),
            remedy="plan again with `kuryr-runbook fleet plan --out`, or leave these sites out; "
            "nothing was started",
        )


def ran(
    fleet: Fleet,
    choice: PhaseChoice,
    plans: Path | None,
    refused: Sequence[str],
    **pace: Any,
) -> Work:
    """Run the sites in waves, with their plans if there are any; not those that were refused."""
    from kuryr_runbook.model.fleet import in_waves
    from kuryr_runbook.running.fleet.answers import ran as read
    from kuryr_runbook.running.fleet.engine import Job, Pace, carry_out

    def job(member: Member) -> Job:
        approval = "--yes" if plans is None else f"--plan={plan_in(plans, member)}"
        how = ("run", "-q", f"--site={member.file}", "--log-format=json", approval)
        return Job(member=member, arguments=(*how, *choice.arguments), read=read)

    jobs = [job(it) for it in fleet.members if it.name not in refused]
    waves = in_waves(jobs, pace["canary"], pace["wave"])
    return carry_out(waves, Pace(at_once=pace["at_once"], tolerated=pace["tolerate"]), tell)
