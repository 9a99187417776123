"""Records of runs that never were, for tests."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from worlds.sites import lab_site

from kuryr_runbook.model.secrets import KnownSecrets
from kuryr_runbook.recording.making import make_record
from kuryr_runbook.recording.records import Record
from kuryr_runbook.recording.signing import load_signer

STEP: dict[str, Any] = {
    "action": "create", "kind": "subnet", "name": "kuryr-pod-subnet", "id": None,
    "because": "there is none", "disturbs": "", "conflicts": [], "changes": [],
}  # fmt: skip
FINDING = {
    "check": "ready", "title": "the controller answers /ready", "status": "pass",
    "evidence": "200", "subject": "kuryr-controller-0", "remedy": "",
}  # fmt: skip


def a_phase(name: str, **facts: Any) -> dict[str, Any]:
    return {
        "phase": name, "notebook": f"{name}.ipynb", "status": "SUCCEEDED", "error": None,
        "started": "2026-11-26T10:00:00+00:00", "ended": "2026-11-26T10:00:05+00:00",
        "seconds": 5.0, "cells": [{"id": "plan", "step": "Plan", "status": "RAN"}],
    } | facts  # fmt: skip


def run_facts(directory: Path, **changed: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "run": {
            "directory": directory.name, "status": "SUCCEEDED", "dry_run": False,
            "started": f"2026-11-26T10:{directory.name[-2:]}:00+00:00",
            "ended": "2026-11-26T11:00:00+00:00", "command": "kuryr-runbook run",
        },
        "by": {"user": "operator", "host": "there"},
        "site": {
            "name": "lab", "digest": {"sha256": "0" * 64},
            "parameters": {"network": {"router": "k8s-router"}},
        },
        "runbook": {"version": "0.1.0", "commit": "f" * 40},
        "packages": {"python": "3.11.2", "papermill": "2.6.0"},
        "cloud": {"cloud": "k8s", "auth_url": "https://203.0.113.10:5000"},
        "cluster": {"server": "https://172.18.0.10:6443"},
        "phases": [
            a_phase(
                "openstack_prep",
                plan={"phase": "openstack_prep", "counts": {"create": 1}, "steps": [STEP]},
                outcomes=[{"done": "done", **STEP, "seconds": 1.5}],
                ids={"kuryr_pod_subnet_id": "1"},
            ),
            a_phase("controller", findings=[FINDING]),
        ],
    }  # fmt: skip
    return facts | changed


def recorded(runs: Path, name: str, **changed: Any) -> Record:
    """A run's directory with some files and its record."""
    directory = runs / name
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "02_openstack_prep.ipynb").write_text(json.dumps({"cells": []}))
    (directory / "02_openstack_prep.html").write_text(f"<p>{name}")
    (directory / "run.json").write_text(json.dumps({"status": "SUCCEEDED", "started": name}))
    facts = run_facts(directory, **changed)
    return make_record(directory, facts, load_signer(lab_site()), KnownSecrets())


@contextmanager
def restated(directory: Path) -> Iterator[dict[str, Any]]:
    """What a run's record states, to be changed: afterwards its signature is that of the old."""
    path = directory / "record.json"
    envelope = json.loads(path.read_text())
    statement = json.loads(b64decode(envelope["payload"]))
    yield statement
    envelope["payload"] = b64encode(json.dumps(statement).encode()).decode()
    path.write_text(f"{json.dumps(envelope, indent=2)}\n")
