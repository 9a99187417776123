"""For all tests: what must not depend on the clock, or on whose machine it is, does not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from worlds.object_store import bucket, endpoint  # noqa: F401 - fixtures

# A grammar that jsonschema would compile on import, for seconds: no test has such addresses.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

LOCKING = {"phases", "recording", "running"}
"""Folders of tests that take locks, make runs, or note what the newest record is."""


@pytest.fixture
def own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No lock, key or note of this user's: of the machine's runs, or of other tests."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(autouse=True)
def _own_state_where_sites_are_locked(request: pytest.FixtureRequest) -> None:
    if LOCKING.intersection(request.path.parts):
        request.getfixturevalue("own_state")
