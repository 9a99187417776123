"""Compares two runs of a site by their records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kuryr_runbook.model.plan import Change, shown
from kuryr_runbook.recording.statement import Predicate


def compare(before: Predicate, after: Predicate) -> dict[str, list[Change]]:
    """The differences by subject; subjects without differences are omitted."""
    old, new = comparable(before), comparable(after)
    found = {
        subject: [
            Change(name, shown(values.get(name)), shown(new[subject].get(name)))
            for name in {**values, **new[subject]}
            if values.get(name) != new[subject].get(name)
        ]
        for subject, values in old.items()
    }
    return {subject: changes for subject, changes in found.items() if changes}


def comparable(predicate: Predicate) -> dict[str, dict[str, Any]]:
    """The parts of a run that can be compared: no times, which always differ, and no order."""
    phases = {phase["phase"]: phase for phase in predicate["phases"]}
    return {
        "parameters": dict(_leaves(predicate["site"]["parameters"])),
        "versions": {**predicate["runbook"], **predicate["packages"]},
        "cloud": dict(predicate["cloud"]),
        "cluster": dict(predicate["cluster"]),
        "phases": {name: phase["status"] for name, phase in phases.items()},
        "plans": {
            f"{name}: {step['kind']} {step['name']}": step["action"]
            for name, phase in phases.items()
            for step in phase.get("plan", {}).get("steps", ())
        },
        "findings": {
            f"{name}: {' '.join((finding['check'], finding['subject'])).strip()}": (
                f"{finding['status']} ({finding['evidence']})"
            )
            for name, phase in phases.items()
            for finding in phase.get("findings", ())
        },
        "digests": {
            path: value
            for name, phase in phases.items()
            for key in ("image", "plugins")
            for path, value in _leaves(phase.get(key, {}), f"{name}: {key}")
        },
        "ids": {key: value for phase in phases.values() for key, value in _ids(phase)},
    }


def _ids(phase: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from phase.get("ids", {}).items()
    for step in phase.get("plan", {}).get("steps", ()):
        if step["id"]:
            yield f"{step['kind']} {step['name']}", step["id"]


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    else:
        yield path, value
