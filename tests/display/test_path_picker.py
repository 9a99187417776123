"""A person picks a namespace, and of it a pod or a Service: its path is drawn at once."""

from __future__ import annotations

import pytest

from kuryr_runbook.checking.places import Target, Targets
from kuryr_runbook.display.path_picker import PathPicker
from kuryr_runbook.display.tables import View, table
from kuryr_runbook.model.findings import Status


def targets(*names: str) -> tuple[Target, ...]:
    bad = (Target(name=f"bad-{names[0]}", status=Status.FAIL),)
    return (*bad, *(Target(name=name, status=Status.PASS) for name in names))


PLACES = {
    "shop": Targets(pods=targets("web", "db"), services=targets("front")),
    "quiet": Targets(services=(Target(name="only", status=Status.PASS),)),
}


@pytest.fixture
def drawn() -> list[str]:
    return []


@pytest.fixture
def picker(drawn: list[str]) -> PathPicker:
    def draw(namespace: str, pod: str, service: str) -> View:
        return table(f"{namespace}: {pod}/{service}", ("path",), [])

    found = PathPicker(PLACES, draw)
    found.show = lambda view: drawn.append(view.text.splitlines()[0])
    return found


def labels(control: object) -> list[str]:
    return [label for label, _ in control.options]  # type: ignore[attr-defined]


def test_what_has_findings_says_so(picker: PathPicker) -> None:
    assert labels(picker.namespace) == ["shop: 2 objects with findings", "quiet"]
    assert labels(picker.pod) == ["(choose)", "bad-web ✗ FAIL", "web", "db"]


def test_one_thing_is_drawn_at_a_time(picker: PathPicker, drawn: list[str]) -> None:
    picker.pod.value = "db"
    picker.service.value = "front"
    assert drawn == ["shop: db/", "shop: /front"]
    assert picker.pod.value == ""


def test_another_namespace_has_others(picker: PathPicker, drawn: list[str]) -> None:
    picker.pod.value = "web"
    picker.namespace.value = "quiet"
    assert labels(picker.pod) == ["(choose)"]
    picker.service.value = "only"
    assert drawn == ["shop: web/", "quiet: /only"]


def test_without_anything_nothing_can_be_chosen() -> None:
    picker = PathPicker({}, lambda *_: table("", ("path",), []))
    assert labels(picker.pod) == ["(choose)"]
