"""Blanks of a site file: no reader takes one for a value, wherever it stands."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kuryr_runbook.model.blanks import blank, blanks_of
from kuryr_runbook.model.errors import SiteError
from kuryr_runbook.model.packaged import packaged
from kuryr_runbook.model.site_file import drafted_blanks, parse_site, site_from_parameters
from kuryr_runbook.model.site_form import form_fields, text_problems, texts_of
from kuryr_runbook.model.site_template import filled

EXAMPLE = (packaged("parameters") / "example.yaml").read_text()
KEYS = [field.path for field in form_fields() if not field.listed]
HOW = "ask `the colleague`: she knows"
keys = pytest.mark.parametrize("key", KEYS)


@keys
def test_a_blank_is_refused_with_its_line_and_how_to_look_it_up(key: str) -> None:
    text = filled(EXAMPLE, {key: blank(HOW)})
    [line] = [n for n, line in enumerate(text.splitlines(), 1) if "LOOK UP: " in line]
    with pytest.raises(SiteError) as caught:
        parse_site(text, "my.yaml")
    assert str(caught.value).startswith("my.yaml: 1 problem\n")
    assert f"{key} (line {line}): is blank: {HOW}" in str(caught.value)
    [found] = drafted_blanks(text, "my.yaml")
    assert (found.key, found.line, found.how) == (key, line, HOW)


@keys
def test_papermill_and_the_form_refuse_it_too(key: str) -> None:
    values = yaml.safe_load(filled(EXAMPLE, {key: blank(HOW)}))
    with pytest.raises(SiteError, match="is blank: ask"):
        site_from_parameters(values)
    assert text_problems(texts_of(values)) == {key: f"is blank: {HOW}"}


@keys
def test_an_editor_shows_it(key: str) -> None:
    validator = pytest.importorskip("jsonschema").Draft202012Validator
    schema = validator(json.loads((packaged("parameters") / "schema.json").read_text()))
    values = yaml.safe_load(EXAMPLE)
    assert schema.is_valid(values)
    values = yaml.safe_load(filled(EXAMPLE, {key: blank(HOW)}))
    assert [".".join(map(str, it.absolute_path)) for it in schema.iter_errors(values)] == [key]


def test_blanks_are_listed_in_the_order_of_the_file() -> None:
    text = filled(EXAMPLE, dict.fromkeys(KEYS, blank(HOW)))
    with pytest.raises(SiteError) as caught:
        parse_site(text, "my.yaml")
    lines = [int(it) for it in re.findall(r"\(line (\d+)\): is blank", str(caught.value))]
    assert len(lines) == len(KEYS)
    assert lines == sorted(lines)


def test_other_problems_of_a_draft_are_told() -> None:
    text = filled(EXAMPLE, {"name": "No Name", "kuryr.link_iface": blank(HOW)})
    with pytest.raises(SiteError, match=r"1 problem\n.*name") as caught:
        drafted_blanks(text, "my.yaml")
    assert "blank" not in str(caught.value)


@given(
    st.recursive(
        st.text() | st.integers() | st.text().map(blank),
        lambda inner: st.dictionaries(st.text(), inner),
        max_leaves=20,
    ).filter(lambda it: isinstance(it, dict))
)
def test_all_blanks_are_found(values: dict[str, Any]) -> None:
    def count(value: object) -> int:
        if isinstance(value, dict):
            return sum(map(count, value.values()))
        return isinstance(value, str) and value.startswith("LOOK UP:")

    assert len(list(blanks_of(values))) == count(values)
