"""What of a record's content is read, and of which types it has to be.

A record is read before it is known whether anyone signed it, to list, show and compare it: so
whatever else it contains, these fields are there. What is not listed here is only kept.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class _Part(BaseModel):
    model_config = ConfigDict(strict=True)


class _Step(_Part):
    action: str
    kind: str
    name: str
    id: str | None
    seconds: float | None = None


class _Outcome(_Step):
    done: str


class _Plan(_Part):
    counts: dict[str, int]
    steps: list[_Step]


class _Finding(_Part):
    check: str
    title: str
    status: str
    evidence: str
    subject: str
    remedy: str


class _Image(_Part):
    name: str
    digest: str


class _Plugins(_Part):
    sha256: list[str]


class _Phase(_Part):
    phase: str
    notebook: str
    status: str
    error: str | None
    seconds: float | None
    plan: _Plan = _Plan(counts={}, steps=[])
    outcomes: list[_Outcome] = []
    findings: list[_Finding] = []
    ids: dict[str, str] = {}
    image: _Image | None = None
    plugins: _Plugins = _Plugins(sha256=[])


class _Run(_Part):
    directory: str
    status: str
    started: str
    ended: str | None
    dry_run: bool
    command: str
    arguments: list[str] = []
    cwd: str = ""


class _By(_Part):
    user: str
    host: str


class _Digest(_Part):
    sha256: str


class _Site(_Part):
    name: str
    digest: _Digest
    parameters: dict[str, Any]


class _Previous(_Part):
    model_config = ConfigDict(extra="forbid")
    number: int = Field(ge=1)
    sha256: str
    directory: str
    path: str = ""


class _Predicate(_Part):
    number: int | None = Field(ge=1)
    previous: _Previous | None
    run: _Run
    by: _By
    site: _Site
    runbook: dict[str, str]
    packages: dict[str, str | None]
    cloud: dict[str, Any]
    cluster: dict[str, Any]
    phases: list[_Phase]
    recorded: str = ""
    path: str = ""
    place: str = ""
    index: str | None = None
    index_of_all: str | None = None
    timestamp: str | None = None


class _Subject(_Part):
    name: str
    digest: _Digest


class _Statement(_Part):
    subject: list[_Subject]
    predicate: _Predicate


def misshapen(statement: object) -> str:
    """Where a record's statement is not of its shape, and why; empty if it is."""
    try:
        _Statement.model_validate(statement)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return ""
