"""Texts that others wrote, logs and events, without the secrets that may stand in them."""

from __future__ import annotations

import re

LENGTH = 300
"""How much of a text is kept where nothing else is said."""
LOOKED_AT = 2000
"""How much of it is looked at; it is cut off where no token can be half inside."""
LONGEST_TOKEN = 200

_HIDDEN = "***"
_NAMED = re.compile(
    r"""(?ix) ( (?:[\w-]*(?:password|passwd|secret|token|api[_-]?key|private[_-]?key)[\w-]*
               |authorization|cookie)
               ["']? \s* (?:[=:]|\s+is\b) \s* (?:b(?=["']))? )
        ( "[^"]*" | '[^']*' | (?:bearer\s+|basic\s+)?[^\s,;}\])]+ )"""
)
_SCHEME = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}")
_IN_URL = re.compile(r"(?<=://)[^/\s@]+(?=@)")
_LONG = re.compile(r"[\w+/=-]{44,}|\beyJ[\w-]+\.[\w-]+\.[\w-]*|\bgAAAA[\w=-]+")
"""Tokens and keys by their looks; the longest of the harmless, ids of requests, have 40."""

_OBJECT = re.compile(r"\{.*", re.DOTALL)
"""Kuryr logs whole objects, with the environment of their containers."""
_ANSWER = re.compile(r"""["']?kind["']?: ?["']Status["']|NeutronError|faultstring""")
"""An object that is an API's refusal, and what one wants to read."""


def scrubbed(text: str, length: int = LENGTH) -> str:
    """A text's first `length` characters, without objects and what looks like a secret."""
    text = _OBJECT.sub(_refusals_only, text)
    if len(text) > LOOKED_AT:
        text = text[: LOOKED_AT - LONGEST_TOKEN]
    for pattern, instead in (
        (_IN_URL, _HIDDEN),
        (_SCHEME, rf"\1 {_HIDDEN}"),
        (_NAMED, rf"\1{_HIDDEN}"),
        (_LONG, _HIDDEN),
    ):
        text = pattern.sub(instead, text)
    return text if len(text) <= length else f"{text[: length - 3]}..."


def _refusals_only(found: re.Match[str]) -> str:
    end = found[0].rpartition("}")[2]
    return found[0] if _ANSWER.search(found[0]) else f"{{...}}{end if '}' in found[0] else ''}"
