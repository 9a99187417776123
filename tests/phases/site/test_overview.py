"""Where a site stands: plans that are made now, and runs that were; whoever does not answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from worlds.sites import lab_site

from kuryr_runbook.display.asking import Asking
from kuryr_runbook.display.frontend import RECORDS_VARIABLE
from kuryr_runbook.model.plan import Action, Plan, Step, Target
from kuryr_runbook.model.variables import SITE_VARIABLE
from kuryr_runbook.phases.catalogue import PHASES
from kuryr_runbook.phases.site import overview
from kuryr_runbook.phases.site.overview import ALL, rows, where_it_stands
from kuryr_runbook.recording.accounts import LastRun
from kuryr_runbook.snapshots.reading import Unreadable


def plan(*actions: Action) -> Plan:
    steps = (
        Step(action=action, target=Target("subnet", str(index)), because="it is so", id="i")
        for index, action in enumerate(actions)
    )
    return Plan(phase="p", steps=tuple(steps))


CREATE, UPDATE, KEEP = Action.CREATE, Action.UPDATE, Action.KEEP
PLANS: dict[str, Plan | Unreadable] = {
    "image_build": plan(KEEP),
    "openstack_prep": plan(CREATE, KEEP, UPDATE, CREATE),
    "controller": Unreadable("the API server does not answer"),
    "daemon": plan(),
}


def test_each_phase_has_a_row_with_its_notebook_run_and_changes() -> None:
    run = LastRun(
        directory=Path("runs/lab/x"), started="2026-11-01T10:15:00+00:00", status="FAILED"
    )
    found = [[str(cell) for cell in row] for row in rows(PLANS, {"openstack_prep": run})]
    assert [row[0] for row in found] == [
        f"{entry.number} {entry.name.replace('_', ' ')}" for entry in ALL
    ]
    assert found[1][1:] == ["never", "", "✓ nothing: all is as wanted"]
    assert found[2][1:] == ["2026-11-01 10:15", "FAILED", "2 create, 1 update"]
    assert found[3][3] == "? not known: the API server does not answer"


def test_what_is_not_planned_says_why() -> None:
    found = {entry.name: str([*row][3]) for entry, row in zip(ALL, rows(PLANS, {}), strict=True)}
    without = {name: said for name, said in found.items() if name not in PLANS}
    assert set(without) == {"preflight", "verification", "audit", "troubleshooting", "teardown"}
    assert all(said.startswith("not planned: it ") for said in without.values())
    assert {entry.name for entry in PHASES if entry.lasting} == {*PLANS}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a chosen site that nobody has run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(overview, "planned", lambda site: PLANS)
    monkeypatch.setattr(overview, "chosen_site", lambda sections: lab_site())
    return tmp_path / "runs" / "lab"


def test_names_lead_to_notebooks(site: Path) -> None:
    view = where_it_stands()
    assert '<a href="02_openstack_prep.ipynb">02 openstack prep</a>' in view.html
    assert "Where lab stands" in view.text
    assert "2 create, 1 update" in view.text
    assert not isinstance(view, Asking)


def test_records_are_linked_where_a_server_shows_them(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = site / "20261101T101500Z"
    run.mkdir(parents=True)
    phases = [{"phase": "daemon", "status": "SUCCEEDED"}]
    account = {"status": "SUCCEEDED", "started": "2026-11-01T10:15:00+00:00", "phases": phases}
    (run / "run.json").write_text(json.dumps(account))
    (site / "index.html").write_text("runs")
    view = where_it_stands()
    assert "2026-11-01 10:15" in view.text
    assert not isinstance(view, Asking)
    monkeypatch.setenv(RECORDS_VARIABLE, "/base/runs/")
    monkeypatch.setattr(overview, "is_interactive", lambda: True)
    view = where_it_stands()
    assert isinstance(view, Asking)
    assert view.panel is not None
    assert 'href="/base/runs/lab/index.html"' in view.panel.widget.value


def test_without_a_site_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SITE_VARIABLE, str(tmp_path / "site.yaml"))
    assert "choose one in start.ipynb" in where_it_stands().text
