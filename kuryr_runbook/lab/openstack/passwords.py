"""The cloud's secrets: generated once for a lab, and readable only by their owner."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, fields
from pathlib import Path

from kuryr_runbook.lab.pki import write_private
from kuryr_runbook.model.errors import LabError


@dataclass(frozen=True, slots=True, repr=False)
class Passwords:
    """One secret for each user and key; never shown."""

    admin: str
    neutron: str
    octavia: str
    k8s: str
    kuryr: str
    member: str
    lbmember: str
    ca_passphrase: str
    """Encrypts Octavia's copy of the CA's key."""
    certificate_passphrase: str
    """Octavia encrypts amphorae's keys with it; Octavia requires 32 characters."""
    heartbeat: str


def ensure_passwords(path: Path) -> Passwords:
    """Load the secrets from `path`, and generate the missing ones.

    A lab made by an earlier version lacks those of newer users. Raises LabError like
    `read_passwords`.
    """
    known = _read(path) if path.exists() else {}
    missing = [field.name for field in fields(Passwords) if field.name not in known]
    if missing:
        drawn = {name: secrets.token_hex(16) for name in missing}
        path.parent.mkdir(parents=True, exist_ok=True)
        write_private(path, json.dumps(known | drawn, indent=1).encode())
    return read_passwords(path)


def read_passwords(path: Path) -> Passwords:
    """Load the secrets; raises LabError when they are missing or damaged."""
    if not path.exists():
        raise LabError(
            f"{path}: expected the secrets of the lab's cloud, found no such file",
            remedy="bring the lab up: `kuryr-runbook lab up`",
        )
    try:
        return Passwords(**_read(path))
    except TypeError as error:
        raise _damaged(path) from error


def _read(path: Path) -> dict[str, str]:
    try:
        return dict(json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> LabError:
    return LabError(
        f"{path}: expected the cloud's secrets {_names()}, found something else",
        remedy="remove the lab (`kuryr-runbook lab destroy`) and bring it up again",
    )


def _names() -> str:
    return ", ".join(field.name for field in fields(Passwords))
