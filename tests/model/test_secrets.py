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
def test_what_cannot_be_told_from_words_is_named_and_not_looked_for(word: str) -> None:
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
