"""Verdicts on the answers to pods' requests: who asked, the answer, and the affected pods."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from kuryr_runbook.checking.verdicts import CouldNotLook, failed, passed, some
from kuryr_runbook.checking.view.workload import WorkloadLook
from kuryr_runbook.model.findings import Verdict
from kuryr_runbook.model.wording import counted
from kuryr_runbook.snapshots.cluster.objects import Pod
from kuryr_runbook.snapshots.reading import Unreadable
from kuryr_runbook.snapshots.workload.probes import Answer, PodProbe

NOT_ASKED = Answer(ok=None, said="was not tried")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request over the network."""

    who: str
    """Who sent it to whom, in words."""
    answer: Answer
    pods: tuple[str, ...] = ()
    """Names of the workload's pods that it is about."""


def judged(look: WorkloadLook, asked: Iterable[Asked], passing: str, remedy: str) -> Verdict:
    """Fail if one failed; unknown if one could not be sent, or there were none."""
    questions = list(asked)
    bad = [it for it in questions if it.answer.ok is False]
    if bad:
        details = some(_counted(f"{it.who}: {it.answer.said}" for it in bad))
        pods = dict.fromkeys(pod for it in bad for pod in it.pods)
        victims = (look.pod_victim(pod) for pod in pods)
        return failed(f"{len(bad)} of {len(questions)} fail: {details}", remedy, *victims)
    unknown = _counted(f"{it.who}: {it.answer.said}" for it in questions if it.answer.ok is None)
    if unknown or not questions:
        raise CouldNotLook(some(unknown) or "there was nothing to send requests to")
    return passed(passing)


def probes_of(look: WorkloadLook) -> Iterator[tuple[Pod, PodProbe | Unreadable]]:
    """The results of each pod. Raises CouldNotLook if there are too few pods."""
    for pod in look.asked_pods:
        yield pod, look.seen.probes.get(pod.name, Unreadable("it does not run"))


def not_asked(probe: Unreadable) -> Answer:
    """The answer to any request of a pod that could not probe."""
    return Answer(ok=None, said=probe.reason)


def by_one_of(names: Iterable[str], answer: Answer) -> Answer:
    """The answer; a failure if it came from anything but these pods."""
    if answer.ok and answer.said not in names:
        return replace(answer, ok=False, said=f"answered by {answer.said!r}, which is not a pod")
    return answer


def _counted(texts: Iterable[str]) -> list[str]:
    """Each text once, with how often it occurs."""
    return [
        text if count == 1 else f"{text} ({counted(count, 'time')})"
        for text, count in Counter(texts).items()
    ]
