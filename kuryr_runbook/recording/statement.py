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

RECORD = "record.json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:kuryr-runbook:record:1"

Predicate = Mapping[str, Any]


def digest_of(content: bytes) -> str:
    """SHA-256, as hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def files_of(directory: Path) -> dict[str, Path]:
    """Every file of a run by its path below the run's directory, without the record itself.

    What is neither file nor directory, such as a link, is among them: a record has none of those.
    """
    return {
        str(path.relative_to(directory)): path
        for path in sorted(directory.rglob("*"))
        if (path.is_symlink() or not path.is_dir()) and path != directory / RECORD
    }


def statement_of(directory: Path, predicate: Predicate) -> dict[str, Any]:
    """The statement about a run's directory as it is now.

    Raises RecordError when there is something in it that is no plain file.
    """
    files = files_of(directory)
    for path in files.values():
        if path.is_symlink() or not path.is_file():
            raise RecordError(
                f"{path} is no plain file, so what it holds may change",
                remedy="the run stays without a record; write files into the run's directory",
            )
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": name, "digest": {"sha256": digest_of(path.read_bytes())}}
            for name, path in files.items()
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
