"""What the released packages of Kuryr say of themselves; tests/specs/options/dump.py asked them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

DIRECTORY = Path(__file__).parents[1] / "specs" / "options"


@cache
def released(release: str) -> dict[str, Any]:
    """Packages, options with defaults, handlers and VIF drivers of a release."""
    found: dict[str, Any] = json.loads((DIRECTORY / f"{release}.json").read_text())
    return found
