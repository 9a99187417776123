"""Secrets are found in every form in which they may stand in a text, and taken out of it."""

from __future__ import annotations

import base64
import html
import json
import re
import secrets
import textwrap
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuryr_runbook.model.secrets import COMMON, REDACTED, SHORTEST, KnownSecrets, Secret

VALUE = f'{secrets.token_hex(6)} "&/+%\\ü{secrets.token_hex(6)}'


def mixed(value: str, encode: Callable[[str], str]) -> str:
    """Every other character encoded."""
    return "".join(encode(char) if at % 2 else char for at, char in enumerate(value))


def twice(content: bytes) -> str:
    return base64.b64encode(base64.b64encode(content)).decode()


ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "url": lambda value: quote(value, safe=""),
    "url, lower case": lambda value: re.sub(
        "%..", lambda code: code[0].lower(), quote(value, safe="")
    ),
    "form": quote_plus,
    "json": lambda value: json.dumps({"a": value}),
    "json in json": lambda value: json.dumps(json.dumps(value)),
    "json, not in ascii": lambda value: json.dumps(value, ensure_ascii=False),
    "python": repr,
    "html": html.escape,
    "html of json": lambda value: html.escape(json.dumps(value)),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64, for urls": lambda value: base64.urlsafe_b64encode(f"?{value}".encode()).decode(),
    "base64, as a login": lambda value: base64.b64encode(f"kuryr:{value}".encode()).decode(),
    "base64, inside": lambda value: base64.b64encode(f"ab{value}cd".encode()).decode(),
    "base64, in lines": lambda value: textwrap.fill(
        base64.b64encode(f"password={value}".encode()).decode(), 20
    ),
    "html, without quotes": lambda value: html.escape(value, quote=False),
    "every character in percents": lambda value: "".join(f"%{x:02X}" for x in value.encode()),
    "percents, lower case": lambda value: "".join(f"%{x:02x}" for x in value.encode()),
    "some in percents": lambda value: mixed(
        value,
        lambda char: quote(char, safe="") if quote(char, safe="") != char else f"%{ord(char):02X}",
    ),
    "%u": lambda value: "".join(f"%u{ord(char):04x}" for char in value),
    "decimal entities": lambda value: "".join(f"&#{ord(char)};" for char in value),
    "padded entities": lambda value: "".join(f"&#{ord(char):07d};" for char in value),
    "hexadecimal entities": lambda value: "".join(f"&#x{ord(char):x};" for char in value),
    "hexadecimal entities, upper": lambda value: "".join(f"&#X{ord(char):04X};" for char in value),
    "\\u": lambda value: "".join(f"\\u{ord(char):04x}" for char in value),
    "\\u, upper": lambda value: "".join(f"\\u{ord(char):04X}" for char in value),
    "\\u{}": lambda value: "".join(f"\\u{{{ord(char):04x}}}" for char in value),
    "\\U": lambda value: "".join(f"\\U{ord(char):08x}" for char in value),
    "\\x": lambda value: "".join(f"\\x{x:02x}" for x in value.encode()),
    "octal": lambda value: "".join(f"\\{x:03o}" for x in value.encode()),
    "mixed": lambda value: mixed(value, lambda char: f"&#{ord(char)};"),
    "entities in percents": lambda value: quote("".join(f"&#{ord(x)};" for x in value), safe=""),
    "\\u in json": lambda value: json.dumps("".join(f"\\u{ord(char):04x}" for char in value)),
    "percents twice": lambda value: quote(quote(value, safe=""), safe=""),
    "hexadecimal": lambda value: value.encode().hex(),
    "hexadecimal, upper": lambda value: value.encode().hex().upper(),
    "hexadecimal, in groups": lambda value: value.encode().hex(" ", 2),
    "hexadecimal, with colons": lambda value: value.encode().hex(":"),
    "hexadecimal, with colons, upper": lambda value: value.encode().hex(":").upper(),
    "base32": lambda value: base64.b32encode(value.encode()).decode(),
    "base32, inside": lambda value: base64.b32encode(f"abc{value}de".encode()).decode(),
    "base32, lower": lambda value: base64.b32encode(value.encode()).decode().lower(),
    "utf-16 in base64": lambda value: base64.b64encode(value.encode("utf-16")).decode(),
    "utf-16 in base64, big": lambda value: base64.b64encode(value.encode("utf-16-be")).decode(),
    "utf-16 in hexadecimal": lambda value: value.encode("utf-16-le").hex(),
    "base64 twice": lambda value: twice(value.encode()),
    "base64 twice, inside": lambda value: twice(f"kuryr:{value}!".encode()),
    "base64 twice, inside both": lambda value: base64.b64encode(
        b"x" + base64.b64encode(f"ab{value}".encode()) + b"yz"
    ).decode(),
    "utf-16 twice": lambda value: twice(value.encode("utf-16-le")),
    "base64 in percents": lambda value: quote(base64.b64encode(f"{value}?".encode()), safe=""),
    "base64 in json": lambda value: json.dumps(base64.encodebytes(value.encode() * 3).decode()),
    "coloured": lambda value: f"\x1b[31m{value}\x1b[0m",
}
known = KnownSecrets([Secret(VALUE, "the password")])


@pytest.mark.parametrize("encoded", ENCODINGS.values(), ids=ENCODINGS)
def test_every_form_is_found_and_taken_out(encoded: Callable[[str], str]) -> None:
    text = f"before {encoded(VALUE)} after"
    assert [what.split(",")[0] for what in known.found_in(text)] == ["the password"]
    clean = known.redacted(text)
    assert REDACTED in clean
    assert known.found_in(clean) == []
    assert clean.startswith("before ")
    assert clean.endswith(" after")


@given(
    st.text(min_size=SHORTEST).filter(
        lambda value: value not in REDACTED and value.lower() not in COMMON
    ),
    st.binary(max_size=20),
    st.binary(max_size=20),
)
def test_base64_hides_no_secret_wherever_it_begins(value: str, before: bytes, after: bytes) -> None:
    some = KnownSecrets([Secret(value, "it")])
    text = base64.b64encode(before + value.encode() + after).decode()
    assert some.found_in(text)
    assert not some.found_in(some.redacted(text))


@given(st.text())
def test_a_text_without_secrets_stays_as_it_is(text: str) -> None:
    assert known.redacted(text) == text
    assert known.found_in(text) == []


ESCAPES: tuple[Callable[[str], str], ...] = (
    str,
    lambda char: "".join(f"%{x:02X}" for x in char.encode()),
    lambda char: f"&#{ord(char)};",
    lambda char: f"&#x{ord(char):x};",
    lambda char: f"\\u{ord(char):04x}" if ord(char) < 0x10000 else char,
    lambda char: html.escape(char),
    lambda char: json.dumps(char)[1:-1],
)


@given(
    st.text(st.characters(codec="utf-8"), min_size=SHORTEST).filter(
        lambda value: value not in REDACTED and value.lower() not in COMMON
    ),
    st.data(),
)
def test_escapes_hide_no_secret_in_whatever_mix(value: str, data: st.DataObject) -> None:
    some = KnownSecrets([Secret(value, "it")])
    # A backslash of the value's own has to be escaped, or it is none.
    plain = value.replace("\\", "\\\\").replace("&", "&amp;").replace("%", "%25")
    written = "".join(
        data.draw(st.sampled_from(ESCAPES))(char) if char in value and char not in "\\&%;" else char
        for char in plain
    )
    text = f"<{written}>"
    assert some.found_in(text)
    clean = some.redacted(text)
    assert not some.found_in(clean)
    assert clean[0] + clean[-1] == "<>"


@given(
    st.text(min_size=SHORTEST).filter(
        lambda value: value not in REDACTED and value.lower() not in COMMON
    ),
    st.binary(max_size=9),
    st.binary(max_size=9),
    st.sampled_from(
        [
            base64.b32encode,
            base64.b16encode,
            lambda x: base64.b64encode(base64.b64encode(x)),
            lambda x: x.hex().encode(),
        ]
    ),
)
def test_no_encoding_of_bytes_hides_a_secret_wherever_it_begins(
    value: str, before: bytes, after: bytes, encode: Callable[[bytes], bytes]
) -> None:
    some = KnownSecrets([Secret(value, "it")])
    text = encode(before + value.encode() + after).decode()
    assert some.found_in(text)
    assert not some.found_in(some.redacted(text))


def test_all_of_several_are_taken_out_also_when_one_is_a_part_of_another() -> None:
    one, other = secrets.token_hex(8), secrets.token_hex(8)
    some = KnownSecrets([Secret(one, "one"), Secret(f"{one}{other}", "both")])
    clean = some.redacted(f"{one} {one}{other} {base64.b64encode(one.encode()).decode()} {one}")
    assert clean.split() == [REDACTED] * 4


def a_key(kind: str) -> str:
    body = base64.b64encode(secrets.token_bytes(200)).decode()
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{body}\n-----END {kind}PRIVATE KEY-----\n"


PEM = a_key("RSA ")
TOKEN = f"gAAAAA{secrets.token_urlsafe(120)}"
JWT = ".".join(
    f"eyJ{secrets.token_urlsafe(60).replace('-', 'a')}" for _ in range(3)
)  # what a kubelet mounts


@pytest.mark.parametrize(
    "text",
    [
        PEM,
        a_key(""),
        a_key("OPENSSH "),
        json.dumps(PEM),
        base64.b64encode(PEM.encode()).decode(),
        TOKEN,
        f"X-Auth-Token: {TOKEN}",
        f"Bearer {JWT}",
    ],
)
def test_some_secrets_show_by_their_form(text: str) -> None:
    nobody = KnownSecrets()
    assert nobody.found_in(text)
    clean = nobody.redacted(text)
    assert REDACTED in clean
    assert not nobody.found_in(clean)


def test_a_mention_of_such_a_form_is_no_secret() -> None:
    head = f"-----BEGIN {'PRIVATE KEY'}-----"
    text = f"the file begins with {head}\nand a token with gAAAA or eyJhbGciOi"
    assert KnownSecrets().found_in(text) == []


def test_a_known_key_is_found_line_by_line() -> None:
    value = f"-----BEGIN X-----\n{secrets.token_hex(32)}\n{secrets.token_hex(32)}\n-----END X-----"
    some = KnownSecrets([Secret(value, "the key")])
    for line in value.splitlines():
        assert bool(some.found_in(line)) is not line.startswith("-----")


@pytest.mark.parametrize("word", ["admin", "password", "OpenStack"])
def test_what_cannot_be_distinguished_from_words_is_named_and_not_looked_for(word: str) -> None:
    some = KnownSecrets([Secret(word, "the password"), Secret("", "nothing")])
    assert some.indistinct == ["the password"]
    assert some.redacted(f"the {word}") == f"the {word}"


def test_no_secret_shows_in_a_repr() -> None:
    assert VALUE not in repr(Secret(VALUE, "the password"))


def test_json_values_are_redacted_whole() -> None:
    value = {"data": {"text/plain": f"is {VALUE}"}, "list": [1, None, VALUE], VALUE: True}
    clean = known.redacted_value(value)
    assert clean == {
        "data": {"text/plain": f"is {REDACTED}"},
        "list": [1, None, REDACTED],
        REDACTED: True,
    }
