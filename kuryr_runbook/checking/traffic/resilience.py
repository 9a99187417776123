"""Whether everything recovers after a disturbance, and whether anything was lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kuryr_runbook.checking.verdicts import some
from kuryr_runbook.model.bodies import ProgramDeletion
from kuryr_runbook.model.findings import Finding, Status, worst
from kuryr_runbook.model.plan import Action, Step
from kuryr_runbook.model.wording import counted
from kuryr_runbook.snapshots.workload.traces import Footprint
from kuryr_runbook.specs.controller import CONTROLLER

LEFTOVERS = frozenset(
    {
        "port-orphaned", "port-twice", "kuryr-port-orphaned", "pair-stale", "pair-twice",
        "balancer-twice", "balancer-orphaned", "floating-ip-orphaned",
    }
)  # fmt: skip
"""The checks of diagnosis that find orphans."""
SEE_LOG = "check the controller's log from that time: kubectl logs, also with --previous"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A disturbance, and the observations before and after it."""

    step: Step
    seconds: float
    """From its start until everything had recovered, or the wait was given up."""
    findings: Sequence[Finding]
    """The verification's, afterwards."""
    before: Footprint
    after: Footprint
    remaining: Sequence[str]
    """What is left of pods that are gone, after a wait."""
    orphans_before: frozenset[str] | None
    """The orphans that diagnosis finds; None: it could not get an answer."""
    orphans_after: frozenset[str] | None


def trial_name(step: Step) -> str:
    """The name of the check of a disturbance."""
    if step.target.kind == "Node":
        return "node-drained"
    return "controller-deleted" if _component(step) == CONTROLLER else "daemon-deleted"


def _component(step: Step) -> str:
    return step.body.component if isinstance(step.body, ProgramDeletion) else ""


def check_trial(trial: Trial) -> Iterator[Finding]:
    """Two findings: everything has recovered, and nothing was lost or left behind."""
    yield _recovered(trial)
    yield _kept(trial)


def not_tried(step: Step) -> Finding:
    """The finding for a disturbance that did not take place: it was not planned, or there was no
    recovery from an earlier one."""
    kept = step.action is Action.KEEP
    return Finding(
        check=trial_name(step),
        title=_title(step),
        subject=str(step.target),
        status=Status.SKIP if kept else Status.UNKNOWN,
        evidence=step.because
        if kept
        else "was not tried: an earlier disturbance had lasting effects",
    )


def not_back(step: Step, seen: str) -> Finding:
    """The finding for a disturbance after which the deleted pod was not replaced."""
    return Finding(
        check=trial_name(step),
        title=_title(step),
        subject=str(step.target),
        status=Status.FAIL,
        evidence=seen,
        remedy="kuryr-runbook diagnose says why",
    )


def orphans(findings: Iterable[Finding]) -> frozenset[str] | None:
    """The orphans that diagnosis finds; None if any of these checks got no answer."""
    found = list(findings)
    blind = {
        name for it in found if it.status is Status.UNKNOWN for name in (it.check, *it.effects)
    }
    if blind & LEFTOVERS:
        return None
    return frozenset(
        f"{victim} ({it.check})"
        for it in found
        if it.check in LEFTOVERS and it.status in (Status.FAIL, Status.WARN)
        for victim in it.victims or (it.evidence,)
    )


def _title(step: Step) -> str:
    if step.target.kind == "Node":
        return "The workload keeps working when its node is drained"
    return f"The workload keeps working when {_component(step)} is deleted"


def _recovered(trial: Trial) -> Finding:
    verdict = worst(trial.findings)
    bad = [it for it in trial.findings if it.status is verdict]
    well = verdict not in (Status.FAIL, Status.UNKNOWN)
    passed = sum(it.status is Status.PASS for it in trial.findings)
    details = some([f"{it.title}: {it.evidence}" for it in bad])
    return Finding(
        check=trial_name(trial.step),
        title=_title(trial.step),
        subject=str(trial.step.target),
        status=Status.PASS if well else verdict,
        evidence=f"everything works again after {trial.seconds:.0f} s: "
        f"{counted(passed, 'check')} passed"
        if well
        else f"not well after {trial.seconds:.0f} s: {details}",
        remedy="" if well else "; ".join(dict.fromkeys(it.remedy for it in bad if it.remedy)),
        cause="" if well else next((it.cause for it in bad if it.cause), ""),
        victims=() if well else tuple(dict.fromkeys(v for it in bad for v in it.victims)),
    )


def _kept(trial: Trial) -> Finding:
    problems = list(_problems(trial))
    known = trial.orphans_before is not None and trial.orphans_after is not None
    status = Status.FAIL if problems else Status.PASS if known else Status.UNKNOWN
    evidence = {
        Status.FAIL: some(problems),
        Status.PASS: "the same load balancer and floating IP; each pod its port; nothing is left",
        Status.UNKNOWN: "diagnosis could not find out what is left",
    }
    return Finding(
        check=f"nothing-lost-{trial_name(trial.step)}",
        title="None of its resources in OpenStack is lost or left behind",
        subject=str(trial.step.target),
        status=status,
        evidence=evidence[status],
        remedy=SEE_LOG if problems else "",
    )


def _problems(trial: Trial) -> Iterator[str]:
    before, after = trial.before, trial.after
    for kind in ("loadbalancer", "floatingip"):
        for lost in sorted(before.traces.ids[kind] - after.traces.ids[kind]):
            yield f"{kind} {lost} is gone, or no longer the Service's"
        for new in sorted(after.traces.ids[kind] - before.traces.ids[kind]):
            yield f"{kind} {new} is new"
    for pod in sorted(before.ports.keys() & after.ports.keys()):
        if before.ports[pod] != after.ports[pod]:
            yield f"pod {pod} had port {before.ports[pod]}, and has {after.ports[pod]}"
    yield from (f"{what} is left of a pod that is gone" for what in trial.remaining)
    if trial.orphans_before is not None and trial.orphans_after is not None:
        new_ones = sorted(trial.orphans_after - trial.orphans_before)
        yield from (f"{what} is orphaned" for what in new_ones)
