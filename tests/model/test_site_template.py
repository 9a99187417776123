"""Values put into the commented example: comments stay, keys behind a # come into use."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kuryr_runbook.model.packaged import packaged
from kuryr_runbook.model.site_file import parse_site
from kuryr_runbook.model.site_template import filled, keys_of, with_schema

EXAMPLE = (packaged("parameters") / "example.yaml").read_text()
SMALL = """\
# A head: with a colon.
name: one       # its meaning
part:
  # spare: 5    # shown with its default
  inner:
    key: value
  last: 7
"""


def test_values_go_to_their_keys_and_comments_stay() -> None:
    text = filled(SMALL, {"name": "other", "part.inner.key": "v2", "part.last": "x"})
    assert text == SMALL.replace("one       #", "other     #").replace("value", "v2").replace(
        "7", "x"
    )


def test_a_key_behind_a_comment_comes_into_use() -> None:
    text = filled(SMALL, {"part.spare": "yes"})
    assert "  spare: 'yes'  # shown with its default" in text
    assert yaml.safe_load(text)["part"]["spare"] == "yes"


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(KeyError, match=r"part\.none"):
        filled(SMALL, {"part.none": "x"})


def test_nothing_to_fill_leaves_the_example() -> None:
    assert filled(EXAMPLE, {}) == EXAMPLE


@given(
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=30)
    .map(str.strip)
    .filter(bool)
)
def test_any_text_comes_back_as_it_was(value: str) -> None:
    text = filled(EXAMPLE, {"openstack.cloud": value})
    assert yaml.safe_load(text)["openstack"]["cloud"] == value
    assert parse_site(text, "example").openstack.cloud == value


def test_all_keys_are_known_in_their_order() -> None:
    assert keys_of(SMALL) == (
        "name",
        "part",
        "part.spare",
        "part.inner",
        "part.inner.key",
        "part.last",
    )


def test_the_schema_is_found_from_anywhere_and_nothing_else_changes() -> None:
    text = with_schema(EXAMPLE, Path("/opt/a place/schema.json"))
    first, rest = text.split("\n", 1)
    assert first == "# yaml-language-server: $schema=file:///opt/a%20place/schema.json"
    assert rest == EXAMPLE.split("\n", 1)[1]
    with pytest.raises(ValueError, match="does not begin"):
        with_schema(SMALL, Path("schema.json"))
