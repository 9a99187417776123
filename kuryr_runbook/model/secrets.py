"""Secrets, and how to find them in text in any form.

A value is searched for verbatim, with its characters escaped in any way, and as a part of base64
and the like, at any offset and with any line breaks: see `encodings`. Some secrets are recognized
by their form alone: private keys, and the tokens of Keystone and of service accounts.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, AnyStr

from kuryr_runbook.model.encodings import cores, forms, levels

SHORTEST = 8
"""Characters; anything shorter is hardly a secret, and is part of many ordinary words."""
HEAD = 8
"""Bytes of an encoded secret that are searched for first; none has fewer."""
LINES = 4096
"""Bytes up to which a text, such as a cell's output, is searched once for all secrets."""
SHORTEST_LINE = 16
"""Characters of a line that is searched for separately: a key may be printed line by line."""
COMMON = frozenset(("password", "changeme", "openstack", "devstack", "kubernetes", "keystone"))
"""Passwords of test installations, which are also ordinary words in our texts."""
REDACTED = "[redacted]"

SECRET_NAME = re.compile(r"(?:pass(?:word|wd|code|phrase)|secret|token)$", re.IGNORECASE)
"""Names of settings whose values are secrets."""

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_BLANKS = " \t\r\n"
_STANDARD = bytes.maketrans(b"-_", b"+/")
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=")
_KEY_KINDS = ("", "RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED ")


def _encoded_key() -> str:
    """The start of a private key in base64, for each kind; the last group may contain more."""
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
    """A value that nobody may see, and in words where it comes from."""

    value: str = field(repr=False)
    origin: str


class KnownSecrets:
    """The secrets that texts are searched for."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._secrets: set[Secret] = set()
        self._literals: dict[str, str] = {}
        self._cores: dict[bytes, str] = {}
        self._heads: set[bytes] = set()
        """The starts of the cores, all of which are searched for at once."""
        self.add(secrets)

    def add(self, secrets: Iterable[Secret]) -> None:
        """Add secrets; those that look like ordinary words are not searched for."""
        for secret in {*secrets} - self._secrets:
            self._secrets.add(secret)
            if _is_indistinct(secret.value):
                continue
            for form in _forms(secret.value):
                self._literals.setdefault(form, secret.origin)
            for core, how in cores(secret.value):
                self._cores.setdefault(core, f"{secret.origin}, {how}")
                self._heads.add(core[:HEAD])

    @property
    def secrets(self) -> frozenset[Secret]:
        """All known secrets."""
        return frozenset(self._secrets)

    @property
    def indistinct(self) -> list[str]:
        """The origins of secrets that look like ordinary words, and so are not searched for."""
        return sorted({x.origin for x in self._secrets if x.value and _is_indistinct(x.value)})

    def redacted(self, text: str) -> str:
        """The text without any secret."""
        found = (
            origin(begin, end)
            for level, origin in levels(text)
            for begin, end, _ in self._places(level)
        )
        pieces: list[str] = []
        done = 0
        for begin, end in _merged(found):
            pieces += (text[done:begin], REDACTED)
            done = end
        return "".join([*pieces, text[done:]])

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
        """Which of them the text contains, in words that reveal no part of a secret."""
        plain = _ANSI.sub("", text)
        found = (what for level, _ in levels(plain) for _, _, what in self._places(level))
        return list(dict.fromkeys(found))

    def _places(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Start and end of each secret in a text, and what it is."""
        for form, origin in self._literals.items():
            for begin in _all_of(form, text):
                yield begin, begin + len(form), origin
        yield from self._encoded_places(text)
        for name, pattern in PATTERNS:
            for match in pattern.finditer(text):
                yield *match.span(), name

    def _encoded_places(self, text: str) -> Iterator[tuple[int, int, str]]:
        """The same for secrets in encoded bytes: the span of these bytes."""
        squeezed = _squeezed(text)
        if len(squeezed) < LINES and not self._may_hold(squeezed):
            return
        found = [(core, origin) for core, origin in self._cores.items() if core in squeezed]
        places = [at for at, char in enumerate(text) if char not in _BLANKS] if found else []
        for core, origin in found:
            for at in _all_of(core, squeezed):
                begin, end = places[at], places[at + len(core) - 1] + 1
                while begin and text[begin - 1] in _BASE64:
                    begin -= 1
                while end < len(text) and text[end] in _BASE64:
                    end += 1
                yield begin, end, origin

    def _may_hold(self, squeezed: bytes) -> bool:
        """Whether a text contains the start of an encoded secret: faster than one by one."""
        places = range(len(squeezed) - HEAD + 1)
        return not self._heads.isdisjoint(squeezed[at : at + HEAD] for at in places)


def _all_of(part: AnyStr, whole: AnyStr) -> Iterator[int]:
    """The offsets of all occurrences of the part in the whole."""
    at = whole.find(part)
    while at >= 0:
        yield at
        at = whole.find(part, at + 1)


def _merged(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The spans, with overlapping ones merged."""
    last: tuple[int, int] | None = None
    for begin, end in sorted(spans):
        if last is not None and begin < last[1]:
            last = (last[0], max(last[1], end))
            continue
        if last is not None:
            yield last
        last = (begin, end)
    if last is not None:
        yield last


def _is_indistinct(value: str) -> bool:
    return len(value) < SHORTEST or value.lower() in COMMON


def _forms(value: str) -> set[str]:
    """The forms that a value may have in a text, also line by line."""
    lines = {line.strip() for line in value.splitlines()} if "\n" in value else set()
    long_lines = {x for x in lines if len(x) >= SHORTEST_LINE and not x.startswith("-----")}
    # A file's last line break is not part of the secret in it.
    found = forms(value) | {value.strip(), *long_lines}
    return {form for form in found if len(form) >= SHORTEST}


def _squeezed(text: str) -> bytes:
    """The text without whitespace and in base64's standard alphabet: a byte for a character."""
    return text.encode("ascii", errors="replace").translate(_STANDARD, _BLANKS.encode())
