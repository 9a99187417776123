"""What all pages share."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from support.pages import Page

from kuryr_runbook.recording.pages.frame import (
    Around,
    Place,
    kind_of,
    navigation,
    page,
    phase_places,
    table,
    word,
)


def test_a_page_lets_nothing_in_but_its_own_style_and_script() -> None:
    text = page("Runs", (), "<p>x</p>", "let a = 1;")
    found = Page(text)
    policy = str(found.all_of("meta")[1]["content"])
    assert policy.startswith("default-src 'none'; ")
    for tag in ("style", "script"):
        inner = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert inner
        digest = base64.b64encode(hashlib.sha256(inner[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "script-src 'none'" in page("Runs", (), "")
    assert not re.search(r"https?://|url\(|@import", text)


def test_the_style_knows_both_schemes_and_narrow_screens() -> None:
    text = page("Runs", (), "")
    assert "prefers-color-scheme: dark" in text
    assert "max-width: 48rem" in text


def test_a_phase_page_knows_index_run_and_neighbours_by_relative_links() -> None:
    around = Around(
        site="lab",
        run="r 01",
        in_site=True,
        before="01_image_build.html",
        after="03_controller.html",
    )
    links = {it.text: it.href for it in phase_places("02_openstack_prep", around)}
    assert links == {
        "All runs of lab": "../index.html#run-r%2001",
        "Run r 01": "index.html",
        "← 01_image_build": "01_image_build.html",
        "02_openstack_prep": None,
        "03_controller →": "03_controller.html",
    }


def test_a_run_elsewhere_has_no_index_beside_it() -> None:
    around = Around(site="lab", run="r01", in_site=False)
    assert [it.text for it in phase_places("00_preflight", around)] == ["Run r01", "00_preflight"]


def test_the_navigation_says_where_one_is() -> None:
    text = navigation([Place("a<b", "x.html?a&b"), Place("here", None, is_here=True)])
    assert '<a href="x.html?a&amp;b">a&lt;b</a>' in text
    assert '<span aria-current="page">here</span>' in text


@pytest.mark.parametrize(
    ("status", "kind"),
    [("SUCCEEDED", "good"), ("pass", "good"), ("warn", "mild"), ("skip", "note"),
     ("NOT_REACHED", "note"), ("LOST", "bad"), ("whatever", "bad")],
)  # fmt: skip
def test_a_status_is_a_sign_and_a_word_besides_its_colour(status: str, kind: str) -> None:
    assert kind_of(status) == kind
    text = re.sub("<[^>]*>", "", word(status))
    assert text[0] in "✓!✗-"
    assert text[2:] == (status if status != "NOT_REACHED" else "not reached")


def test_cells_of_a_table_have_their_columns_names_for_narrow_screens() -> None:
    found = Page(table("A & B", {"what": "", "why": "wide"}, [("x", "y"), ("z", "")]))
    names = [item.get("data-name") for item in found.all_of("td")]
    assert names == ["why", None]
    assert {item["scope"] for item in found.all_of("th")} == {"col", "row"}
