"""Whether network policies let through what they should, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kuryr_runbook.checking.verdicts import some
from kuryr_runbook.model.findings import Finding, Status, Victim
from kuryr_runbook.model.wording import counted
from kuryr_runbook.snapshots.workload.ways import WaysSeen
from kuryr_runbook.specs.policy_trials import SERVER, Trial

SEE = (
    "kuryr-runbook docs policies has what Kuryr does differently; kuryr-runbook diagnose shows "
    "whether the policies' groups are as Kuryr made them"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A trial, and what was seen last."""

    trial: Trial
    seen: WaysSeen
    ready: bool
    """Whether the kubelet gets answers from the server."""
    seconds: float
    """From the change of the policies until everything was as wanted, or time was up."""

    @property
    def problems(self) -> list[str]:
        """What is not as it should be; empty: all is."""
        tried = [it for it in sorted(self.trial.judged) if it.client not in self.seen.untried]
        shut = [it for it in tried if it in self.trial.open and it not in self.seen.open]
        leaks = [it for it in tried if it not in self.trial.open and it in self.seen.open]
        return [
            *(f"{way} is closed" for way in shut),
            *(f"{way} is open" for way in leaks),
            *([] if self.ready else [f"the kubelet gets no answer from {SERVER}"]),
        ]

    @property
    def is_settled(self) -> bool:
        """Whether everything is as wanted."""
        return not self.problems and not self.seen.untried


def check_tried(tried: Tried) -> Finding:
    """What came of a trial."""
    trial, problems = tried.trial, tried.problems
    untried = [f"{pod} could not ask: {reason}" for pod, reason in tried.seen.untried.items()]
    if problems or untried:
        return Finding(
            check=trial.name,
            title=trial.title,
            status=Status.FAIL if problems else Status.UNKNOWN,
            evidence=f"after {tried.seconds:.0f} s: {some([*problems, *untried])}",
            remedy=SEE,
        )
    closed = len(trial.judged - trial.open)
    return Finding(
        check=trial.name,
        title=trial.title,
        status=Status.PASS,
        evidence=f"{counted(len(trial.open), 'way is', 'ways are')} open and {closed} closed, "
        f"after {tried.seconds:.0f} s",
    )


def not_tried(why: str) -> Finding:
    """The finding if there is nothing to try policies with."""
    return Finding(
        check="policy-pods-ready",
        title="There are pods to try network policies with",
        status=Status.FAIL,
        evidence=why,
        remedy="kuryr-runbook diagnose says why",
    )


def check_left(groups: Sequence[str]) -> Finding:
    """Whether a policy's group is left when the policy is gone."""
    return Finding(
        check="policy-left",
        title="A removed policy leaves no security group",
        status=Status.FAIL if groups else Status.PASS,
        evidence=f"left: {some([*groups])}" if groups else "none is left",
        remedy=f"openstack security group delete {groups[0]}" if groups else "",
        victims=tuple(Victim("security group", it) for it in groups),
    )
