"""What a record states: the digest of every file of a run, and the run in machine-readable form.

It is an in-toto statement, version 1, with a predicate type of our own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kuryr_runbook.model.errors import RecordError
from kuryr_runbook.model.findings import PLUGIN_DIGEST
from kuryr_runbook.recording.contents import NotPlainError, entries_of, read_plain

RECORD = "record.json"
TIMESTAMP = "timestamp.json"
BESIDE = (RECORD, TIMESTAMP)
"""Files in a run's directory that its record does not list."""
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:kuryr-runbook:record:1"

Predicate = Mapping[str, Any]


def digest_of(content: bytes) -> str:
    """SHA-256, as hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def statement_of(directory: Path, predicate: Predicate) -> dict[str, Any]:
    """The statement about a run's directory as it is now.

    Raises RecordError when anything in it is not a plain file.
    """
    try:
        entries = [name for name in entries_of(directory) if name not in BESIDE]
        contents = {name: read_plain(directory, name) for name in entries}
    except OSError as error:
        raise RecordError(f"{directory} cannot be read: {error.strerror}") from error
    except NotPlainError as error:
        raise RecordError(
            f"{directory}: {error}, so its content could change",
            remedy="the run has no record; only put plain files into a run's directory",
        ) from error
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": name, "digest": {"sha256": digest_of(content)}}
            for name, content in contents.items()
        ],
        "predicateType": PREDICATE_TYPE,
        "predicate": dict(predicate),
    }


def phase_facts(displayed: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The data that a phase's cells displayed, merged: for each key the last value counts.

    So a phase that was carried out first has its plan, and later its outcomes. The findings of
    disturbances are added to those of the checks.
    """
    facts: dict[str, Any] = {}
    for item in displayed:
        facts |= item
    if "resilience" in facts:
        facts["findings"] = [*facts.get("findings", ()), *facts.pop("resilience")]
    if plugins := sorted(set(_plugins(facts.get("findings", ())))):
        facts["plugins"] = {"sha256": plugins}
    return facts


def _plugins(findings: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """Digests of the CNI plugin on the nodes, from the facts of the daemon's findings."""
    facts = (finding.get("facts", {}) for finding in findings)
    return (found[PLUGIN_DIGEST] for found in facts if PLUGIN_DIGEST in found)
