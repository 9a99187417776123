"""Handlers, drivers and options came and went as the released packages say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kuryr_runbook.model.releases import RELEASES
from kuryr_runbook.model.releases.traits import (
    HANDLERS,
    OPTIONS_SINCE,
    fits_definitions,
    has_handlers,
    has_options,
    has_vif_driver,
)

PUBLISHED: dict[str, dict[str, Any]] = {
    name: json.loads((Path(__file__).parents[2] / f"specs/options/{name}.json").read_text())
    for name in RELEASES
}
each_release = pytest.mark.parametrize("name", RELEASES)


@each_release
def test_handlers_are_those_of_the_package(name: str) -> None:
    found = {it for it in HANDLERS if has_handlers(RELEASES[name], [it])}
    assert found == {*PUBLISHED[name]["handlers"]} - {"test_handler"}


@each_release
def test_options_are_those_of_the_package(name: str) -> None:
    known = {
        f"{section}.{option}"
        for section, options in PUBLISHED[name]["options"].items()
        for option in options
    }
    for option in OPTIONS_SINCE:
        assert has_options(RELEASES[name], [option]) == (option in known)


@each_release
def test_vif_drivers_are_those_of_the_package(name: str) -> None:
    for driver in {it for each in PUBLISHED.values() for it in each["vif_drivers"]}:
        known = driver in PUBLISHED[name]["vif_drivers"]
        assert has_vif_driver(RELEASES[name], driver) == known


def test_what_nobody_knows_says_nothing() -> None:
    for release in RELEASES.values():
        assert has_handlers(release, ["of-our-own"])
        assert has_vif_driver(release, "of-our-own")
        assert has_options(release, ["kubernetes.of_our_own"])


@pytest.mark.parametrize(
    ("names", "fitting"),
    [
        (("kuryrnets", "kuryrnetpolicies"), {"stein", "train", "ussuri"}),
        (("kuryrnets", "kuryrnetworks", "kuryrnetpolicies"), {"ussuri"}),
        (("kuryrports", "kuryrnets"), {*RELEASES} - {"stein", "train", "ussuri"}),
    ],
)
def test_definitions_say_whether_ports_are_resources(
    names: tuple[str, ...], fitting: set[str]
) -> None:
    definitions = [f"{it}.openstack.org" for it in names]
    assert {n for n, it in RELEASES.items() if fits_definitions(it, definitions)} == fitting
