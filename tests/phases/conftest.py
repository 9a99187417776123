"""What the tests of phases share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No lock of this user's: of the machine's runs, or of other tests."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
