"""A text that steers whoever shows it raw, and what of it is left in an output."""

from __future__ import annotations

import unicodedata
from html.parser import HTMLParser
from typing import Any

HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07\x1b]8;;http://evil\x1b\\x\x9b31m\x90q\x9c\x00\x08\x7f\r\u202e\u2066"
    "\u200b\u200d\ufeff\u2028\u2029\x85\U000e0041\ufe0f\u3164\ud800\ufffe"
    "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&]]>--><!--[x](javascript:y)`|*_#"
)
SEEN = {"\n"}


class Tags(HTMLParser):
    """What a page has that runs: scripts, handlers, addresses of scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.bad: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "iframe", "object", "embed", "base", "form", "img"):
            self.bad.append(tag)
        self.bad += [
            f"{name}={value}"
            for name, value in attrs
            if name.startswith("on") or "javascript:" in (value or "")[:20]
        ]


def faults(text: str) -> list[str]:
    """The characters in a text that nobody sees, or that steer who shows it."""
    bad = {
        letter
        for letter in text
        if letter not in SEEN and (unicodedata.category(letter) in ("Zl", "Zp") or
                                   unicodedata.category(letter)[0] == "C")
    }  # fmt: skip
    return sorted(map(ascii, bad))


def injections(html: str) -> list[str]:
    tags = Tags()
    tags.feed(html)
    tags.close()
    return tags.bad


def spoilt(value: Any, text: str) -> Any:
    """The same answers, with the text at the end of every text in them."""
    match value:
        case str():
            return f"{value}{text}"
        case dict():
            return {key: spoilt(item, text) for key, item in value.items()}
        case list():
            return [spoilt(item, text) for item in value]
    return value
