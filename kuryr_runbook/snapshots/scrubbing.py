"""Removes secrets from texts of others, such as logs and events."""

from __future__ import annotations

import re

LENGTH = 300
"""Characters of a text that are kept by default."""
LOOKED_AT = 2000
"""Characters of it that are searched; it is cut where no token can be half inside."""
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
"""Tokens and keys by their form; the longest harmless texts, ids of requests, have 40 characters.
"""

_OBJECT = re.compile(r"\{.*", re.DOTALL)
"""Objects: Kuryr logs whole ones, with the environment of their containers."""
_ANSWER = re.compile(r"""["']?kind["']?: ?["']Status["']|NeutronError|faultstring""")
"""An object that is an API's refusal, which is worth reading."""


def scrubbed(text: str, length: int = LENGTH) -> str:
    """A text's first `length` characters, without objects and anything that looks like a secret."""
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
