"""Secrets, and finding them in text in whatever form they stand there.

A value is looked for as it is, URL-encoded, escaped as in JSON, Python or HTML, and as a part of
base64, wherever it begins in it and however that is broken into lines. Some kinds of secrets show
by their form alone: private keys, Keystone's tokens, tokens of service accounts.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus

SHORTEST = 8
"""Characters; what is shorter is no secret worth the name, and part of many an ordinary word."""
SHORTEST_LINE = 16
"""Characters of a line that is looked for by itself: a key may be printed line by line."""
COMMON = frozenset(("password", "changeme", "openstack", "devstack", "kubernetes", "keystone"))
"""Passwords of installations for trying things out, and words of every other sentence here."""
REDACTED = "[redacted]"

SECRET_NAME = re.compile(r"(?:pass(?:word|wd|code|phrase)|secret|token)$", re.IGNORECASE)
"""Names of settings whose values are secrets."""

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_BLANKS = " \t\r\n"
_STANDARD = bytes.maketrans(b"-_", b"+/")
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=")
_KEY_KINDS = ("", "RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED ")


def _encoded_key() -> str:
    """How a private key in base64 begins, by its kind; the last group may hold what follows."""
    heads = (f"-----BEGIN {kind}PRIVATE KEY-----".encode() for kind in _KEY_KINDS)
    begins = (base64.b64encode(head[: len(head) // 3 * 3]).decode() for head in heads)
    return "|".join(re.escape(begin) for begin in begins)


PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "a private key",
        re.compile(
            r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----"
            r"(?:\\+[nr]|\s|[A-Za-z-]+: [^\n\\]*)*[A-Za-z0-9+/=]{16,}"
            r"(?:(?!-----)[\s\S])*(?:-----END [A-Z0-9 ]+-----)?"
        ),
    ),
    ("a private key, in base64", re.compile(rf"(?:{_encoded_key()})[A-Za-z0-9+/=\s]*")),
    (
        "a token of Keystone",
        re.compile(r"(?<![A-Za-z0-9+/_-])gAAAA[A-Za-z0-9_-]{60,}={0,2}"),
    ),
    (
        "a token of a service account",
        re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    ),
)


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that nobody may see, and in words where it is from."""

    value: str = field(repr=False)
    origin: str


class KnownSecrets:
    """The secrets that texts are searched for."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._secrets: set[Secret] = set()
        self._literals: dict[str, str] = {}
        self._cores: dict[bytes, str] = {}
        self.add(secrets)

    def add(self, secrets: Iterable[Secret]) -> None:
        """Know these too; what cannot be told from words is not looked for."""
        for secret in {*secrets} - self._secrets:
            self._secrets.add(secret)
            if _is_indistinct(secret.value):
                continue
            for form in _forms(secret.value):
                self._literals.setdefault(form, secret.origin)
            for core in _base64_cores(secret.value.encode()):
                self._cores.setdefault(core, f"{secret.origin}, in base64")
        # The longer first: one may be a part of another.
        self._literals = dict(sorted(self._literals.items(), key=lambda item: -len(item[0])))

    @property
    def indistinct(self) -> list[str]:
        """Where the secrets are from that cannot be told from words, and so are not looked for."""
        return sorted({x.origin for x in self._secrets if x.value and _is_indistinct(x.value)})

    def redacted(self, text: str) -> str:
        """The text without any secret."""
        for form in self._literals:
            if form in text:
                text = text.replace(form, REDACTED)
        squeezed = _squeezed(text)
        for core in self._cores:
            if core in squeezed:
                text = _without_base64(text, core)
                squeezed = _squeezed(text)
        for _, pattern in PATTERNS:
            text = pattern.sub(REDACTED, text)
        return text

    def redacted_value(self, value: Any) -> Any:
        """The same JSON value without any secret in its texts."""
        match value:
            case str():
                return self.redacted(value)
            case dict():
                return {
                    self.redacted_value(key): self.redacted_value(item)
                    for key, item in value.items()
                }
            case list() | tuple():
                return [self.redacted_value(item) for item in value]
        return value

    def found_in(self, text: str) -> list[str]:
        """What the text holds of them, in words; nothing of a secret itself."""
        plain = _ANSI.sub("", text)
        squeezed = _squeezed(plain.replace("\\n", ""))
        found = [origin for form, origin in self._literals.items() if form in plain]
        found += [origin for core, origin in self._cores.items() if core in squeezed]
        found += [name for name, pattern in PATTERNS if pattern.search(plain)]
        return list(dict.fromkeys(found))


def _is_indistinct(value: str) -> bool:
    return len(value) < SHORTEST or value.lower() in COMMON


def _forms(value: str) -> set[str]:
    """The texts in which a value may stand, but for base64."""
    urls = {quote(value, safe=""), quote(value), quote_plus(value)}
    lower = {re.sub("%[0-9A-F]{2}", lambda code: code[0].lower(), url) for url in urls}
    escaped = {_escaped(value), _escaped(value, ascii_only=True), repr(value)[1:-1]}
    twice = {_escaped(form) for form in escaped}
    pages = {html.escape(form) for form in (value, *escaped)}
    lines = {line.strip() for line in value.splitlines()} if "\n" in value else set()
    long_lines = {x for x in lines if len(x) >= SHORTEST_LINE and not x.startswith("-----")}
    # A file's last line break is no part of the secret in it.
    forms = {value, value.strip(), *urls, *lower, *escaped, *twice, *pages, *long_lines}
    return {form for form in forms if len(form) >= SHORTEST}


def _escaped(value: str, *, ascii_only: bool = False) -> str:
    return json.dumps(value, ensure_ascii=ascii_only)[1:-1]


def _base64_cores(value: bytes) -> Iterator[bytes]:
    """What base64 always has of a value inside other bytes: one text for each alignment."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + value)
        first = (0, 2, 3)[before]
        partial = (0, 3, 2)[(before + len(value)) % 3]
        yield encoded[first : len(encoded) - partial]


def _squeezed(text: str) -> bytes:
    """The text as base64 in its standard alphabet would be, in one line: a byte for a character."""
    return text.encode("ascii", errors="replace").translate(_STANDARD, _BLANKS.encode())


def _without_base64(text: str, core: bytes) -> str:
    """The text with REDACTED for the base64 in which the core stands, as far as that reaches."""
    places = [place for place, char in enumerate(text) if char not in _BLANKS]
    at = _squeezed(text).find(core)
    begin, end = places[at], places[at + len(core) - 1] + 1
    while begin and text[begin - 1] in _BASE64:
        begin -= 1
    while end < len(text) and text[end] in _BASE64:
        end += 1
    rest = text[end:]
    # There may be others behind it.
    if core in _squeezed(rest):
        rest = _without_base64(rest, core)
    return f"{text[:begin]}{REDACTED}{rest}"
