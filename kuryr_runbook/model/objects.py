"""Objects of the two APIs as JSON, at the edges where they are read or written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Manifest = Mapping[str, Any]
"""An object of Kubernetes."""
Resource = Mapping[str, Any]
"""A resource of OpenStack."""
