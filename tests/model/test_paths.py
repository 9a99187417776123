"""Paths with a home directory in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kuryr_runbook.model.paths import expanded


def test_a_home_directory_takes_the_place_of_its_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/operator")
    assert expanded("~/site.yaml") == Path("/home/operator/site.yaml")
    assert expanded(Path("/etc/~")) == Path("/etc/~")


def test_a_user_without_a_home_directory_is_named() -> None:
    with pytest.raises(ValueError, match="there is no home directory ~nobody-here"):
        expanded("~nobody-here/site.yaml")
