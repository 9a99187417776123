"""Where the package's files are that are not code."""

from __future__ import annotations

from pathlib import Path

import kuryr_runbook


def packaged(folder: str) -> Path:
    """The folder `notebooks` or `parameters`: in a wheel's data, else in the checkout."""
    package = Path(kuryr_runbook.__file__).parent
    data = package / "share" / folder
    return data if data.is_dir() else package.parent / folder
