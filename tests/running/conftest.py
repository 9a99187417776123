"""What the tests of runs share."""

from __future__ import annotations

import pytest

from kuryr_runbook.running import kernel_start, kernels


@pytest.fixture(autouse=True)
def _lean_kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels that do not import the SDKs first: that is half of their time, and no cell uses them.

    How kernels begin in earnest is tested in test_kernels.py.
    """
    if request.path.stem != "test_kernels":
        monkeypatch.setattr(kernels, "FIRST_LINE", f'__import__("{kernel_start.__name__}")')
