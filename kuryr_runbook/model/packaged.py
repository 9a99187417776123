"""Where the files lie that come with the package beside its code."""

from __future__ import annotations

from pathlib import Path

import kuryr_runbook


def packaged(folder: str) -> Path:
    """The folder `notebooks` or `parameters`: in the wheel its data, else the checkout's."""
    package = Path(kuryr_runbook.__file__).parent
    data = package / "share" / folder
    return data if data.is_dir() else package.parent / folder
