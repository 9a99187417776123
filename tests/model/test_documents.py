"""YAML and JSON from outside: parsed strictly, or refused with one message of bounded length."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds.broken_files import CONTENTS, values

from kuryr_runbook.model.documents import (
    LEVELS,
    NODES,
    from_base64,
    is_deeper,
    mapping,
    parse_json,
    parse_yaml,
    text_from_base64,
)
from kuryr_runbook.model.errors import FileError

LIMIT = 2000


def complaint(parse: Callable[[str, str], object], text: str) -> str:
    """What is said of the text; empty: it was parsed. Any other error fails the test."""
    try:
        parse(text, "x")
    except FileError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: a\nname: b\n", "line 2: the key name is a duplicate: it is already in line 1"),
        ("&a {name: *a}", "line 1: the alias *a contains itself"),
        ("a: [", "line 1: expected the node content"),
        ("a: 1\n---\nb: 2\n", "line 2: but found another document"),
        ("a:\n\t- b", "line 2: found character"),
        ("a: 1\nb: 2024-13-45\nc: 3\n", "line 2: a value cannot be read"),
        ("? [a]\n: b", "line 1: a key is not text"),
        ("a: !!python/name:os.system x", "line 1: could not determine a constructor"),
        ("[" * 3000, f"more than {LEVELS} levels"),
        ("a: 1\nb: !!map [c]", "line 2: this is not a mapping"),
        ("a: 1\nb: !!timestamp c", "line 2: a value cannot be read (AttributeError)"),
        ('a: 1\nb: "\\UFFFFFFFF"', "line 2: it cannot be parsed (OverflowError)"),
        (f"[{'1,' * NODES}1]", f"line 1: it has more than {NODES} values"),
    ],
)
def test_what_is_wrong_with_yaml_is_reported_with_its_line(text: str, expected: str) -> None:
    with pytest.raises(FileError) as caught:
        parse_yaml(text, "file x.yaml", remedy="write it anew")
    assert "file x.yaml is not usable YAML: " in str(caught.value)
    assert expected in str(caught.value)
    assert str(caught.value).endswith("-> write it anew")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1,\n "b" 2}', "line 2: Expecting ':' delimiter"),
        ('{"a": {"b": 1, "b": 2}}', "an object has the key b twice"),
        ("[" * 100_000, f"more than {LEVELS} levels"),
        ('{"a":' * 500 + "1" + "}" * 500, f"more than {LEVELS} levels"),
        ("[NaN]", "NaN is not a JSON number"),
        ("9" * 5000, "a number in it is too long"),
    ],
)
def test_what_is_wrong_with_json_is_reported(text: str, expected: str) -> None:
    with pytest.raises(FileError) as caught:
        parse_json(text, "file x.json")
    assert f"file x.json is not usable JSON: {expected}" in str(caught.value)


def test_no_line_of_a_file_is_quoted_since_there_may_be_a_password_in_it() -> None:
    with pytest.raises(FileError) as caught:
        parse_yaml("auth:\n  password: hunter2-hunter2: x\n", "clouds.yaml")
    assert "hunter2" not in str(caught.value)


def test_aliases_and_merge_keys_that_end_are_what_yaml_makes_of_them() -> None:
    text = "base: &b {user: k8s, project: p}\nother:\n  <<: *b\n  project: q\n"
    assert parse_yaml(text, "x") == yaml.safe_load(text)


@pytest.mark.parametrize("name", [name for name in CONTENTS if "20 MB" not in name])
def test_every_broken_text_is_a_value_or_one_short_error(name: str) -> None:
    text = CONTENTS[name].decode("utf-8", "surrogateescape")
    for parse in (parse_yaml, parse_json):
        assert len(complaint(parse, text)) < LIMIT


@given(st.text(max_size=200))
def test_any_text_is_a_value_or_a_file_error(text: str) -> None:
    for parse in (parse_yaml, parse_json):
        assert len(complaint(parse, text)) < LIMIT


KINDS = (
    "map", "seq", "str", "int", "float", "bool", "null", "timestamp", "set", "omap", "pairs",
    "binary", "merge", "value",
)  # fmt: skip
YAML = (
    *"a1~.-?:,[]{}#&*!|>'\"%@`\\\n\t ", "- ", ": ", "? ", "\n  ", "---\n", "...\n", "<<: ", "&a ",
    "*a", *(f"!!{kind} " for kind in KINDS), "!x ", "!<y> ", "%YAML 1.1\n", "%TAG ! x:\n",
    '"\\U00110000"', '"\\x"', "2001-01-01 0:0:0", "1:1", "0x", "0b", ".nan", "|9", ">-\n",
)  # fmt: skip
"""Pieces of which YAML is made, to be put together in any order."""


@given(st.lists(st.sampled_from(YAML), max_size=14).map("".join))
@settings(max_examples=400)
def test_any_pieces_of_yaml_are_a_value_or_a_file_error(text: str) -> None:
    assert len(complaint(parse_yaml, text)) < LIMIT


@given(values)
@settings(max_examples=50)
def test_what_a_document_holds_comes_back(value: object) -> None:
    assert parse_json(json.dumps(value), "x") == value


@pytest.mark.parametrize("value", [None, 5, ["x"], "a\u00e9", "a=b", "aGk\n", "aGk", "\ud800"])
def test_what_is_no_base64_is_none(value: object) -> None:
    assert from_base64(value) is None
    assert text_from_base64(value) == ""


def test_base64_of_text_and_of_other_bytes() -> None:
    assert (from_base64("aGk="), text_from_base64("aGk=")) == (b"hi", "hi")
    assert (from_base64("/w=="), text_from_base64("/w==")) == (b"\xff", "")


@given(st.integers(0, 200))
def test_depth_is_counted_in_levels(levels: int) -> None:
    value: object = 1
    for _ in range(levels):
        value = [value]
    assert is_deeper(value, LEVELS) is (levels > LEVELS)


@pytest.mark.parametrize("value", [None, "text", [1], {1: 2}, 3.5])
def test_only_names_with_values_are_a_mapping(value: object) -> None:
    with pytest.raises(FileError, match="expected names with values"):
        mapping(value, "x")
