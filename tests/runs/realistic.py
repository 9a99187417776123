"""A site's runs as they could have been: phases, changes, findings, times, and notebooks' outputs.

Each run is made of what the notebooks stored when they ran on the lab, and of what diagnosis says
of a made-up cluster.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from runs.recorded import run_facts
from worlds.sites import lab_site
from worlds.world import World

from kuryr_runbook.checking.diagnosis import check_diagnosis
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.display.findings import finding_document
from kuryr_runbook.model.packaged import packaged
from kuryr_runbook.model.secrets import KnownSecrets
from kuryr_runbook.phases.catalogue import PHASES
from kuryr_runbook.recording.html import export_html
from kuryr_runbook.recording.making import make_record
from kuryr_runbook.recording.pages.frame import Around
from kuryr_runbook.recording.records import Record
from kuryr_runbook.recording.signing import load_signer

BEGIN = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
MADE = {
    "image_build": (("image", "kuryr/kuryr:2026.1"),),
    "openstack_prep": (
        ("network", "kuryr-pod-network"), ("subnet", "kuryr-pod-subnet"),
        ("subnet", "kuryr-service-subnet"), ("router interface", "kuryr-pod-subnet"),
        ("security group", "kuryr-pods"), ("load balancer", "kuryr-api"),
    ),
    "controller": (("Secret", "kuryr-config"), ("Deployment", "kuryr-controller")),
    "daemon": (("ConfigMap", "kuryr-cni"), ("DaemonSet", "kuryr-daemon")),
}  # fmt: skip
SECONDS = {"preflight": 6, "image_build": 95, "openstack_prep": 34, "controller": 21, "daemon": 18,
           "verification": 48}  # fmt: skip


def findings() -> list[dict[str, Any]]:
    """What diagnosis finds in a cluster in which pods' ports lack the address pairs they need."""
    world = World(4)
    for port in world.resources["port"]:
        port["allowed_address_pairs"] = []
    return [finding_document(finding) for finding in check_diagnosis(Look(world.read()))]


def realistic_facts(number: int, found: list[dict[str, Any]]) -> dict[str, Any]:
    """The facts of a run; every third is a dry run, every fifth fails in its fourth phase."""
    began = BEGIN + timedelta(hours=7 * number)
    dry, fails = number % 3 == 2, number % 5 == 4
    first = number == 0
    phases, clock = [], began
    for entry in PHASES:
        reached = not (fails and entry.number > "03")
        phases.append(
            _phase(entry.name, entry.notebook, clock, fresh=first or dry, reached=reached)
        )
        seconds = SECONDS[entry.name] if reached else 0
        if entry.name in ("preflight", "verification") and reached:
            phases[-1]["findings"] = found
        if fails and entry.name == "controller":
            phases[-1] |= {
                "status": "FAILED",
                "error": "the controller is not ready after 120 s: its last log line is\n"
                "  neutronclient.common.exceptions.Unauthorized\n"
                "what to do: kuryr-runbook rotate-credentials --site parameters/lab.yaml",
            }
        clock += timedelta(seconds=seconds + 1)
    name = began.strftime("%Y%m%dT%H%M%SZ")
    facts = run_facts(Path(name), phases=phases)
    facts["run"] = {
        "directory": name, "status": "FAILED" if fails else "SUCCEEDED", "dry_run": dry,
        "started": began.isoformat(), "ended": clock.isoformat(), "command": "kuryr-runbook run",
        "arguments": ["--site", "parameters/lab.yaml", *(["--dry-run"] if dry else [])],
        "cwd": "/srv/kuryr",
    }  # fmt: skip
    facts["site"]["parameters"] = lab_site().model_dump(mode="json")
    facts["runbook"] = {"version": f"0.{number // 10}.0", "commit": f"{number:040x}"}
    return facts


def _phase(
    name: str, notebook: str, began: datetime, *, fresh: bool, reached: bool
) -> dict[str, Any]:
    if not reached:
        return {"phase": name, "notebook": notebook, "status": "NOT_REACHED", "error": None,
                "started": None, "ended": None, "seconds": None, "cells": []}  # fmt: skip
    seconds = SECONDS[name]
    steps: list[dict[str, Any]] = []
    outcomes: list[dict[str, Any]] = []
    made = MADE.get(name, ())
    for at, (kind, what) in enumerate(made):
        digest = hashlib.sha256(f"{kind} {what}".encode()).hexdigest()
        known = f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-9{digest[17:20]}-{digest[20:32]}"
        action = "create" if fresh else "keep"
        start = began + timedelta(seconds=seconds * (at + 2) / (len(made) + 3))
        step = {"action": action, "kind": kind, "name": what}
        steps.append({**step, "id": None if fresh else known, "because": "there is none",
                      "disturbs": "", "conflicts": [], "changes": []})  # fmt: skip
        times = {"started": start, "ended": start + timedelta(seconds=seconds / (len(made) + 4))}
        stamps = {key: time.isoformat(timespec="milliseconds") for key, time in times.items()}
        outcomes.append({**step, "done": "done" if fresh else "kept", "id": known, "seconds": 1.5,
                         **(stamps if fresh else {})})  # fmt: skip
    titles = ("The site", "Begin", "The plan", "Carry it out", "The result")
    cells = [
        {"id": f"cell-{at}", "step": title, "status": "RAN",
         "started": (began + timedelta(seconds=seconds * at / 5)).isoformat(),
         "ended": (began + timedelta(seconds=seconds * (at + 1) / 5)).isoformat()}
        for at, title in enumerate(titles)
    ]  # fmt: skip
    ended = began + timedelta(seconds=seconds)
    facts: dict[str, Any] = {"phase": name, "notebook": notebook, "status": "SUCCEEDED",
             "error": None, "started": began.isoformat(), "ended": ended.isoformat(),
             "seconds": float(seconds), "cells": cells}  # fmt: skip
    if made:
        counts = {"create" if fresh else "keep": len(made)}
        facts |= {"plan": {"phase": name, "counts": counts, "steps": steps}, "outcomes": outcomes}
    return facts


def realistic_runs(site: Path, number: int, *, with_pages: bool = True) -> Iterator[Record]:
    """Runs in the directory of a site's runs, one after the other."""
    signer, found = load_signer(lab_site()), findings()
    for count in range(number):
        facts = realistic_facts(count, found)
        directory = site / facts["run"]["directory"]
        directory.mkdir(parents=True)
        run = {"status": facts["run"]["status"], "started": facts["run"]["started"]}
        (directory / "run.json").write_text(json.dumps(run))
        if with_pages:
            _write_pages(directory, facts)
        yield make_record(directory, facts, signer, KnownSecrets())


def _write_pages(directory: Path, facts: dict[str, Any]) -> None:
    names = [phase["notebook"] for phase in facts["phases"] if phase["started"]]
    pages = [name.replace(".ipynb", ".html") for name in names]
    for at, name in enumerate(names):
        (directory / name).write_bytes((packaged("notebooks") / name).read_bytes())
        around = Around(
            site="lab",
            run=directory.name,
            in_site=True,
            before=pages[at - 1] if at else None,
            after=pages[at + 1] if at + 1 < len(pages) else None,
        )
        export_html(directory / name, around)
