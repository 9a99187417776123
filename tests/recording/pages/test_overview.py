"""The first page of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from runs.recorded import FINDING, STEP, a_phase, recorded, run_facts
from support.pages import Page

from kuryr_runbook.model.wording import command_of
from kuryr_runbook.recording.pages.overview import changes_of


def text_of(tmp_path: Path, **changed: Any) -> str:
    record = recorded(tmp_path / "lab", "r02", **changed)
    return (record.directory / "index.html").read_text()


def test_it_belongs_to_the_record_and_links_to_all_around_it(tmp_path: Path) -> None:
    first = recorded(tmp_path / "lab", "r01")
    phase = a_phase("openstack_prep", notebook="02_openstack_prep.ipynb")
    record = recorded(tmp_path / "lab", "r02", phases=[phase])
    assert {"index.html", "compare.js"} <= record.subjects.keys()
    links = Page((record.directory / "index.html").read_text()).links()
    assert "../index.html#run-r02" in links
    assert f"../{first.directory.name}/index.html" in links
    assert "02_openstack_prep.html" in links


def test_elsewhere_it_links_to_nothing_outside_of_the_run(tmp_path: Path) -> None:
    recorded(tmp_path / "lab", "r01")
    record = recorded(tmp_path / "other", "r02")
    links = Page((record.directory / "index.html").read_text()).links()
    assert not any(link.startswith("..") for link in links)


def test_changes_come_first_with_what_was_made(tmp_path: Path) -> None:
    made = {"done": "done", "action": "create", "kind": "subnet", "name": "kuryr-pod-subnet"}
    phase = a_phase(
        "openstack_prep",
        plan={"counts": {"create": 1, "keep": 1}, "steps": [STEP, {**STEP, "action": "keep"}]},
        outcomes=[{**made, "seconds": 1.5, "id": "0b1c"}],
        findings=[{**FINDING, "status": "warn", "remedy": "look there"}],
    )
    text = text_of(tmp_path, phases=[phase])
    order = ["What it changed", "0b1c", "What is to do", "look there", "Phases", "Timeline",
             "Who, from where", "All findings"]  # fmt: skip
    assert sorted(order, key=text.index) == order


def test_a_dry_run_says_what_it_would_change(tmp_path: Path) -> None:
    run = {**run_facts(tmp_path / "r02")["run"], "dry_run": True}
    text = text_of(tmp_path, run=run)
    assert "What it would change" in text
    assert "no link of the chain" in text


def test_a_step_and_its_outcome_are_one_change() -> None:
    done = {"action": "create", "kind": "subnet", "name": "kuryr-pod-subnet", "done": "done"}
    other = {**done, "name": "of no plan"}
    phase = a_phase("x", plan={"steps": [STEP]}, outcomes=[done, other, {**done, "action": "keep"}])
    assert [(it["name"], it["done"]) for it in changes_of(phase)] == [
        ("kuryr-pod-subnet", "done"), ("of no plan", "done"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "shown"),
    [((), "kuryr-runbook run"), (("--site", "a b.yaml"), "kuryr-runbook run --site 'a b.yaml'")],
)
def test_the_command_is_shown_as_it_can_be_typed(given: tuple[str, ...], shown: str) -> None:
    assert command_of({"command": "kuryr-runbook run", "arguments": given}) == shown


def test_it_is_compared_with_the_run_before(tmp_path: Path) -> None:
    recorded(tmp_path / "lab", "r01")
    text = text_of(tmp_path, cluster={"server": "https://other:6443"})
    assert "https://other:6443" in text.partition("Compared with the run before")[2]


def test_an_error_says_where_and_why_it_stopped(tmp_path: Path) -> None:
    text = text_of(tmp_path, phases=[a_phase("daemon", status="FAILED", error="no <nodes>")])
    assert "Why daemon stopped" in text
    assert "no &lt;nodes&gt;" in text
