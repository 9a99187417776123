"""The lists of pinned packages: every line has hashes, and each list suits its input."""

from __future__ import annotations

import re

import pytest
from making.pins import PinnedList, pinned_lists
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PINNED = re.compile(r"^([\w.-]+)==([\w.]+) ((?:\\\n    --hash=sha256:[0-9a-f]{64} ?)+)$", re.M)
LISTS = list(pinned_lists())


def pins(pinned: PinnedList) -> dict[str, str]:
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


@pytest.mark.parametrize("pinned", LISTS, ids=lambda pinned: pinned.path.name)
def test_a_list_suits_its_input(pinned: PinnedList) -> None:
    found = pins(pinned)
    assert wanted(pinned)
    for requirement in wanted(pinned):
        assert requirement.specifier.contains(found[canonicalize_name(requirement.name)])
