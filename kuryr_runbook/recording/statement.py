"""What a record states: the digest of every file of a run, and the run in a form for machines.

An in-toto statement, version 1, whose predicate is of a type of our own.
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
"""What a run's directory holds beside the files that its record states."""
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:kuryr-runbook:record:1"

Predicate = Mapping[str, Any]


def digest_of(content: bytes) -> str:
    """SHA-256, as hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def statement_of(directory: Path, predicate: Predicate) -> dict[str, Any]:
    """The statement about a run's directory as it is now.

    Raises RecordError when there is something in it that is no plain file.
    """
    try:
        entries = [name for name in entries_of(directory) if name not in BESIDE]
        contents = {name: read_plain(directory, name) for name in entries}
    except OSError as error:
        raise RecordError(f"{directory} cannot be read: {error.strerror}") from error
    except NotPlainError as error:
        raise RecordError(
            f"{directory}: {error}, so what it holds may change",
            remedy="the run stays without a record; write files into the run's directory",
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
    """What the cells of a phase displayed for machines, as one: of each kind what came last.

    A phase that was carried out shows its plan first, and what came of it later. The findings of
    its disturbances stand beside those of its checks, and are findings as they are.
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
    """Digests of the CNI plugin on the nodes, which the daemon's findings have as a fact."""
    facts = (finding.get("facts", {}) for finding in findings)
    return (found[PLUGIN_DIGEST] for found in facts if PLUGIN_DIGEST in found)
