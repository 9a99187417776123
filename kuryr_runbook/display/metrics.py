"""Plans and findings as metrics, in the text format of Prometheus.

For node_exporter's textfile collector, which reads whatever is in its directory each time that it
is scraped: so each file says when it was made, and a rule can notice that nobody looks any more.
specs/monitoring.py has the rules about these metrics.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from kuryr_runbook.model.findings import Finding, Status
from kuryr_runbook.model.plan import Action, Plan
from kuryr_runbook.model.visible import bounded, one_line

LETTERS = 200
"""Of a label's value: each series is kept with all of its labels."""

Labels = Mapping[str, str]
Sample = tuple[Labels, float]


def diagnosis_metrics(site: str, findings: Sequence[Finding], taken_at: datetime) -> str:
    """How many findings there are by status, those that did not pass by name, and when."""
    counts = Counter(finding.status for finding in findings)
    named = Counter(_labels(it) for it in findings if it.status not in (Status.PASS, Status.SKIP))
    victims: Counter[tuple[tuple[str, str], ...]] = Counter()
    for finding in findings:
        victims[_labels(finding)] += len(finding.victims)
    return "".join(
        [
            *_family(
                "kuryr_runbook_findings",
                "Findings of the last diagnosis, by status.",
                [({"site": site, "status": status}, counts[status]) for status in Status],
            ),
            *_family(
                "kuryr_runbook_finding",
                "A finding of the last diagnosis that did not pass: how many there are.",
                [({"site": site, **dict(labels)}, count) for labels, count in named.items()],
            ),
            *_family(
                "kuryr_runbook_finding_victims",
                "Objects that such a finding affects.",
                [({"site": site, **dict(labels)}, victims[labels]) for labels in named],
            ),
            *_family(
                "kuryr_runbook_diagnosis_timestamp_seconds",
                "When the last diagnosis read cloud and cluster.",
                [({"site": site}, taken_at.timestamp())],
            ),
        ]
    )


def plan_metrics(site: str, plans: Iterable[Plan], made_at: datetime) -> str:
    """How many changes each phase would make, by action, and when that was planned."""
    counts = {plan.phase: plan.counts() for plan in plans}
    changes = [
        ({"site": site, "phase": phase, "action": action}, of_phase.get(action, 0))
        for phase, of_phase in counts.items()
        for action in Action
        if action is not Action.KEEP
    ]
    return "".join(
        [
            *_family(
                "kuryr_runbook_plan_changes",
                "Changes that a run would make, by phase and action.",
                changes,
            ),
            *_family(
                "kuryr_runbook_plan_timestamp_seconds",
                "When the last plan was made.",
                [({"site": site}, made_at.timestamp())],
            ),
        ]
    )


def _labels(finding: Finding) -> tuple[tuple[str, str], ...]:
    """What names a finding; several may have the same name, but no two series may."""
    return (
        ("check", finding.check),
        ("status", str(finding.status)),
        ("title", bounded(one_line(finding.title), LETTERS)),
        ("subject", bounded(one_line(finding.subject), LETTERS)),
    )


def _family(name: str, meaning: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP {name} {meaning}\n# TYPE {name} gauge\n"
    for labels, value in samples:
        given = ",".join(f'{key}="{_quoted(text)}"' for key, text in labels.items())
        yield f"{name}{{{given}}} {value:.15g}\n"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
