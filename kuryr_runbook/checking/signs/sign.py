"""A sign: how to recognize a cause in a log record, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from kuryr_runbook.checking.verdicts import (
    CONTROLLER_EFFECTS,
    DAEMON_EFFECTS,
    POD_EFFECTS,
    SERVICE_EFFECTS,
    phase,
)
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.snapshots.logs import LogRecord

SELF = frozenset({"controller-ready", "controller-restarts"})
WORK = CONTROLLER_EFFECTS | SELF
"""The effects when the controller cannot do anything."""
PODS = POD_EFFECTS | SELF
"""The effects when it assigns no interfaces to pods."""
LOAD_BALANCING = SERVICE_EFFECTS | SELF
EXTERNAL = frozenset({"external-address"})
DAEMON_WORK = DAEMON_EFFECTS | {"daemon-ready"}

_HARMLESS = re.compile(
    r"""(?ix) \bignor(?:ed|ing)\b | \bcan\ be\ ignored\b | Exception\ ignored\ in
        | \bretr(?:y|ies|ied)\b .{0,60} \bsucce\w+ | \bsucce\w+ .{0,60} \bretr(?:y|ies|ied)\b
        | \bsucceeded\ after\b | Retrying\ \(Retry\(total=[1-9]
        | because\ it\ is\ being\ terminated | Namespace\ already\ terminated
        | \bnon[ ]critical\b"""
)
"""Lines that say themselves that they have no effect (kuryr-kubernetes, urllib3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """A kind of line, and its meaning."""

    name: str
    """A stable name, listed in docs/troubleshooting.md."""
    patterns: tuple[str, ...]
    """All of them match somewhere in the record, in its text or its exceptions."""
    means: str
    remedy: str
    explains: frozenset[str]
    fixing_phase: str
    """The phase whose plan fixes it; empty: none does."""
    is_answered: Callable[[Look], bool]
    """Whether a check reports the current state instead; the line may be older than that."""

    def fits(self, text: str) -> bool:
        """Whether a text has all parts of the sign."""
        return all(_compiled(pattern).search(text) for pattern in self.patterns)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """The pattern, compiled when it is first needed: there are many, and most logs are short."""
    return re.compile(pattern, re.IGNORECASE | re.MULTILINE)


def _never(look: Look) -> bool:
    return False


def sign(
    name: str,
    patterns: str | tuple[str, ...],
    means: str,
    remedy: str,
    explains: frozenset[str],
    is_answered: Callable[[Look], bool] = _never,
) -> Sign:
    """A sign that no single phase fixes."""
    texts = (patterns,) if isinstance(patterns, str) else patterns
    return Sign(
        name=name,
        patterns=texts,
        means=means,
        remedy=remedy,
        explains=explains,
        fixing_phase="",
        is_answered=is_answered,
    )


def phase_sign(
    name: str,
    patterns: str | tuple[str, ...],
    means: str,
    fixing_phase: str,
    explains: frozenset[str],
    before: str = "",
) -> Sign:
    """A sign of something that a phase fixes, after `before` was done."""
    remedy = f"{before}; then {phase(fixing_phase)}" if before else phase(fixing_phase)
    made = sign(name, patterns, means, remedy, explains)
    return Sign(
        name=made.name,
        patterns=made.patterns,
        means=means,
        remedy=remedy,
        explains=explains,
        fixing_phase=fixing_phase,
        is_answered=made.is_answered,
    )


def sign_of(record: LogRecord, signs: Iterable[Sign]) -> Sign | None:
    """A record's meaning: the first sign that fits, since the more specific ones come first."""
    text = record.whole
    if _HARMLESS.search(text):
        return None
    return next((sign for sign in signs if sign.fits(text)), None)


def http(codes: str) -> str:
    """A pattern for HTTP statuses that does not match ports, processes, sizes or times.

    In the notations of keystoneauth, openstacksdk, neutronclient, requests and Kubernetes.
    """
    code, alone = f"(?:{codes})", r"(?<![\w.:/-])"
    return "|".join(
        (
            rf"\(HTTP {code}\)",
            rf"\bHTTP(?:/[\d.]+)?\"?(?: status| error)?:? {code}\b(?![.:-]\d)",
            rf"{alone}{code}:? (?:Client|Server) Error\b",
            rf"\bstatus[ _]?code['\"]?\s*[:=]?\s*{code}\b",
            rf"['\"]code['\"]: ?{code}\b",
            rf"<Response \[{code}\]>",
            rf"{alone}{code}:? (?:Unauthorized|Forbidden|Service Unavailable|Bad Gateway"
            r"|Internal Server Error|Gateway Time-?out|Gone)\b",
        )
    )


def raised(names: str) -> str:
    """A pattern for exceptions with these names, in a traceback or a `repr`."""
    return rf"(?<![\w/-])(?:{names})(?:Client|Exception|Error)?(?=[:(]|$)"
