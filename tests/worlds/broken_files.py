"""Files that are not what they should be, by kind: what a reader has to refuse with one message."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

from hypothesis import strategies as st
from support.drawing import SCALARS, json_values

LEVELS = 3000
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(9)
)
CONTENTS: dict[str, bytes] = {
    "empty": b"",
    "blanks": b" \n\n \n",
    "text": b"just text\n",
    "quoted text": b'"just text"\n',
    "number": b"42\n",
    "null": b"null\n",
    "tilde": b"~\n",
    "true": b"true\n",
    "list": b"[1, 2, 3]\n",
    "list of lists": b"- - a\n  - b\n",
    "empty mapping": b"{}\n",
    "mapping of null": b'{"name": null, "clouds": null, "auths": null, "users": null}\n',
    "mapping of texts": b'{"name": "a", "clouds": "b", "auths": "c", "users": "d", "cells": "e"}\n',
    "mapping of lists": b'{"name": [1], "clouds": [1], "auths": [1], "users": [1], "cells": [1]}\n',
    "keys that are no text": b"1: a\ntrue: b\n? [x]\n: c\n",
    "a key twice": b'{"name": "a", "name": "b"}\n',
    "a key twice, deeper": b"a:\n  b: 1\n  b: 2\n",
    "UTF-16 with mark": "name: lab\n".encode("utf-16"),
    "UTF-16 without mark": "name: lab\n".encode("utf-16-le"),
    "UTF-32": "name: lab\n".encode("utf-32"),
    "Latin-1": "name: l\xe4b\n".encode("latin-1"),
    "surrogates in UTF-8": b"name: \xed\xa0\x80\n",
    "a surrogate escaped": b'{"name": "\\ud800"}\n',
    "truncated UTF-8": b"name: \xe2\x9c",
    "byte order mark": b"\xef\xbb\xbf",
    "NUL": b"name: a\0b\n",
    "NULs": bytes(64),
    "ESC": b"name: \x1b]0;owned\x07\n",
    "C1": "name: \x9b31m\n".encode(),
    "line separator": "name: a\u2028kuryr: b\n".encode(),
    "carriage returns": b"name: a\rkuryr: b\r",
    "tabs": b"name:\n\tb: c\n",
    "unclosed": b'{"name": [1, 2',
    "unclosed text": b'{"name": "lab',
    "several documents": b"--- a\n--- b\n",
    "several JSON documents": b"{} {}\n",
    "a tag of Python's": b"!!python/object/apply:os.system ['true']\n",
    "a tag of its own": b"name: !vault abc\n",
    "a date that there is not": b"name: 2024-13-45\n",
    "a time zone that there is not": b"name: 2001-01-01 00:00:00 +99:99\n",
    "an integer of nothing": b"name: !!int ''\n",
    "5000 digits": b'{"name": ' + b"9" * 5000 + b"}\n",
    "not a number": b'{"name": NaN}\n',
    "infinity": b"name: .inf\n",
    "binary": b"name: !!binary gAAA\n",
    "bad binary": b"name: !!binary x\n",
    "a mapping's tag on a list": b"!!map [a]\n",
    "a mapping's tag on text": b"name: !!map a\n",
    "a time's tag on text": b"name: !!timestamp a\n",
    "an escape of no character": b'name: "\\UFFFFFFFF"\n',
    "100,000 values": b"[" + b"1," * 100_000 + b"1]\n",
    "100,000 keys": b"{" + b",".join(b"k%d: 1" % number for number in range(100_000)) + b"}\n",
    "a set": b"!!set {a, b}\n",
    "pairs": b"!!omap [a: 1]\n",
    "a value key": b"=: 1\n",
    "a merge of text": b"name:\n  <<: text\n",
    "flow levels": b"[" * LEVELS + b"]" * LEVELS,
    "open flow levels": b"[" * LEVELS,
    "JSON levels": b'{"a":' * LEVELS + b"1" + b"}" * LEVELS,
    "fewer levels": b"[" * 500 + b"]" * 500,
    "block levels": "\n".join(" " * i + "a:" for i in range(LEVELS)).encode(),
    "alias of itself": b"&a {name: *a}\n",
    "alias of itself in a list": b"&a [*a]\n",
    "alias bomb": BOMB.encode(),
    "alias of nothing": b"name: *a\n",
    "20 MB in a name": b"name: " + b"x" * 20_000_000 + b"\n",
    "20 MB in a quoted name": b'{"name": "' + b"x" * 20_000_000 + b'"}\n',
    "a megabyte in a key": b"x" * 900_000 + b": 1\n",
    "a megabyte of brackets": b"[" * 900_000,
    "a program": b"\x7fELF\x02\x01\x01" + bytes(range(256)),
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    "compressed": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
    "a page": b"<!DOCTYPE html><html><body>login</body></html>\n",
    "PEM without content": b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
    "PEM of nonsense": b"-----BEGIN %b-----\nAAAA\n-----END %b-----\n" % ((b"PRIVATE KEY",) * 2),
}


def _socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # A socket's name has 108 bytes at most.
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


IRREGULAR: dict[str, Callable[[Path], object]] = {
    "absent": lambda path: None,
    "directory": lambda path: path.mkdir(),
    "FIFO": os.mkfifo,
    "socket": _socket,
    "endless device": lambda path: path.symlink_to("/dev/zero"),
    "empty device": lambda path: path.symlink_to("/dev/null"),
    "link to itself": lambda path: path.symlink_to(path),
    "link to nothing": lambda path: path.symlink_to(path.with_name("nothing")),
    "below a file": lambda path: path.symlink_to("/etc/passwd/x"),
}

values = json_values(scalars=SCALARS | st.floats(allow_nan=False, allow_infinity=False))
"""Any JSON value."""


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """A good file with a piece of it replaced, removed or doubled."""
    begin = draw(st.integers(0, len(whole)))
    end = min(len(whole), begin + draw(st.integers(0, 40)))
    piece = draw(
        st.sampled_from([b"", whole[begin:end] * 2, b"\0", b"\xff", b"\t", b"[", b"null", b"&a *a"])
        | st.binary(max_size=6)
        | st.text(max_size=6).map(lambda text: text.encode("utf-8", "surrogatepass"))
    )
    return whole[:begin] + piece + whole[end:]
