"""The forms that a value may have in a text: escaped, and as a part of encoded bytes.

Escapes of single characters (`%41`, `&#65;`, `\\u0041` and the like) are undone and not listed:
however they are mixed or nested, the result is the value. Encodings of bytes (base64, base32,
hexadecimal) are listed: as a part of more bytes, a value has one form for each offset at which it
may start.
"""

from __future__ import annotations

import base64
import html.entities
import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from html import escape
from urllib.parse import quote, quote_plus

DEPTH = 3
"""How deep escapes may be nested."""
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_ESCAPE = re.compile(
    r"(?P<bytes>%[C-Fc-f][0-9A-Fa-f](?:%[89ABab][0-9A-Fa-f]){1,3})"
    r"|%(?:u(?P<u>[0-9A-Fa-f]{4})|(?P<percent>[0-9A-Fa-f]{2}))"
    r"|&(?:#(?P<decimal>[0-9]{1,8})|#[xX](?P<hex>[0-9A-Fa-f]{1,8})|(?P<name>[A-Za-z]{2,8}));"
    r"|(?P<pair>\\u[dD][89ABab][0-9A-Fa-f]{2}\\u[dD][C-Fc-f][0-9A-Fa-f]{2})"
    r"|\\(?:u(?:\{(?P<braced>[0-9A-Fa-f]{1,6})\}|(?P<unicode>[0-9A-Fa-f]{4}))|U(?P<long>[0-9A-Fa-f]{8})"
    r"|x(?P<byte>[0-9A-Fa-f]{2})|(?P<octal>[0-3][0-7]{2})|(?P<simple>[\"'\\/nrtbf]))"
)
_BASES = {"decimal": 10, "octal": 8}


class Unescaped:
    """A text with the escapes of single characters undone once, and where each of them was."""

    def __init__(self, text: str) -> None:
        pieces: list[str] = []
        self._at: list[int] = []
        """Positions in the new text of characters that were escaped."""
        self._spans: list[tuple[int, int]] = []
        """Their positions in the old text."""
        end = length = 0
        for match in _ESCAPE.finditer(text):
            char = _meant(match)
            if char is None:
                continue
            pieces += (text[end : match.start()], char)
            length += match.start() - end
            self._at.append(length)
            self._spans.append(match.span())
            length += 1
            end = match.end()
        self.text = "".join([*pieces, text[end:]])
        self.changed = bool(self._at)

    def origin(self, begin: int, end: int) -> tuple[int, int]:
        """The span in the old text of what is between these positions in the new one."""
        return self._place(begin)[0], self._place(end - 1)[1]

    def _place(self, at: int) -> tuple[int, int]:
        nearest = bisect_right(self._at, at) - 1
        if nearest < 0:
            return at, at + 1
        if self._at[nearest] == at:
            return self._spans[nearest]
        old = self._spans[nearest][1] + at - self._at[nearest] - 1
        return old, old + 1


def _meant(match: re.Match[str]) -> str | None:
    """The character that an escape stands for; None if it is not a valid one."""
    kind = str(match.lastgroup)
    value = match[kind]
    if kind == "bytes":
        found = bytes.fromhex(value.replace("%", "")).decode(errors="ignore")
        return found if len(found) == 1 else None
    if kind == "pair":
        return bytes.fromhex(value.replace("\\u", "")).decode("utf-16-be")
    if kind == "simple":
        return _SIMPLE.get(value, value)
    if kind == "name":
        found = html.entities.html5.get(f"{value};", "")
        return found if len(found) == 1 else None
    code = int(value, _BASES.get(kind, 16))
    return chr(code) if code < 0x110000 else None


def levels(text: str) -> Iterator[tuple[str, Callable[[int, int], tuple[int, int]]]]:
    """The text, and the text with its escapes undone once, twice, three times.

    Each comes with a function from a span in it to the span in the original text.
    """
    origins: list[Unescaped] = []

    def origin(begin: int, end: int) -> tuple[int, int]:
        for undone in reversed(origins):
            begin, end = undone.origin(begin, end)
        return begin, end

    yield text, origin
    for _ in range(DEPTH):
        undone = Unescaped(origins[-1].text if origins else text)
        if not undone.changed:
            return
        origins.append(undone)
        yield undone.text, origin


def forms(value: str) -> set[str]:
    """The forms that a value may have in a text, apart from encoded bytes."""
    urls = {quote(value, safe=""), quote(value), quote_plus(value)}
    lower = {re.sub("%[0-9A-F]{2}", lambda code: code[0].lower(), url) for url in urls}
    escaped = {_escaped(value), _escaped(value, ascii_only=True), repr(value)[1:-1]}
    pages = {escape(form, quote=marks) for form in (value, *escaped) for marks in (True, False)}
    # Escapes byte by byte; and UTF-16 as bytes.
    data = value.encode(errors="surrogatepass").decode("latin-1")
    return {value, *urls, *lower, *escaped, *pages, data, "\0".join(value)}


def _escaped(value: str, *, ascii_only: bool = False) -> str:
    return json.dumps(value, ensure_ascii=ascii_only)[1:-1]


def cores(value: str) -> Iterator[tuple[bytes, str]]:
    """The part of encoded bytes that depends only on the value, for each offset, and the encoding.

    To be searched for in a text without whitespace, with base64 in its standard alphabet.
    """
    data = value.encode(errors="surrogatepass")
    wide = value.encode("utf-16-le", errors="surrogatepass")
    # Without the last byte it is also a part of the big-endian form.
    for content in (data, wide[:-1] if value.isascii() else wide):
        digits = content.hex()
        for text in (digits, digits.upper(), ":".join(re.findall("..", digits))):
            yield text.encode(), "in hexadecimal"
        yield ":".join(re.findall("..", digits.upper())).encode(), "in hexadecimal"
        for core in _aligned(content, base64.b32encode, 5):
            yield core, "in base32"
            yield core.lower(), "in base32"
        for core in _aligned(content, base64.b64encode, 6):
            yield core, "in base64"
            for twice in _aligned(core, base64.b64encode, 6):
                yield twice, "in base64, twice"


def _aligned(content: bytes, encode: Callable[[bytes], bytes], bits: int) -> Iterator[bytes]:
    """The part of the encoding that depends only on the content, for each offset."""
    for before in range({5: 5, 6: 3}[bits]):
        encoded = encode(bytes(before) + content)
        yield encoded[-(-before * 8 // bits) : (before + len(content)) * 8 // bits]
