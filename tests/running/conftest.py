"""What the tests of runs share."""

from __future__ import annotations

import pytest
from runs.small import LEAN

from kuryr_runbook.running import kernels


@pytest.fixture(autouse=True)
def _lean_kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No cell uses what kernels import first; how they begin in earnest test_kernels.py tests."""
    if request.path.stem != "test_kernels":
        monkeypatch.setattr(kernels, "FIRST_LINE", LEAN)
