"""The lists of pinned packages: every line has hashes, and each list suits its input."""

from __future__ import annotations

import re

import pytest
from making.pins import LAB, PinnedList, pinned_lists
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version
from support.repository import REPOSITORY

PINNED = re.compile(r"^([\w.-]+)==([\w.]+) ((?:\\\n    --hash=sha256:[0-9a-f]{64} ?)+)$", re.M)
LISTS = list(pinned_lists())
OLDEST = {
    "certifi": "2026",
    "cryptography": "46",
    "eventlet": "0.40",
    "flask": "3.1",
    "idna": "3.10",
    "jinja2": "3.1.6",
    "openstacksdk": "4.5",
    "protobuf": "6",
    "pyroute2": "0.9",
    "pyyaml": "6.0.2",
    "requests": "2.32.4",
    "setuptools": "78.1.1",
    "sqlalchemy": "2",
    "urllib3": "2.6",
    "werkzeug": "3.1",
}
"""The oldest that the modern set may have of what parses, encrypts or talks to the network."""


def pins(pinned: PinnedList) -> dict[NormalizedName, str]:
    found = PINNED.findall(pinned.path.read_text())
    return {canonicalize_name(name): version for name, version, _ in found}


def wanted(pinned: PinnedList) -> list[Requirement]:
    lines = pinned.input.read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "--"))]


@pytest.mark.parametrize("pinned", LISTS, ids=lambda pinned: pinned.path.name)
def test_every_package_is_pinned_with_hashes_and_the_list_says_how_it_was_made(
    pinned: PinnedList,
) -> None:
    text = pinned.path.read_text()
    assert "#    make pins\n" in text.split("==")[0]
    rest = PINNED.sub("", text).splitlines()
    assert [line for line in rest if line and not line.startswith("#")] == []


def held(pinned: PinnedList) -> dict[NormalizedName, str]:
    """The packages that may not be the newest, each with the reason above it."""
    found: dict[NormalizedName, str] = {}
    reason = ""
    for line in pinned.input.read_text().splitlines():
        if line.startswith("#"):
            reason = line.removeprefix("# ")
        elif line and not line.startswith(("--", "kuryr-kubernetes")):
            requirement = Requirement(line)
            if requirement.specifier:
                found[canonicalize_name(requirement.name)] = reason
        else:
            reason = ""
    return found


@pytest.mark.parametrize("pinned", LISTS, ids=lambda pinned: pinned.path.name)
def test_what_may_not_be_the_newest_has_its_reason(pinned: PinnedList) -> None:
    exact = ("keystone", "neutron", "octavia", "ovn-octavia-provider")
    for name, reason in held(pinned).items():
        assert reason or (pinned.path.parent == LAB and name in exact), name


def test_the_modern_set_is_recent_but_for_what_has_a_reason() -> None:
    [pinned] = [it for it in LISTS if it.path.name == "modern.txt"]
    found = pins(pinned)
    old = {
        name
        for name, oldest in OLDEST.items()
        if Version(found[canonicalize_name(name)]) < Version(oldest)
    }
    assert not old - held(pinned).keys()
    page = (REPOSITORY / "docs" / "security.md").read_text()
    for name, reason in held(pinned).items():
        version = next(it.specifier for it in wanted(pinned) if it.name == name)
        assert f"| `{name}{version}` | {reason.removesuffix('.')} |" in page


@pytest.mark.parametrize("pinned", LISTS, ids=lambda pinned: pinned.path.name)
def test_a_list_suits_its_input(pinned: PinnedList) -> None:
    found = pins(pinned)
    assert wanted(pinned)
    for requirement in wanted(pinned):
        if requirement.name == "kuryr-kubernetes":  # Its hash is in the catalogue.
            continue
        assert requirement.specifier.contains(found[canonicalize_name(requirement.name)])
