"""The catalogue: complete, and true to the packages as they were published."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from itertools import pairwise
from pathlib import Path

import pytest
from support.released import released

import kuryr_runbook
from kuryr_runbook.clients.images.kuryr import image_sources
from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.releases import (
    RELEASES,
    SOURCES,
    ConstraintsName,
    MtuRule,
    Release,
    hazards,
    minor_version,
)

PACKAGE = Path(kuryr_runbook.__file__).parent
OURS = {"nested-macvlan-locked", "neutron-vif-as-is"}
PINNED = re.compile(r"^([\w.-]+)==(\S+) ", re.MULTILINE)
every_release = pytest.mark.parametrize("release", RELEASES.values(), ids=list(RELEASES))


def test_the_releases_from_stein_to_the_last_are_there_in_order() -> None:
    assert list(RELEASES) == [
        "stein", "train", "ussuri", "victoria", "wallaby", "xena", "yoga", "zed", "2023.1",
        "2023.2", "2024.1",
    ]  # fmt: skip
    versions = [minor_version(release.version) for release in RELEASES.values()]
    assert versions == sorted(set(versions))


def test_every_fact_has_a_source() -> None:
    assert set(SOURCES) == {field.name for field in fields(Release)}
    for release in RELEASES.values():
        for hazard in release.hazards:
            assert hazard.text
            assert hazard.way_out
            assert hazard.source


@every_release
def test_the_package_is_the_one_that_was_asked(release: Release) -> None:
    assert released(release.name)["packages"]["kuryr-kubernetes"] == release.version


@every_release
def test_handlers_and_drivers_are_entry_points_of_the_package(release: Release) -> None:
    assert set(release.handlers) <= set(released(release.name)["handlers"])
    drivers = set(released(release.name)["vif_drivers"])
    assert set(release.vif_drivers.values()) - OURS <= drivers


@every_release
def test_every_driver_works(release: Release) -> None:
    assert set(release.vif_drivers) == set(VifDriver)
    assert release.vif_drivers[VifDriver.NESTED_MACVLAN] in OURS


@every_release
def test_options_have_the_names_and_defaults_of_the_package(release: Release) -> None:
    options = released(release.name)["options"]
    names = {name for name in options["pod_vif_nested"] if name.startswith("worker_nodes_subnet")}
    assert names == {release.worker_subnet_option}
    ours = {"member_mode", "enforce_sg_rules", "lb_algorithm"}
    ours |= {"timeout_client_data", "timeout_member_data"}
    assert release.octavia_options == ours & set(options["octavia_defaults"])
    for name, default in release.defaults.items():
        section, _, option = name.partition(".")
        found = options[section][option]
        if isinstance(found, list):
            found = ",".join(found)
        assert ("" if found is None else str(found)) == default, name


def test_every_default_that_differs_between_releases_is_reported() -> None:
    reported = set(RELEASES["stein"].defaults)
    changed = set()
    for section, options in released("stein")["options"].items():
        for option in options:
            values = {
                str(released(name)["options"][section][option])
                for name in RELEASES
                if option in released(name)["options"].get(section, {})
            }
            if len(values) > 1:
                changed.add(f"{section}.{option}")
    assert reported == changed


@every_release
def test_the_plugin_finds_the_daemon_whatever_its_default(release: Release) -> None:
    assert release.cni_plugin.daemon_address == "127.0.0.1:5036"
    assert minor_version(release.cni_plugin.built_from) >= (1, 1), "1.0 has no Go plugin"


@every_release
def test_state_that_is_in_custom_resources_has_definitions_and_permissions(
    release: Release,
) -> None:
    plurals = {crd.plural for crd in release.crds}
    kinds = {crd.kind for crd in release.crds}
    in_resources = release.vif_state.kind in kinds
    assert in_resources == (release.balancer_state.kind in kinds) == bool(release.finalizers)
    assert in_resources == bool(plurals)
    rules = [rule for rule in release.controller_rules if rule.group == "openstack.org"]
    assert {name for rule in rules for name in rule.resources} <= plurals
    assert in_resources == bool(rules)


@every_release
def test_the_python_of_an_image_suits_its_eventlet(release: Release) -> None:
    for python in release.python:
        assert opens_tls(python, release.pins["eventlet"])
    for constraint_set in release.image.constraint_sets.values():
        pins = dict(PINNED.findall(image_sources()[constraint_set.file].decode()))
        assert opens_tls(constraint_set.python, pins["eventlet"])
        assert takes(pins["eventlet"], pins["dnspython"])


@pytest.mark.parametrize(
    "release",
    [it for it in RELEASES.values() if ConstraintsName.HISTORIC in it.image.constraint_sets],
    ids=lambda release: release.name,
)
def test_the_historic_constraints_are_those_of_upstream_on_a_python_of_the_release(
    release: Release,
) -> None:
    assert len(release.image.constraint_sets) == 2
    historic = release.image.constraint_sets[ConstraintsName.HISTORIC]
    assert historic.python in release.python
    pins = set(PINNED.findall(image_sources()[historic.file].decode()))
    assert set(release.pins.items()) <= pins


def takes(eventlet: str, dnspython: str) -> bool:
    """Which dnspython an eventlet works with.

    Those before 0.32 ask for one below 2 (requirements of 0.26 to 0.31), and before 0.33.3 none can
    be imported with 2.3 or later (issue 781).
    """
    version = tuple(map(int, eventlet.split(".")))
    too_new = (2, 0) if version < (0, 32) else (2, 3) if version < (0, 33, 3) else (3, 0)
    return minor_version(dnspython) < too_new


def opens_tls(python: str, eventlet: str) -> bool:
    """eventlet NEWS 0.26.0, issue 526: before, no SSLContext of Python 3.7 or later."""
    return minor_version(python) < (3, 7) or minor_version(eventlet) >= (0, 26)


def test_octavia_is_asked_for_more_from_release_to_release() -> None:
    asked = [set(release.octavia_features) for release in RELEASES.values()]
    assert all(earlier <= later for earlier, later in pairwise(asked))
    first = {
        feature.name: next(name for name, it in RELEASES.items() if feature in it.octavia_features)
        for feature in RELEASES["2024.1"].octavia_features
    }
    assert first == {
        "access lists of listeners": "ussuri",
        "TCP and UDP on one port": "ussuri",
        "choice of the provider": "victoria",
        "SCTP": "wallaby",
    }


def test_a_window_knows_its_ends() -> None:
    stein, caracal = RELEASES["stein"], RELEASES["2024.1"]
    assert [stein.runs_on(k) for k in ((1, 10), (1, 11), (1, 23), (1, 24))] == [
        False, True, True, False,
    ]  # fmt: skip
    assert [caracal.runs_on(k) for k in ((1, 15), (1, 16), (1, 40))] == [False, True, True]
    assert minor_version("v1.20.2") == (1, 20)
    with pytest.raises(ValueError, match="not a version"):
        minor_version("latest")


def test_no_code_compares_a_release_by_its_name() -> None:
    found = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Compare | ast.match_case)
        for constant in _constants(node)
        if constant in RELEASES or constant in {r.version for r in RELEASES.values()}
    }
    assert found == set()


def _constants(node: ast.AST) -> Iterator[str]:
    operands = node if isinstance(node, ast.Compare) else getattr(node, "pattern", node)
    for child in ast.walk(operands):
        if isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child.value


@every_release
def test_what_is_reported_of_mtus_is_what_diagnosis_goes_by(release: Release) -> None:
    reported = {hazards.UNEQUAL_MTU: MtuRule.EQUAL, hazards.SMALLER_MTU: MtuRule.NO_LARGER}
    rules = [reported[hazard] for hazard in release.hazards if hazard in reported]
    assert rules == ([] if release.mtu_rule is MtuRule.ANY else [release.mtu_rule])


@pytest.mark.parametrize(
    ("rule", "refused"),
    [(MtuRule.ANY, set()), (MtuRule.EQUAL, {1400, 1550}), (MtuRule.NO_LARGER, {1550})],
)
def test_which_mtus_of_the_pods_are_refused_beside_1450_of_the_nodes(
    rule: MtuRule, refused: set[int]
) -> None:
    assert {pods for pods in (1400, 1450, 1550) if rule.refuses(pods, nodes=1450)} == refused
