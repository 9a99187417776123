"""Plans in files: saved to be looked at and approved, and read again to be carried out."""

from __future__ import annotations

import json
from pathlib import Path

from kuryr_runbook.clients.writing import write_file
from kuryr_runbook.model.approval import MAKE_ONE, Document, parse_document
from kuryr_runbook.model.errors import UsageError
from kuryr_runbook.model.site import Site


def write_document(document: Document, path: Path) -> None:
    """Save a site's plans. Raises UsageError when the file cannot be written."""
    write_file(path, f"{json.dumps(document, indent=2)}\n")


def read_document(path: Path, site: Site) -> Document:
    """A saved plan. Raises UsageError when it cannot be read, or is none for that site."""
    try:
        text = path.read_text()
    except OSError as error:
        raise UsageError(
            f"the saved plan {path} cannot be read: {error.strerror}", remedy=MAKE_ONE
        ) from error
    return parse_document(text, str(path), site)
